package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

var (
	sizeText    = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?([kKMGTP]i?)?B$`)
	percentText = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?%$`)
	hostName    = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)
)

// ParseSize returns the bytes of a text such as 400GB (powers of 1000) or 512MiB (powers of 1024).
func ParseSize(s string) (int64, bool) {
	m := sizeText.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	base := 1000.0
	if strings.HasSuffix(m[2], "i") {
		base = 1024
	}
	power := 0
	if m[2] != "" {
		power = 1 + strings.IndexByte("kMGTP", strings.Replace(m[2], "K", "k", 1)[0])
	}
	v, err := strconv.ParseFloat(m[1], 64)
	v *= math.Pow(base, float64(power))
	if err != nil || v >= math.MaxInt64/2 || v < 1 {
		return 0, false
	}
	return int64(v), true
}

// size reads a size above zero.
func (r *reader) size(n *node) (int64, bool) {
	s, ok := r.word(n)
	if !ok {
		return 0, false
	}
	v, ok := ParseSize(s)
	if !ok {
		r.mistake(n, "this must be a size with its unit", "for example 400GB, 1.5TB or 512MiB")
	}
	return v, ok
}

// minFree reads a percentage or a size.
func (r *reader) minFree(n *node) (MinFree, bool) {
	s, ok := r.word(n)
	if !ok {
		return MinFree{}, false
	}
	if m := percentText.FindStringSubmatch(s); m != nil {
		if v, err := strconv.ParseFloat(m[1], 64); err == nil && v > 0 && v <= 90 {
			return MinFree{Percent: v}, true
		}
		r.mistake(n, "the share of the disk to keep free must be above 0% and at most 90%", "")
		return MinFree{}, false
	}
	v, ok := ParseSize(s)
	if !ok {
		r.mistake(n, "this must be a percentage or a size with its unit", "for example 10% or 50GB")
	}
	return MinFree{Bytes: v}, ok
}

// duration reads a time such as 2s between two bounds.
func (r *reader) duration(n *node, low, high time.Duration) (time.Duration, bool) {
	s, ok := r.word(n)
	if !ok {
		return 0, false
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		r.mistake(n, "this must be a time with its unit", "for example 2s or 500ms")
		return 0, false
	}
	if v < low || v > high {
		r.mistake(n, fmt.Sprintf("this time must be between %s and %s", low, high), "")
		return 0, false
	}
	return v, true
}

// listenAddress reads host:port of our own; port 0 is any that is free.
func (r *reader) listenAddress(n *node) (string, bool) {
	s, ok := r.word(n)
	if !ok {
		return "", false
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		hint := `for example ":8443" for all addresses of this machine, or "192.168.1.2:8443" for one`
		if isPort(s) {
			hint = fmt.Sprintf(`write ":%s"`, s)
		}
		r.mistake(n, "this must be an address and a port", hint)
		return "", false
	}
	if port != "0" && !isPort(port) {
		r.mistake(n, "the port must be a number from 1 to 65535", "")
		return "", false
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		r.mistake(n, "the part before the port must be an IP address of this machine, or empty", "")
		return "", false
	}
	return s, true
}

func validHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return len(s) <= 253 && hostName.MatchString(s)
}

// hostNames reads further names that the server answers to, in lower case.
func (r *reader) hostNames(n *node) []string {
	hosts := []string{}
	r.list(n, "hosts", func(element *node) {
		s, ok := r.text(element)
		if !ok {
			return
		}
		s = strings.TrimSuffix(strings.ToLower(s), ".")
		if _, err := netip.ParseAddr(s); err == nil {
			r.mistake(element, "IP addresses always work and need not be listed", "remove it")
			return
		}
		if !validHost(s) {
			r.mistake(element, "this must be a host name, without scheme, port, path or *", "for example nvr.example.net")
			return
		}
		hosts = append(hosts, s)
	})
	return hosts
}

// prefixes reads a list of networks.
func (r *reader) prefixes(n *node, what string) []netip.Prefix {
	all := []netip.Prefix{}
	r.list(n, what, func(element *node) {
		s, ok := r.text(element)
		if !ok {
			return
		}
		p, err := netip.ParsePrefix(s)
		if err == nil && !p.Addr().Is4In6() {
			all = append(all, p.Masked())
			return
		}
		hint := "for example 192.168.1.0/24 or fd00::/8"
		if a, err := netip.ParseAddr(s); err == nil && !a.Is4In6() && a.Zone() == "" {
			hint = fmt.Sprintf("write %s/%d for this one address", a, a.BitLen())
		}
		r.mistake(element, "this must be a network: an address and a prefix length", hint)
	})
	return all
}

// networks reads who may connect.
func (r *reader) networks(n *node) []netip.Prefix {
	n = resolve(n)
	if n.Value == "" {
		before := len(r.mistakes)
		all := r.prefixes(n, "networks")
		if len(all) == 0 && len(r.mistakes) == before {
			r.mistake(n, "nobody could connect", "write private, any, or a list of networks")
		}
		return all
	}
	s, ok := r.text(n)
	switch {
	case !ok:
		return nil
	case s == "private":
		return privateNetworks()
	case s == "any":
		return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	}
	hint := suggest(n.Value, []string{"private", "any"})
	if _, err := netip.ParsePrefix(s); err == nil {
		hint = "write [" + s + "]"
	}
	r.mistake(n, "networks must be private, any, or a list of networks", hint)
	return nil
}

// privateNetworks are loopback, RFC 1918, link-local (RFC 3927, RFC 4291) and unique local addresses (RFC 4193).
func privateNetworks() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fe80::/10", "fc00::/7"} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

// timezone reads the name of a time zone.
func (r *reader) timezone(n *node) (*time.Location, bool) {
	s, ok := r.text(n)
	if !ok {
		return nil, false
	}
	location, err := time.LoadLocation(s)
	if err != nil {
		r.mistake(n, fmt.Sprintf("%s is not a time zone", quote(resolve(n).Value)), "write an IANA name, for example Europe/Berlin or UTC")
		return nil, false
	}
	return location, true
}
