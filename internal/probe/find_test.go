package probe_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/onvif"
	"keepwatch.internal/internal/onvif/onviftest"
	"keepwatch.internal/internal/outbound"
	"keepwatch.internal/internal/probe"
	"keepwatch.internal/internal/testcam"
)

// speaksONVIF starts a fake that names the streams of a simulated camera, and itself at another host. It returns its address.
func speaksONVIF(t *testing.T, rtsp *url.URL) string {
	t.Helper()
	profile := func(token, encoding string, width, height int) string {
		return fmt.Sprintf(`<Profiles token="%s"><VideoEncoderConfiguration><Encoding>%s</Encoding><Resolution><Width>%d</Width><Height>%d</Height></Resolution></VideoEncoderConfiguration></Profiles>`,
			token, encoding, width, height)
	}
	server := httptest.NewUnstartedServer(nil)
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		action := r.Header.Get("Content-Type")
		answer := ""
		switch strings.Trim(action[strings.LastIndex(action, "/")+1:], `"`) {
		case "GetDeviceInformation":
			answer = `<GetDeviceInformationResponse><Manufacturer>Acme</Manufacturer><Model>M1</Model></GetDeviceInformationResponse>`
		case "GetCapabilities":
			answer = `<GetCapabilitiesResponse><Capabilities><Media><XAddr>http://10.9.9.9:` + port + `/onvif/media</XAddr></Media></Capabilities></GetCapabilitiesResponse>`
		case "GetProfiles":
			answer = "<GetProfilesResponse>" + profile("sub", "H264", 320, 180) + profile("still", "JPEG", 3840, 2160) + profile("main", "H264", 640, 360) + "</GetProfilesResponse>"
		case "GetStreamUri":
			for _, token := range []string{"main", "sub", "still"} {
				if strings.Contains(string(body), ">"+token+"<") {
					answer = "<GetStreamUriResponse><MediaUri><Uri>rtsp://10.9.9.9:" + rtsp.Port() + "/" + token + "</Uri></MediaUri></GetStreamUriResponse>"
				}
			}
		}
		if answer == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `<?xml version="1.0"?><E:Envelope xmlns:E="e"><E:Body>`+answer+`</E:Body></E:Envelope>`)
	})
	server.Start()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// log collects lines of progress.
type log struct{ lines []string }

func (l *log) add(line string) { l.lines = append(l.lines, line) }

func TestAnAddressIsAskedByONVIF(t *testing.T) {
	t.Parallel()
	v := testcam.Video{GOP: time.Second}
	h := start(t, testcam.Camera{Main: v, Sub: v, Username: "viewer", Password: "s3cret"})
	out := outbound.New(outbound.Options{})
	c, err := probe.Look(t.Context(), probe.Request{Address: speaksONVIF(t, address(t, h, media.Main)), Username: "viewer", Password: "s3cret",
		For: 30 * time.Second, Dialer: out.ForProbe("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	if c.Device == nil || c.Device.Model != "M1" || len(c.Streams) != 2 || c.Streams[0].Err != nil || c.Streams[1].Err != nil {
		t.Fatalf("%+v", c)
	}
	if m, s := c.Streams[0].Report, c.Streams[1].Report; m.Width != 640 || s.Width != 320 {
		t.Errorf("main is %d wide, sub %d", m.Width, s.Width)
	}
	p, ok := c.Propose("garage")
	want := "  garage:\n    main: rtsp://viewer:${P}@" + address(t, h, media.Main).Host + "/main\n    sub: rtsp://viewer:${P}@" + address(t, h, media.Main).Host + "/sub\n"
	if p.Reference = "${P}"; !ok || p.YAML("  ") != want {
		t.Errorf("%s", p.YAML("  "))
	}
	for _, row := range out.Connections() {
		if row.Camera != outbound.Probe || row.Refused > 0 || !strings.HasPrefix(row.Address, "127.0.0.1") {
			t.Errorf("connected elsewhere: %+v", row)
		}
	}
}

func TestWithoutONVIFNothingIsTriedUnasked(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	_, err := probe.Look(t.Context(), probe.Request{Address: strings.TrimPrefix(server.URL, "http://")})
	if missing, ok := errors.AsType[*probe.NotFoundError](err); !ok || missing.Refused || !strings.Contains(err.Error(), "does not speak ONVIF; turn ONVIF on in the camera") {
		t.Errorf("%v", err)
	}
}

// pathless returns the request for the commonest paths at a simulated camera's port, with a login.
func pathless(t *testing.T, h *testcam.Handle, login *url.Userinfo) probe.Request {
	return probe.Request{Streams: []*url.URL{{Scheme: "rtsp", User: login, Host: address(t, h, media.Main).Host}}, TryCommon: true, For: 30 * time.Second}
}

func TestTheCommonestPathsAreTriedWhenAskedFor(t *testing.T) {
	t.Parallel()
	v := testcam.Video{GOP: time.Second}
	h := start(t, testcam.Camera{MainPath: "/stream1", SubPath: "/stream2", Main: v, Sub: v, Username: "viewer", Password: "s3cret"})
	q, l := pathless(t, h, url.UserPassword("viewer", "s3cret")), &log{}
	q.Progress = l.add
	c, err := probe.Look(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := c.Propose(""); p.Main.Path != "/stream1" || p.Sub == nil || p.Sub.Path != "/stream2" {
		t.Errorf("proposed %+v", p)
	}
	tried := slices.DeleteFunc(l.lines, func(s string) bool { return !strings.HasPrefix(s, "trying ") })
	if len(tried) != 4 || !strings.Contains(tried[3], "/stream1 (4 of 15)") || strings.Contains(strings.Join(l.lines, ""), "s3cret") {
		t.Errorf("progress %q", l.lines)
	}
}

func TestTheFirstRefusalEndsTheTrying(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{MainPath: "/stream1", Username: "viewer", Password: "s3cret"})
	_, err := probe.Look(t.Context(), pathless(t, h, url.UserPassword("viewer", "wrong")))
	missing, ok := errors.AsType[*probe.NotFoundError](err)
	if !ok || !missing.Refused || !strings.Contains(err.Error(), "wrong user name or password") || !strings.Contains(err.Error(), "no other path was tried") {
		t.Errorf("%v", err)
	}
	if n := h.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestNoCommonPathIsSaid(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{MainPath: "/elsewhere"})
	if _, err := probe.Look(t.Context(), pathless(t, h, nil)); err == nil || !strings.Contains(err.Error(), "none of the fifteen") {
		t.Errorf("%v", err)
	}
}

func TestTheSubStreamOfACommonPathIsNamed(t *testing.T) {
	t.Parallel()
	h := start(t, testcam.Camera{MainPath: "/stream1", SubPath: "/stream2", Main: testcam.Video{Width: 1600, Height: 900, FPS: 5, GOP: time.Second}, Sub: testcam.Video{GOP: time.Second}})
	q := probe.Request{Streams: []*url.URL{address(t, h, media.Main)}, For: 30 * time.Second}
	c, err := probe.Look(t.Context(), q)
	if err != nil || len(c.Streams) != 1 || c.MaySub == nil || c.MaySub.Path != "/stream2" {
		t.Fatalf("%+v, %v", c, err)
	}
	says(t, c.Advice(), "no sub stream: pages with several cameras load the main stream, 1600 pixels wide")
	q.TryCommon = true
	if c, err = probe.Look(t.Context(), q); err != nil || len(c.Streams) != 2 || c.Streams[1].Err != nil {
		t.Fatalf("%+v, %v", c, err)
	}
	says(t, c.Advice())
}

func TestTheMainStreamIsTheLargestAndTheSubNearest640(t *testing.T) {
	p := func(uri, encoding, source string, width int) onvif.Profile {
		return onvif.Profile{StreamURI: uri, Encoding: encoding, Source: source, Width: width, Height: width / 2}
	}
	for _, c := range []struct {
		profiles []onvif.Profile
		want     []string
	}{
		{nil, nil},
		{[]onvif.Profile{p("", "h264", "a", 1920)}, nil},
		{[]onvif.Profile{p("x", "h264", "a", 1920)}, []string{"x"}},
		{[]onvif.Profile{p("s", "h264", "a", 352), p("m", "h265", "a", 3840), p("t", "h264", "a", 704), p("j", "jpeg", "a", 640)}, []string{"m", "t"}},
		{[]onvif.Profile{p("m", "h264", "a", 1920), p("other", "h264", "b", 640)}, []string{"m"}},
		{[]onvif.Profile{p("m", "h264", "a", 1920), p("m", "h264", "a", 640)}, []string{"m"}},
		{[]onvif.Profile{p("j", "jpeg", "a", 1920)}, []string{"j"}},
	} {
		if got := probe.Choose(c.profiles); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, not %q", c.profiles, got, c.want)
		}
	}
}

// TestEveryVendorIsProposed asks cameras of twelve makers, as far as is publicly known of them, whose streams are a simulated camera's.
func TestEveryVendorIsProposed(t *testing.T) {
	t.Parallel()
	plain := onviftest.New(onviftest.Plain())
	plain.Close()
	v := testcam.Video{GOP: time.Second, FPS: 5}
	h := start(t, testcam.Camera{Main: v, Sub: v, Username: plain.Username, Password: plain.Password})
	host := address(t, h, media.Main)
	for _, vendor := range onviftest.Vendors() {
		t.Run(vendor.Name, func(t *testing.T) {
			t.Parallel()
			vendor.RTSPPort, vendor.StreamPath = host.Port(), "/TOKEN"
			vendor.Streams = []onviftest.Stream{{Token: "sub", Encoding: "H264", Width: 640, Height: 360, Rate: 5, GOP: 5}, {Token: "main", Encoding: "H264", Width: 1920, Height: 1080, Rate: 5, GOP: 5}}
			c := onviftest.New(vendor)
			t.Cleanup(c.Close)
			at, err := c.Listen()
			if err != nil {
				t.Fatal(err)
			}
			out := outbound.New(outbound.Options{})
			found, err := probe.Look(t.Context(), probe.Request{Address: at, Username: c.Username, Password: c.Password, For: 30 * time.Second, Dialer: out.ForProbe("127.0.0.1")})
			if err != nil {
				t.Fatal(err)
			}
			p, _ := found.Propose("x")
			p.Reference = "${X}"
			want := "  x:\n    main: rtsp://admin:${X}@" + host.Host + "/main\n    sub: rtsp://admin:${X}@" + host.Host + "/sub\n"
			if found.Device.Model != vendor.Model || p.Main == nil || p.YAML("  ") != want {
				t.Errorf("%+v: proposed %s", found.Device, p.YAML("  "))
			}
			for _, row := range out.Connections() {
				if !strings.HasPrefix(row.Address, "127.0.0.1:") {
					t.Errorf("connected to %s", row.Address)
				}
			}
		})
	}
}

func TestAVendorThatRefusesIsAskedNoMore(t *testing.T) {
	t.Parallel()
	for _, vendor := range onviftest.Vendors() {
		if vendor.Login == onviftest.NoLogin {
			continue
		}
		c := onviftest.New(vendor)
		t.Cleanup(c.Close)
		at, err := c.Listen()
		if err != nil {
			t.Fatal(err)
		}
		_, err = probe.Look(t.Context(), probe.Request{Address: at, Username: c.Username, Password: "wrong", TryCommon: true})
		if missing, ok := errors.AsType[*probe.NotFoundError](err); !ok || !missing.Refused || !strings.Contains(err.Error(), "(ONVIF)") {
			t.Errorf("%s: %v", vendor.Name, err)
		}
		if n := c.Refused(); n > 1 {
			t.Errorf("%s: the wrong password was sent %d times", vendor.Name, n)
		}
	}
}
