package onvif

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/outbound"
)

const match = `<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:wsdd="d"><SOAP-ENV:Body><wsdd:ProbeMatches><wsdd:ProbeMatch>` +
	`<a:EndpointReference xmlns:a="a"><a:Address>urn:uuid:1</a:Address></a:EndpointReference><wsdd:Types>dn:NetworkVideoTransmitter tds:Device</wsdd:Types>` +
	`<wsdd:Scopes>onvif://www.onvif.org/name/Front%20Door onvif://www.onvif.org/hardware/DS-2CD2 onvif://www.onvif.org/location/city/x</wsdd:Scopes>` +
	`<wsdd:XAddrs>http://10.9.9.9:8899/onvif/device_service http://[fe80::1]/onvif/device_service</wsdd:XAddrs></wsdd:ProbeMatch></wsdd:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>`

// responder answers probes on loopback with the message, and says to whom.
func responder(t *testing.T, conn *net.UDPConn, answer []byte) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if bytes.Contains(b[:n], []byte("NetworkVideoTransmitter")) {
				_, _ = conn.WriteToUDPAddrPort(answer, from)
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
}

func TestACameraInATypedRangeIsFound(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 7)})
	if err != nil {
		t.Fatal(err)
	}
	responder(t, conn, []byte(match))
	d := outbound.New(outbound.Options{})
	port := uint16(conn.LocalAddr().(*net.UDPAddr).Port)
	found, err := Discover(t.Context(), Search{Range: netip.MustParsePrefix("127.0.0.0/28"), Port: port, Wait: 2 * time.Second, Dialer: d})
	if err != nil || len(found) != 1 {
		t.Fatalf("found %+v, %v", found, err)
	}
	want := Found{Address: "127.0.0.7:8899", Path: "/onvif/device_service", From: netip.MustParseAddr("127.0.0.7"), ID: "urn:uuid:1",
		Name: "Front Door", Hardware: "DS-2CD2", Location: "city/x"}
	if found[0] != want {
		t.Errorf("found %+v, want %+v", found[0], want)
	}
	log := d.Connections()
	if len(log) != 1 || log[0].Protocol != "ws-discovery" || log[0].Address != "127.0.0.0/28" || log[0].Sent == 0 || log[0].Received == 0 {
		t.Errorf("log %+v", log)
	}
}

func TestACameraIsFoundByMulticast(t *testing.T) {
	t.Parallel()
	var loopback net.Interface
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			loopback = i
		}
	}
	conn, err := net.ListenMulticastUDP("udp4", &loopback, &net.UDPAddr{IP: net.ParseIP(discoveryGroup)})
	if err != nil {
		t.Fatal(err)
	}
	responder(t, conn, []byte(match))
	port := uint16(conn.LocalAddr().(*net.UDPAddr).Port)
	found, err := Discover(t.Context(), Search{Port: port, Interfaces: []net.Interface{loopback}, Wait: 2 * time.Second})
	if err != nil || len(found) != 1 || found[0].Address != "127.0.0.1:8899" || found[0].Interface != loopback.Name {
		t.Fatalf("found %+v, %v", found, err)
	}
}

func TestOnlyTheOwnNetworkIsAsked(t *testing.T) {
	d := outbound.New(outbound.Options{})
	for _, large := range []string{"10.0.0.0/8", "192.168.0.0/23", "8.8.8.0/24", "2001:db8::/120"} {
		if found, err := Discover(t.Context(), Search{Range: netip.MustParsePrefix(large), Wait: 2 * time.Second, Dialer: d}); err == nil {
			t.Errorf("%s was asked: %v", large, found)
		}
	}
	for _, c := range d.Connections() {
		if c.Sent != 0 || c.Refused != 1 {
			t.Errorf("%+v", c)
		}
	}
}

func FuzzDiscovery(f *testing.F) {
	f.Add([]byte(match))
	f.Add([]byte(strings.ReplaceAll(match, "http://10.9.9.9:8899/onvif/device_service", "http://10.9.9.9:8106:8106/ https://x:1/a")))
	f.Add([]byte("<Envelope><Body><ProbeMatches><ProbeMatch><Types>NetworkVideoTransmitter</Types><Scopes>onvif://www.onvif.org/İİ/%zz</Scopes></ProbeMatch></ProbeMatches></Body></Envelope>"))
	from := netip.MustParseAddr("192.168.1.9")
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, one := range readMatches(data, from) {
			if host, port, err := net.SplitHostPort(one.Address); err != nil || host != from.String() || !isPort(port) || !strings.HasPrefix(one.Path, "/") {
				t.Errorf("%+v", one)
			}
			if _, err := New(Options{Address: one.Address, Path: one.Path, Secure: one.Secure}); err != nil {
				t.Errorf("%+v: %v", one, err)
			}
			if len(one.Name) > 120 || len(one.ID) > 120 || len(one.Location) > 120 {
				t.Errorf("long: %+v", one)
			}
		}
	})
}
