package camera

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"

	"keepwatch.internal/internal/outbound"
)

// readBuffer is how much is read from the kernel in one call. Cameras send packets of about 1.4 kB. The RTSP library reads 4 kB
// at a time, which would cost a system call for every three packets.
const readBuffer = 32 << 10

// dialer connects to the camera's own address and refuses all others, so that redirects lead nowhere else.
type dialer struct {
	out       *outbound.CameraDialer
	host      string        // host:port
	user      *url.Userinfo // nil without a password
	admit     func(Identity) error
	neighbour func(netip.Addr) string

	mu      sync.Mutex
	conn    net.Conn
	count   int // of connections
	gone    bool
	seen    Identity
	refused error    // of admit
	left    []string // what was left out of the description
	sdp     []byte   // the description without it
	granted int      // smallest receive buffer of its UDP ports, bytes; 0 if unknown or without UDP
	tls     TLS      // zero without
	kinds   []byte   // payload types of the medium that is being set up
	// multicast: the description names a multicast address.
	multicast bool
}

// maxConnections bounds how often one session connects. A camera may redirect to itself, but not forever.
const maxConnections = 4

// newDialer returns the dialer of one session. Without a line it is the camera's own address that may be reached.
func newDialer(opts Options) *dialer {
	host := Address(opts.URL)
	if opts.Dialer == nil {
		opts.Dialer = outbound.New(outbound.Options{Places: []outbound.Place{{Address: host}}}).ForCamera("")
	}
	d := &dialer{out: opts.Dialer, host: host, user: opts.URL.User, admit: opts.Admit, neighbour: opts.Neighbour}
	if d.admit == nil {
		d.admit = func(Identity) error { return nil }
	}
	if d.neighbour == nil {
		d.neighbour = neighbourOf
	}
	return d
}

func (d *dialer) connect(ctx context.Context, protocol, address string) (net.Conn, error) {
	if address != d.host {
		return nil, d.out.Refuse(protocol, address)
	}
	if !d.another() {
		return nil, errRedirects
	}
	conn, err := d.out.Dial(ctx, protocol, address)
	if err != nil {
		return nil, err
	}
	mac := ""
	if a, ok := netip.AddrFromSlice(ipOf(conn)); ok {
		mac = d.neighbour(a.Unmap()) // after connecting, the system's table names the device that answered
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	d.conn, d.seen.MAC = conn, mac
	return conn, nil
}

func ipOf(conn net.Conn) net.IP {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.IP
	}
	return nil
}

// another counts connections and reports whether one more is allowed.
func (d *dialer) another() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	return d.count <= maxConnections
}

// remote returns the camera's IP address, or nil without a connection.
func (d *dialer) remote() net.IP {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return nil
	}
	return ipOf(d.conn)
}

// resolve replaces the library's resolver for host names from cameras: there is only one host.
func (d *dialer) resolve(_, name string) (*net.IPAddr, error) {
	if host, _, _ := net.SplitHostPort(d.host); name == host {
		return &net.IPAddr{IP: d.remote()}, nil
	}
	return nil, d.out.Refuse("rtp", name)
}

// listenPacket opens a UDP port that sends only to the camera, whatever source the camera claims for its RTP.
func (d *dialer) listenPacket(network, address string) (net.PacketConn, error) {
	conn, err := d.out.ListenUDP(network, address, d.remote)
	if err != nil {
		return nil, err
	}
	udp, ok := conn.(udpConn)
	if !ok {
		return conn, nil
	}
	port, granted := newUDPPort(udp)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.granted == 0 || granted < d.granted {
		d.granted = granted
	}
	return port, nil
}

func (d *dialer) dial(ctx context.Context, _, address string) (net.Conn, error) {
	conn, err := d.connect(ctx, "rtsp", address)
	if err != nil {
		return nil, err
	}
	return newWire(conn, d), nil
}

// show adds evidence and asks whether it is admitted. After a refusal nothing more is sent to the camera.
func (d *dialer) show(add func(*Identity)) error {
	d.mu.Lock()
	before := d.seen
	add(&d.seen)
	seen, refused := d.seen, d.refused
	d.mu.Unlock()
	if refused != nil || seen == before {
		return refused
	}
	if refused = d.admit(seen); refused == nil {
		return nil
	}
	d.mu.Lock()
	d.refused = refused
	d.mu.Unlock()
	d.cut()
	return refused
}

// answered sees each response of the camera before the library acts on it. A password is sent only after a challenge.
func (d *dialer) answered(res *base.Response) {
	if res.StatusCode == base.StatusUnauthorized {
		if realm := realmOf(res.Header["WWW-Authenticate"]); realm != "" {
			_ = d.show(func(id *Identity) { id.Realm = realm }) // refusal has it
		}
	}
}

// described sees the session description, the last message of the camera before PLAY.
func (d *dialer) described(sdp []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seen.Realm == "" {
		d.seen.Realm = noRealm
	}
	d.seen.Title, d.seen.Media = describe(sdp)
	d.multicast = multicastAddress.Match(sdp)
}

// understood notes the description that the library reads, and what was left out of it.
func (d *dialer) understood(sdp []byte, left []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sdp, d.left = sdp, left
}

// clockOf returns the clock of the rtpmap of a format, in hertz, or 0 if there is none. The library forgets it where the codec has a
// rate of its own.
func (d *dialer) clockOf(control string, payloadType uint8) int {
	d.mu.Lock()
	_, media := parseDescription(string(d.sdp))
	d.mu.Unlock()
	format := strconv.Itoa(int(payloadType))
	for _, m := range media {
		if slices.Contains(m.plain, "control:"+control) && slices.Contains(m.formats, format) {
			_, clock, _ := strings.Cut(m.rtpmap[format], "/")
			clock, _, _ = strings.Cut(clock, "/")
			rate, _ := strconv.Atoi(clock)
			return rate
		}
	}
	return 0
}

// leftOut returns what was left out of the description, each as "sound" or "pictures" with the codec.
func (d *dialer) leftOut() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.left
}

// identity returns the identity as seen so far.
func (d *dialer) identity() Identity {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen
}

// settingUp notes the payload types of the medium that is set up next.
func (d *dialer) settingUp(m *description.Media) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kinds = nil
	for _, f := range m.Formats {
		d.kinds = append(d.kinds, f.PayloadType())
	}
}

func (d *dialer) payloadTypes() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.kinds
}

// refusal returns why the device was not admitted, or nil.
func (d *dialer) refusal() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

// cut closes the connection without TEARDOWN, and prevents any new one.
func (d *dialer) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = true
	if d.conn != nil {
		_ = d.conn.Close() // the connection is given up, its error does not matter
	}
}

// Address returns host and port of u, with the default port of its scheme (RFC 7826 section 4.2).
func Address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "554"
		if u.Scheme == "rtsps" {
			port = "322"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// onHost returns the base address of a camera's media, with the host that we connected to. Cameras behind a router, or reached by
// a name, report another address, which must not lead elsewhere.
func onHost(given, asked *base.URL) *base.URL {
	u := given.Clone()
	u.Scheme, u.Host, u.User = asked.Scheme, asked.Host, asked.User
	return u
}

// checkControl refuses a medium whose control attribute is not a valid address.
func checkControl(m *description.Media, at *base.URL) error {
	if u, err := m.URL(at); err != nil || u == nil {
		return fmt.Errorf("%w: control attribute %q", errSDP, m.Control)
	}
	return nil
}
