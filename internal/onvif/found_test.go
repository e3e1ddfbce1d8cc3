package onvif_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/onvif"
	"keepwatch.internal/internal/onvif/onviftest"
	"keepwatch.internal/internal/outbound"
)

// TestTwelveVendorsAreFoundAndAskedOverTheNetwork finds the cameras on loopback addresses and asks one over real connections.
func TestTwelveVendorsAreFoundAndAskedOverTheNetwork(t *testing.T) {
	t.Parallel()
	var done sync.WaitGroup
	t.Cleanup(done.Wait) // last: the sockets are closed before
	port := 0
	cameras := map[string]*onviftest.Camera{}
	for i, v := range onviftest.Vendors() {
		camera := onviftest.New(v)
		if _, err := camera.Listen(); err != nil {
			t.Fatal(err)
		}
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 7, 0, byte(10+i)), Port: port})
		if err != nil {
			t.Fatal(err)
		}
		port = conn.LocalAddr().(*net.UDPAddr).Port
		done.Go(func() { camera.Respond(conn) })
		t.Cleanup(func() {
			conn.Close()
			camera.Close()
		})
		cameras["urn:uuid:"+v.Serial] = camera
	}
	found, err := onvif.Discover(t.Context(), onvif.Search{Range: netip.MustParsePrefix("127.7.0.0/24"), Port: uint16(port), Wait: 3 * time.Second})
	if err != nil || len(found) != len(cameras) {
		t.Fatalf("%d found, %v", len(found), err)
	}
	for _, f := range found {
		camera := cameras[f.ID]
		if camera == nil || f.Path != "/onvif/device_service" || f.Name == "" {
			t.Fatalf("%+v", f)
		}
		_, at, _ := net.SplitHostPort(camera.Address())
		if host, port, _ := net.SplitHostPort(f.Address); host != f.From.String() || port != at && camera.Vendor.Quirks.ServiceHost == "" {
			t.Errorf("%s is at %s, not %s", f.Name, f.Address, at)
		}
		if camera.Asked("GetDeviceInformation") != 0 {
			t.Errorf("%s was asked for more than discovery", f.Name)
		}
	}
	camera := cameras["urn:uuid:"+onviftest.Vendors()[0].Serial]
	d := outbound.New(outbound.Options{Places: []outbound.Place{{Camera: "door", Address: "127.0.0.1"}}})
	client, err := onvif.New(onvif.Options{Address: camera.Address(), Username: camera.Username, Password: onvif.Password(camera.Password), Dial: d.ForCamera("door").Dial})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if profiles, err := client.Profiles(t.Context()); err != nil || len(profiles) != 2 || profiles[0].Encoding != "h265" {
		t.Errorf("%+v, %v", profiles, err)
	}
	for _, c := range d.Connections() {
		if c.Camera != "door" || c.Protocol != "http" || c.Address != camera.Address() || c.Refused != 0 || c.Sent == 0 {
			t.Errorf("%+v", c)
		}
	}
}
