package advice

import (
	"strings"
	"testing"
	"time"
)

func TestAdviceFollowsFromMeasurements(t *testing.T) {
	for want, s := range map[string]Stream{
		"sub stream: key frame every 10 s: seeking will be slow":                      {GOP: 10 * time.Second},
		"sub stream: key frames come irregularly, 2 s to 8 s apart":                   {GOP: 8 * time.Second, ShortestGOP: 2 * time.Second},
		"sub stream: the camera uses B-frames: live video comes 80 ms later":          {Delay: 80 * time.Millisecond},
		"sub stream: the camera uses intra refresh: after a key frame 18 more":        {Refresh: 18},
		"sub stream: the camera's own clock is 3h0m0s behind":                         {Clock: -3 * time.Hour},
		"sub stream: the camera's own clock is 31s ahead":                             {Clock: 31 * time.Second},
		"sub stream: existing footage is dated later than this computer's clock":      {Shift: time.Hour},
		"clock was set back: until it has caught up, footage is stored 1h0m0s later":  {Shift: time.Hour, SetBack: true},
		"sub stream: the camera sends JPEG pictures, which take many times":           {JPEG: true},
		"sub stream: 101 packets are missing, although the stream comes over TCP":     {LostPackets: 101},
		"sub stream: 101 packets were lost on the network: set transport: tcp":        {LostPackets: 101, UDP: true, Buffer: 4 << 20},
		"sub stream: sound is not recorded: Keepwatch does not":                       {Unheard: "Keepwatch does not decode G.729; set the camera to AAC or G.711"},
		"sub stream: the password crosses the network in clear":                       {ClearPassword: true},
		"sub stream: the secure connection is weak (TLS 1.0): update the camera's fi": {WeakTLS: "TLS 1.0"},
	} {
		if got := ForStream("sub stream: ", s); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%+v: %q does not say %q", s, got, want)
		}
	}
}

func TestGoodStreamsNeedNoAdvice(t *testing.T) {
	for _, s := range []Stream{{UDP: true, Buffer: 1000}, {GOP: 4 * time.Second}, {Clock: -30 * time.Second}, {LostPackets: 100}} {
		if got := ForStream("", s); len(got) > 0 {
			t.Errorf("%+v: %q", s, got)
		}
	}
	if got := NoSub(1280); len(got) > 0 {
		t.Errorf("a small picture: %q", got)
	}
	if got := NoSub(3840); len(got) != 1 || !strings.Contains(got[0], "3840 pixels wide") {
		t.Errorf("a large picture: %q", got)
	}
}

func TestASmallReceiveBufferIsSaidWhenPacketsAreLost(t *testing.T) {
	got := ForStream("", Stream{LostPackets: 500, UDP: true, Buffer: 212992})
	if len(got) != 2 || !strings.Contains(got[1], "net.core.rmem_max=4194304") || !strings.Contains(got[1], "213 kB") {
		t.Errorf("%q", got)
	}
	for _, s := range []Stream{{LostPackets: 500, UDP: true}, {LostPackets: 500, Buffer: 212992}} {
		if got := ForStream("", s); len(got) != 1 || strings.Contains(got[0], "rmem_max") {
			t.Errorf("%+v: %q", s, got)
		}
	}
}
