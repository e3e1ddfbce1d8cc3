package onvif

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/outbound"
)

const (
	// discoveryPort and discoveryGroup are where devices listen (WS-Discovery section 2.4).
	discoveryPort  = 3702
	discoveryGroup = "239.255.255.250"
	discoveryWait  = 3 * time.Second
	maxRangeBits   = 24 // of a range that is asked host by host
	maxFound       = 512
	maxInAnswer    = 4
)

// Search says where to look for cameras.
type Search struct {
	// Range is asked host by host, at most 256 private IPv4 addresses: for networks and containers without multicast. The zero
	// Prefix asks the multicast group by every network interface.
	Range      netip.Prefix
	Port       uint16           // 3702 if zero
	Interfaces []net.Interface  // for multicast; nil for all
	Wait       time.Duration    // for answers; 3 s if zero
	Dialer     *outbound.Dialer // sends the questions and logs them; nil for one of its own
}

// Found is a camera that answered. Its address is the sender's; the rest is what it says of itself, printable and short. Nothing
// was asked of it but this, and no login was sent.
type Found struct {
	Address   string // host:port for Options
	Path      string // of the device service, for Options
	Secure    bool   // it names an https address only
	From      netip.Addr
	Interface string // of this computer; "" if a range was asked
	ID        string // endpoint reference, usually urn:uuid:…
	Name      string
	Hardware  string
	Location  string
}

// Discover looks for cameras on the local network (WS-Discovery section 4), once, and returns those that answered, by address. It
// must run only because a person asked for it.
func Discover(ctx context.Context, s Search) ([]Found, error) {
	s.Port, s.Wait = cmp.Or(s.Port, discoveryPort), cmp.Or(s.Wait, discoveryWait)
	if s.Dialer == nil {
		s.Dialer = outbound.New(outbound.Options{})
	}
	q := outbound.Question{Protocol: "ws-discovery", Payload: []byte(probeMessage(newUUID())), Wait: s.Wait}
	if s.Range.IsValid() {
		if !s.Range.Addr().Is4() || s.Range.Bits() < maxRangeBits {
			return nil, fmt.Errorf("%s is too large a range: give an IPv4 range of at most 256 addresses, such as 192.168.1.0/24", s.Range)
		}
		q.Name = s.Range.Masked().String()
		for a := s.Range.Masked().Addr(); s.Range.Contains(a); a = a.Next() {
			q.To = append(q.To, netip.AddrPortFrom(a, s.Port))
		}
	} else {
		q.Group = netip.AddrPortFrom(netip.MustParseAddr(discoveryGroup), s.Port)
		q.Name, q.Interfaces = q.Group.String(), s.Interfaces
	}
	var found []Found
	err := s.Dialer.Ask(ctx, q, func(a outbound.Answer) {
		for _, one := range readMatches(a.Data, a.From.Addr()) {
			one.Interface = a.Interface
			same := func(other Found) bool { return other.Address == one.Address && other.Path == one.Path }
			if len(found) < maxFound && !slices.ContainsFunc(found, same) {
				found = append(found, one)
			}
		}
	})
	slices.SortFunc(found, func(a, b Found) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Address, b.Address)) })
	if err != nil {
		return found, fmt.Errorf("look for cameras: %w", err)
	}
	return found, ctx.Err()
}

// newUUID returns a random UUID (RFC 9562 section 5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func probeMessage(id string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" ` +
		`xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" ` +
		`xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><s:Header>` +
		"<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action><a:MessageID>urn:uuid:" + id + "</a:MessageID>" +
		"<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>" +
		"<s:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"
}

// readMatches reads the cameras in an answer to a probe. Devices of other kinds are left out.
func readMatches(data []byte, from netip.Addr) []Found {
	body, _, err := readEnvelope(data)
	if err != nil {
		return nil
	}
	var found []Found
	for _, match := range body.first("ProbeMatches").all("ProbeMatch") {
		f := Found{From: from, ID: printable(match.value("EndpointReference", "Address"), 120)}
		camera := strings.Contains(match.value("Types"), "NetworkVideo")
		for scope := range strings.FieldsSeq(match.value("Scopes")) {
			camera = f.scope(scope) || camera
		}
		if camera && len(found) < maxInAnswer {
			f.locate(match.value("XAddrs"))
			found = append(found, f)
		}
	}
	return found
}

// scope reads a scope of ONVIF Core section 7.3.2.2, and reports whether it is one.
func (f *Found) scope(s string) bool {
	const prefix = "onvif://www.onvif.org/"
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return false
	}
	kind, value, _ := strings.Cut(s[len(prefix):], "/")
	if plain, err := url.PathUnescape(value); err == nil {
		value = plain
	}
	value = printable(strings.ReplaceAll(value, "_", " "), 120)
	switch strings.ToLower(kind) {
	case "name":
		f.Name = cmp.Or(f.Name, value)
	case "hardware":
		f.Hardware = cmp.Or(f.Hardware, value)
	case "location":
		f.Location = cmp.Or(f.Location, value)
	}
	return true
}

// locate takes the address of the device service from the list that the camera names. Its host is the sender's.
func (f *Found) locate(addresses string) {
	for text := range strings.FieldsSeq(addresses) {
		a, ok := readAddress(text)
		secure := a.scheme == "https"
		if !ok || !secure && a.scheme != "http" || f.Address != "" && (secure || !f.Secure) {
			continue
		}
		port := cmp.Or(a.port, usualPort(secure))
		f.Address, f.Path, f.Secure = net.JoinHostPort(f.From.String(), port), a.path, secure
	}
	if f.Address == "" { // an address that cannot be read; the usual one is a good guess
		f.Address, f.Path = net.JoinHostPort(f.From.String(), usualPort(false)), devicePath
	}
}
