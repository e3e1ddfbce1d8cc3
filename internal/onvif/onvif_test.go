package onvif

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAPlainCameraIsReadWhole asks a small camera for all that it says of itself.
func TestAPlainCameraIsReadWhole(t *testing.T) {
	answers := map[string]string{
		"GetSystemDateAndTime": `<x:GetSystemDateAndTimeResponse xmlns:x="d"><x:SystemDateAndTime><UTCDateTime><Time><Hour>1</Hour><Minute>2</Minute><Second>3</Second></Time><Date><Year>1970</Year><Month>1</Month><Day>1</Day></Date></UTCDateTime></x:SystemDateAndTime></x:GetSystemDateAndTimeResponse>`,
		"GetDeviceInformation": `<GetDeviceInformationResponse><Manufacturer>Acme</Manufacturer><Model>M1</Model><FirmwareVersion>1.2</FirmwareVersion><SerialNumber>S-1</SerialNumber><HardwareId>88</HardwareId></GetDeviceInformationResponse>`,
		"GetNetworkInterfaces": `<GetNetworkInterfacesResponse><NetworkInterfaces token="eth0"><Enabled>true</Enabled><Info><HwAddress>AC-CC-8E-00-11-22</HwAddress></Info></NetworkInterfaces></GetNetworkInterfacesResponse>`,
		"GetCapabilities":      `<GetCapabilitiesResponse><Capabilities><Media><XAddr>http://192.168.9.9/onvif/media</XAddr></Media></Capabilities></GetCapabilitiesResponse>`,
		"GetProfiles":          `<GetProfilesResponse><Profiles token="p1"><Name>main</Name><VideoEncoderConfiguration><Encoding>H264</Encoding><Resolution><Width>1920</Width><Height>1080</Height></Resolution><RateControl><FrameRateLimit>25</FrameRateLimit><BitrateLimit>4096</BitrateLimit></RateControl><H264><GovLength>50</GovLength></H264></VideoEncoderConfiguration></Profiles></GetProfilesResponse>`,
		"GetStreamUri":         `<GetStreamUriResponse><MediaUri><Uri>rtsp://192.168.9.9:8554/main?a=1&amp;b=2</Uri></MediaUri></GetStreamUriResponse>`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		action := r.Header.Get("Content-Type")
		operation := strings.Trim(action[strings.LastIndex(action, "/")+1:], `"`)
		if answers[operation] == "" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `<?xml version="1.0"?><E:Envelope xmlns:E="e"><E:Body>`+answers[operation]+`</E:Body></E:Envelope>`)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	c, err := New(Options{Address: host, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	clock, err := c.Clock(t.Context())
	if want := time.Date(1970, 1, 1, 1, 2, 3, 0, time.UTC); err != nil || !clock.Known || !clock.Time.Equal(want) {
		t.Errorf("clock %+v, %v", clock, err)
	}
	device, err := c.Device(t.Context())
	if want := (Device{"Acme", "M1", "1.2", "S-1", "88", "ac:cc:8e:00:11:22"}); err != nil || device != want {
		t.Errorf("device %+v, %v", device, err)
	}
	c.services = &Services{Media: true, media: endpoint{port: c.device.port, path: "/onvif/media"}}
	profiles, err := c.Profiles(t.Context())
	want := Profile{Token: "p1", Name: "main", Encoding: "h264", Width: 1920, Height: 1080, FrameRate: 25, GOP: 50, Bitrate: 4096,
		StreamURI: "rtsp://127.0.0.1:8554/main?a=1&b=2"}
	if err != nil || len(profiles) != 1 || profiles[0] != want {
		t.Errorf("profiles %+v, %v", profiles, err)
	}
}
