package probe

import (
	"net/url"
	"testing"
)

func TestTheProposalHasNoPassword(t *testing.T) {
	for _, c := range []struct{ main, want string }{
		{"rtsp://viewer:s3cret@192.168.1.20:554/Streaming/Channels/101", "rtsp://viewer:${P}@192.168.1.20:554/Streaming/Channels/101"},
		{"rtsp://192.168.1.20/live", "rtsp://192.168.1.20/live"},
		{"rtsp://viewer@192.168.1.20/live", "rtsp://viewer@192.168.1.20/live"},
		{"rtsp://192.168.1.20/user=admin_password=s3_cret_channel=1", "rtsp://192.168.1.20/user=admin_password=${P}_channel=1"},
		{"rtsp://192.168.1.20/x?user=admin&password=s3cret&channel=1", "rtsp://192.168.1.20/x?user=admin&password=${P}&channel=1"},
		{"rtsp://a$b:s3cret@[fe80::1]:554/$x", `rtsp://a$$b:${P}@[fe80::1]:554/$$x`},
		{`rtsp://192.168.1.20/a"b#`, `rtsp://192.168.1.20/a%22b`},
	} {
		u, err := url.Parse(c.main)
		if err != nil {
			t.Fatal(err)
		}
		want := "  garage:\n    main: " + c.want + "\n"
		if got := (Proposal{ID: "garage", Main: u, Reference: "${P}"}).YAML("  "); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", c.main, got, want)
		}
	}
}

func TestIdentifiersAreMadeOfWhatIsKnown(t *testing.T) {
	for _, c := range []struct{ host, name, want string }{
		{"192.168.1.20", "", "camera-20"}, {"fe80::1", "", "camera"}, {"garage.lan", "", "garage"}, {"192.168.1.20", "Front Door!", "front-door"},
		{"192.168.1.20", "ø", "camera-20"}, {"_", "", "camera"},
	} {
		if got := Identifier(c.host, c.name); got != c.want {
			t.Errorf("%q %q: %s, not %s", c.host, c.name, got, c.want)
		}
	}
}

func TestTheSubStreamOfACommonMainIsKnown(t *testing.T) {
	for main, want := range map[string]string{
		"rtsp://u:p@h/cam/realmonitor?channel=1&subtype=0": "rtsp://u:p@h/cam/realmonitor?channel=1&subtype=1",
		"rtsp://h/live": "", "rtsp://h/other": "",
	} {
		u, err := url.Parse(main)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if sub := SubOf(u); sub != nil {
			got = sub.String()
		}
		if got != want {
			t.Errorf("%s: %q, not %q", main, got, want)
		}
	}
	if n := len(Common()); n != 15 {
		t.Errorf("%d patterns", n)
	}
}
