package camera_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

func TestACameraWithOldTLSIsRecordedAndWhatIsWeakIsSaid(t *testing.T) {
	h := start(t, testcam.Camera{OldTLS: true, Username: "u", Password: "p"})
	s := open(t, options(t, h.URL(media.Main)))
	video(t, s, 5)
	got := s.Link().TLS
	for _, want := range []string{"old version of TLS", "RSA key exchange", "key of 1024 bits"} {
		if got.Version != "TLS 1.0" || !strings.Contains(got.Weak, want) {
			t.Errorf("%+v does not say %q", got, want)
		}
	}
	if len(s.Identity(&media.VideoTrack{}).Key) != 64 {
		t.Error("the key was not noted")
	}
}

func TestATLSOfTodayIsNotCalledWeak(t *testing.T) {
	s := open(t, options(t, start(t, testcam.Camera{TLS: true}).URL(media.Main)))
	if got := s.Link().TLS; got.Weak != "" || got.Version != "TLS 1.3" || got.Cipher == "" {
		t.Errorf("%+v", got)
	}
	if got := open(t, options(t, start(t, testcam.Camera{}).URL(media.Main))).Link(); got.TLS != (camera.TLS{}) || got.Transport != camera.TCP {
		t.Errorf("%+v without TLS", got)
	}
}

// secret runs a server that answers each request after the handshake with 404, and returns the address.
func secret(t *testing.T, serve func(net.Conn) net.Conn) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			raw.SetDeadline(time.Now().Add(5 * time.Second))
			conn := serve(raw)
			for r := bufio.NewReader(conn); err == nil; {
				var line string
				if line, err = r.ReadString('\n'); line == "\r\n" {
					_, err = conn.Write([]byte("RTSP/1.0 404 Not Found\r\n\r\n"))
				}
			}
			conn.Close()
		}
	}()
	return "rtsps://" + l.Addr().String() + "/x"
}

func TestOddTLSConnects(t *testing.T) {
	oldKey := func(bits int) tls.Certificate {
		c, err := testcam.OldCertificate(bits)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	small, usual := oldKey(512), oldKey(2048)
	for name, config := range map[string]*tls.Config{
		"a key of 512 bits": {Certificates: []tls.Certificate{small}, MaxVersion: tls.VersionTLS12, MinVersion: tls.VersionTLS10,
			CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}},
		"TLS 1.1": {Certificates: []tls.Certificate{usual}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS11},
		"3DES": {Certificates: []tls.Certificate{usual}, MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}},
		"a greeting of TLS 1.3 is too much": {Certificates: []tls.Certificate{usual}, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			if slices.Contains(hello.SupportedVersions, tls.VersionTLS13) {
				return nil, errors.New("unknown")
			}
			return nil, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, secret(t, func(c net.Conn) net.Conn { return tls.Server(c, config) }))
			var pinned string
			o.Admit = func(id camera.Identity) error { pinned = id.Key; return nil }
			_, err := camera.Open(t.Context(), o)
			if f := failure(t, err); f.Kind != camera.NotFound || pinned == "" {
				t.Errorf("%s (%v), key %q", f.Reason, f.Err, pinned)
			}
		})
	}
}

func TestATLSHandshakeThatFailsSaysWhyAndNeverAdvisesAgainstTLS(t *testing.T) {
	malformed, err := testcam.OldCertificate(1024)
	if err != nil {
		t.Fatal(err)
	}
	malformed.Certificate[0] = append(malformed.Certificate[0], 0)
	raw := func(bytes string) func(net.Conn) net.Conn {
		return func(c net.Conn) net.Conn {
			_, _ = c.Read(make([]byte, 4096)) // the greeting
			_, _ = c.Write([]byte(bytes))
			c.Close()
			return c
		}
	}
	for want, serve := range map[string]func(net.Conn) net.Conn{
		"certificate is malformed": func(c net.Conn) net.Conn {
			return tls.Server(c, &tls.Config{Certificates: []tls.Certificate{malformed}})
		},
		"no version or cipher of TLS in common": raw("\x15\x03\x00\x00\x02\x02\x46"), // protocol_version, in SSL 3
		"does not speak TLS":                    raw("RTSP/1.0 400 Bad Request\r\n\r\n"),
		"closed the connection":                 raw(""),
	} {
		t.Run(want, func(t *testing.T) {
			_, err := camera.Open(t.Context(), options(t, secret(t, serve)))
			if f := failure(t, err); !strings.Contains(f.Reason, want) || strings.Contains(f.Reason, "rtsp://") {
				t.Errorf("%q does not say %q (%v)", f.Reason, want, f.Err)
			}
		})
	}
}
