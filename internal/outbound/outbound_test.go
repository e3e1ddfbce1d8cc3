package outbound_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"keepwatch.internal/internal/outbound"
)

// echo listens on loopback and sends back what comes.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(c, c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// only returns the one row of the log with the protocol.
func only(t *testing.T, d *outbound.Dialer, protocol string) outbound.Connection {
	t.Helper()
	var found []outbound.Connection
	for _, c := range d.Connections() {
		if c.Protocol == protocol {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d rows with %s: %+v", len(found), protocol, d.Connections())
	}
	return found[0]
}

func TestAConnectionIsOnRecordWithItsBytes(t *testing.T) {
	at := echo(t)
	d := outbound.New(outbound.Options{Places: []outbound.Place{{Camera: "door", Address: at}}})
	conn, err := d.ForCamera("door").Dial(t.Context(), "rtsp", at)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "hello")
	if _, err := io.ReadFull(conn, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	c := only(t, d, "rtsp")
	if c.Camera != "door" || c.Address != at || c.Remote != at || c.Count != 1 || c.Failed != 0 || c.Refused != 0 || c.Open != 1 || c.Sent != 5 || c.Received != 5 {
		t.Errorf("while open: %+v", c)
	}
	conn.Close()
	conn.Close()
	if c = only(t, d, "rtsp"); c.Open != 0 || c.First.IsZero() || c.Last.Before(c.First.Truncate(time.Microsecond)) {
		t.Errorf("when closed: %+v", c)
	}
}

func TestWhatTheConfigurationDoesNotNameIsRefusedAndOnRecord(t *testing.T) {
	at, other := echo(t), echo(t)
	d := outbound.New(outbound.Options{Places: []outbound.Place{{Camera: "door", Address: at}, {Camera: "yard", Address: other}}})
	for _, wanted := range []string{other, "127.0.0.9:80", "", "127.0.0.1"} {
		conn, err := d.ForCamera("door").Dial(t.Context(), "rtsp", wanted)
		if conn != nil {
			conn.Close()
		}
		if refused, ok := errors.AsType[*outbound.RefusedError](err); conn != nil || !ok || refused.Address != wanted {
			t.Errorf("%q: %v, %v", wanted, conn, err)
		}
	}
	all := d.Connections()
	if len(all) != 4 {
		t.Fatalf("log: %+v", all)
	}
	for _, c := range all {
		if c.Refused != 1 || c.Count != 0 || c.Camera != "door" {
			t.Errorf("%+v", c)
		}
	}
}

func TestANameIsLookedUpOnceAndWhatWasFoundIsConnectedTo(t *testing.T) {
	_, port, _ := net.SplitHostPort(echo(t))
	asked := 0
	d := outbound.New(outbound.Options{
		Places: []outbound.Place{{Camera: "door", Address: "door.lan:" + port}, {Camera: "gone", Address: "gone.lan:" + port}},
		Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			if asked++; name == "gone.lan" {
				return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
			}
			return []netip.Addr{netip.MustParseAddr("127.255.255.254"), netip.MustParseAddr("::ffff:127.0.0.1")}, nil
		},
	})
	conn, err := d.ForCamera("door").Dial(t.Context(), "rtsp", "door.lan:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.RemoteAddr().String(); got != "127.0.0.1:"+port || asked != 1 {
		t.Errorf("connected to %s after %d lookups", got, asked)
	}
	if c := only(t, d, "dns"); c.Address != "door.lan" || c.Count != 1 || c.Failed != 0 {
		t.Errorf("%+v", c)
	}
	if _, err := d.ForCamera("gone").Dial(t.Context(), "rtsp", "gone.lan:"+port); err == nil {
		t.Error("connected to a name without address")
	}
	for _, c := range d.Connections() {
		if c.Address == "gone.lan" && (c.Failed != 1 || c.Protocol != "dns") {
			t.Errorf("%+v", c)
		}
	}
}

func TestAUDPPortSpeaksWithItsPeerOnly(t *testing.T) {
	listen := func(ip string) *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	camera, other := listen("127.0.0.1"), listen("127.0.0.2")
	d := outbound.New(outbound.Options{})
	conn, err := d.ForCamera("door").ListenUDP("udp4", "0.0.0.0:0", func() net.IP { return net.IPv4(127, 0, 0, 1) })
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.WriteTo([]byte("x"), other.LocalAddr()); err == nil {
		t.Error("sent to another host")
	}
	ours := conn.LocalAddr().(*net.UDPAddr).Port
	for _, from := range []*net.UDPConn{other, camera} {
		if _, err := from.WriteTo([]byte("from "+from.LocalAddr().String()), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: ours}); err != nil {
			t.Fatal(err)
		}
	}
	b := make([]byte, 100)
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, from, err := conn.ReadFrom(b)
	if err != nil || from.String() != camera.LocalAddr().String() {
		t.Fatalf("received %q from %v, %v", b[:n], from, err)
	}
	if _, err := conn.WriteTo([]byte("hi"), camera.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	var sent, received, refused uint64
	for _, c := range d.Connections() {
		sent, received, refused = sent+c.Sent, received+c.Received, refused+c.Refused
	}
	if sent != 2 || received != uint64(n) || refused != 1 {
		t.Errorf("sent %d, received %d, refused %d: %+v", sent, received, refused, d.Connections())
	}
}

func TestTheLedgerStaysSmallWhateverCamerasAskFor(t *testing.T) {
	d := outbound.New(outbound.Options{})
	for i := range 100_000 {
		d.ForCamera("door").Refuse("rtsp", fmt.Sprintf("10.0.%d.%d:554", i>>8, i&255))
	}
	var refused uint64
	all := d.Connections()
	for _, c := range all {
		refused += c.Refused
	}
	if len(all) > 100 || refused != 100_000 {
		t.Errorf("%d rows, %d refusals", len(all), refused)
	}
}

func TestAProbeReachesItsHostOnly(t *testing.T) {
	at, elsewhere := echo(t), "127.0.0.2:9"
	d := outbound.New(outbound.Options{Places: []outbound.Place{{Camera: "door", Address: elsewhere}}})
	probe := d.ForProbe("127.0.0.1")
	conn, err := probe.Dial(t.Context(), "rtsp", at)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if row := only(t, d, "rtsp"); row.Camera != outbound.Probe || row.Count != 1 {
		t.Errorf("%+v", row)
	}
	refused := (*outbound.RefusedError)(nil)
	if _, err := probe.Dial(t.Context(), "http", elsewhere); !errors.As(err, &refused) {
		t.Errorf("another host: %v", err)
	}
	if _, err := d.ForCamera(outbound.Probe).Dial(t.Context(), "rtsp", at); !errors.As(err, &refused) {
		t.Errorf("without a probe: %v", err)
	}
}
