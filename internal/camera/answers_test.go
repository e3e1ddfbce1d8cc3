package camera

import (
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
)

// TestASessionIsKeptAliveAfterHalfItsTimeout relies on the library, which acts five seconds before the timeout that it reads.
func TestASessionIsKeptAliveAfterHalfItsTimeout(t *testing.T) {
	for given, want := range map[string]string{
		"1;timeout=60":          "1;timeout=35",
		"1 ; Timeout = 20 ":     "1;timeout=15",
		"1;timeout=1":           "1;timeout=6",
		"1;timeout=0":           "1",
		"1;timeout=x;y":         "1",
		"a+b/c=":                "a+b/c=",
		"1;timeout=99999999999": "1;timeout=500000004",
	} {
		h := base.Header{"Session": {given}}
		repairSession(h)
		var read headers.Session
		if err := read.Unmarshal(h["Session"]); err != nil || h["Session"][0] != want {
			t.Errorf("%q becomes %q (%v), want %q", given, h["Session"], err, want)
		}
	}
}

func TestATransportHeaderBecomesReadable(t *testing.T) {
	for _, c := range []struct{ asked, given, want string }{
		{"RTP/AVP/TCP;unicast;interleaved=2-3", "", "RTP/AVP/TCP;unicast;interleaved=2-3"},
		{"RTP/AVP/TCP;unicast;interleaved=2-3", "RTP/AVP/TCP;interleaved=7;ssrc=zz", "RTP/AVP/TCP;unicast;interleaved=7-8"},
		{"RTP/SAVP/TCP;unicast;interleaved=0-1", "RTP/SAVP/TCP", "RTP/SAVP/TCP;unicast;interleaved=0-1"},
		{"RTP/AVP/TCP;unicast;interleaved=0-1", "RTP/AVP;unicast;server_port=6000-6001", "RTP/AVP;unicast;server_port=6000-6001"},
		{"RTP/AVP;unicast;client_port=5000-5001", "RTP/AVP/UDP;unicast;server_port=6000;mode=\"\";ssrc=1 2", "RTP/AVP;unicast;server_port=6000"},
		{"RTP/AVP;unicast;client_port=5000-5001", "RTP/AVP;unicast;server_port=6000-6001;source=10.0.0.1;x", "RTP/AVP;unicast;server_port=6000-6001;source=10.0.0.1"},
	} {
		w := newWire(nil, &dialer{})
		res := &base.Response{Header: base.Header{}}
		if c.given != "" {
			res.Header["Transport"] = base.HeaderValue{c.given}
		}
		w.repairSetup(base.HeaderValue{c.asked}, res)
		var read headers.Transport
		if err := read.Unmarshal(res.Header["Transport"]); err != nil || res.Header["Transport"][0] != c.want {
			t.Errorf("%q for %q becomes %q (%v), want %q", c.given, c.asked, res.Header["Transport"], err, c.want)
		}
	}
}

func TestTheSourceThatATransportNames(t *testing.T) {
	for given, want := range map[string][]uint32{
		"ssrc=000000AB": {0xab}, "ssrc=937239728": {937239728}, "ssrc=00000000": nil, "ssrc=e61af28;x": {0xe61af28}, "x": nil,
	} {
		got := namedSources(given)
		if len(got) != len(want) || len(want) > 0 && got[0] != want[0] {
			t.Errorf("%q names %v, want %v", given, got, want)
		}
	}
}
