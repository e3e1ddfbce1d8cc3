package camera

import (
	"slices"
	"strings"
	"testing"
)

// door is a camera with every kind of evidence; plain is one with weak evidence only.
func door() Identity {
	return Identity{Key: strings.Repeat("a", 64), MAC: "9c:8e:cd:00:00:01", Realm: "digest Login to 5K01A2BPAZ12345", Title: "Media Server",
		Media: "video H264/90000 0011223344556677", Picture: "H.264 1920×1080 0011223344556677"}
}

func plain() Identity {
	id := door()
	id.Key, id.MAC, id.Realm = "", "", "digest IP Camera"
	return id
}

// with returns a changed id.
func with(id Identity, change func(*Identity)) Identity {
	change(&id)
	return id
}

func TestWhatContradictsAndWhatOnlyChanged(t *testing.T) {
	picture := func(id *Identity) { id.Picture = "H.265 3840×2160 8899aabbccddeeff" }
	realm := func(id *Identity) { id.Realm = "digest Streaming Server" }
	title := func(id *Identity) { id.Title = "RTSP Session" }
	list := func(id *Identity) { id.Media = "video H265/90000, audio PCMA/8000 8899aabbccddeeff" }
	mac := func(id *Identity) { id.MAC = "9c:8e:cd:00:00:02" }
	serial := func(id *Identity) { id.Realm = "digest Login to 5K01A2BPAZ99999" }
	key := func(id *Identity) { id.Key = strings.Repeat("b", 64) }
	basic := func(id *Identity) { id.Realm = strings.Replace(id.Realm, "digest", "basic", 1) }
	noMAC := func(id *Identity) { id.MAC = "" }
	noKey := func(id *Identity) { id.Key = "" }
	for _, c := range []struct {
		name     string
		expected Identity
		changes  []func(*Identity)
		want     Verdict
		kinds    string
	}{
		{"nothing", door(), nil, Same, ""},
		{"nothing of a camera with weak evidence", plain(), nil, Same, ""},
		{"a table of neighbours that cannot be read", door(), []func(*Identity){noMAC}, Same, ""},

		{"the key", door(), []func(*Identity){key}, Another, KindKey},
		{"the key and nothing strong beside", with(plain(), key), []func(*Identity){func(id *Identity) { id.Key = strings.Repeat("c", 64) }}, Another, KindKey},
		{"password now in clear", door(), []func(*Identity){basic}, Another, KindRealm},
		{"password now in clear, weak", plain(), []func(*Identity){basic}, Another, KindRealm},

		{"everything but the key", door(), []func(*Identity){mac, serial, title, list, picture}, Changed,
			KindMAC + "," + KindRealm + "," + KindTitle + "," + KindMedia + "," + KindPicture},
		{"from cable to Wi-Fi, by the realm's serial number", with(door(), noKey), []func(*Identity){mac}, Changed, KindMAC},
		{"firmware with other realm, title, media and picture, same MAC", with(door(), noKey), []func(*Identity){realm, title, list, picture}, Changed,
			KindRealm + "," + KindTitle + "," + KindMedia + "," + KindPicture},

		{"the MAC address, no other strong evidence", with(plain(), mac), []func(*Identity){func(id *Identity) { id.MAC = "9c:8e:cd:00:00:03" }}, Another, KindMAC},
		{"the serial number in the realm, no other", with(door(), func(id *Identity) { id.Key, id.MAC = "", "" }), []func(*Identity){serial}, Another, KindRealm},
		{"a serial number in the realm where there was none", plain(), []func(*Identity){serial}, Another, KindRealm},

		{"resolution, realm and title as before", plain(), []func(*Identity){picture}, Changed, KindPicture},
		{"codec and media, realm and title as before", plain(), []func(*Identity){picture, list}, Changed, KindMedia + "," + KindPicture},
		{"realm alone", plain(), []func(*Identity){realm}, Changed, KindRealm},
		{"title alone", plain(), []func(*Identity){title}, Changed, KindTitle},
		{"title and media", plain(), []func(*Identity){title, list}, Changed, KindTitle + "," + KindMedia},
		{"realm, media and picture", plain(), []func(*Identity){realm, list, picture}, Another, KindRealm + "," + KindMedia + "," + KindPicture},
		{"realm and picture", plain(), []func(*Identity){realm, picture}, Another, KindRealm + "," + KindPicture},
		{"title and picture", plain(), []func(*Identity){title, picture}, Another, KindTitle + "," + KindPicture},
		{"realm and title", plain(), []func(*Identity){realm, title}, Another, KindRealm + "," + KindTitle},
		{"password switched off", plain(), []func(*Identity){func(id *Identity) { id.Realm = noRealm }}, Changed, KindRealm},
		{"password switched off, other picture", plain(), []func(*Identity){func(id *Identity) { id.Realm = noRealm }, picture}, Another, KindRealm + "," + KindPicture},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := c.expected
			for _, change := range c.changes {
				change(&seen)
			}
			verdict, differences := Compare(c.expected, seen)
			var kinds []string
			for _, d := range differences {
				if kinds = append(kinds, d.Kind); d.Expected == d.Seen {
					t.Errorf("no difference: %+v", d)
				}
			}
			if verdict != c.want || strings.Join(kinds, ",") != c.kinds {
				t.Errorf("verdict %d for %v, want %d", verdict, kinds, c.want)
			}
		})
	}
}

// TestASwapIsCaughtWhateverDiffers swaps the addresses of two cameras, for every set of kinds of evidence in which they differ.
// Both must be quarantined unless nothing differs.
func TestASwapIsCaughtWhateverDiffers(t *testing.T) {
	for set := range 1 << 6 {
		for _, first := range []Identity{door(), plain()} {
			second := first
			change := []func(*Identity){
				func(id *Identity) { id.Key = strings.Repeat("b", len(id.Key)) },
				func(id *Identity) { id.MAC = strings.Replace(id.MAC, "00:01", "00:02", 1) },
				func(id *Identity) { id.Realm += "2" },
				func(id *Identity) { id.Title += "2" },
				func(id *Identity) { id.Media += "2" },
				func(id *Identity) { id.Picture += "2" },
			}
			for i, f := range change {
				if set&(1<<i) != 0 {
					f(&second)
				}
			}
			for _, pair := range [][2]Identity{{first, second}, {second, first}} {
				expected, seen := pair[0], pair[1]
				verdict, _, _ := Judge(&expected, seen, []Known{{Name: "other", Identity: seen}})
				if same := first == second; same != (verdict == Same) || !same && verdict != Another {
					t.Errorf("differing in %06b: verdict %d for %+v where %+v was expected", set, verdict, seen, expected)
				}
			}
		}
	}
}

func TestAnotherConfiguredCameraIsNeverTakenForAChange(t *testing.T) {
	yard := with(plain(), func(id *Identity) { id.Picture = "H.264 640×360 ffff000011112222" })
	own := plain()
	if v, _, twin := Judge(&own, yard, []Known{{Name: "yard", Identity: yard}}); v != Another || twin != "yard" {
		t.Errorf("the yard's picture at the door: %d, %q", v, twin)
	}
	if v, _, twin := Judge(&own, yard, nil); v != Changed || twin != "" {
		t.Errorf("a new picture that no other camera has: %d, %q", v, twin)
	}
	mac := with(own, func(id *Identity) { id.MAC = "9c:8e:cd:00:00:07" })
	if v, _, _ := Judge(&mac, with(yard, func(id *Identity) { id.MAC = mac.MAC }), []Known{{Name: "yard", Identity: yard}}); v != Changed {
		t.Errorf("the door itself, set to the yard's resolution: %d", v)
	}
}

func TestSharedEvidenceProvesNothing(t *testing.T) {
	own := with(plain(), func(id *Identity) { id.Key = strings.Repeat("f", 64) })
	vendor := Known{Name: "yard", Identity: Identity{Key: own.Key, Realm: "digest Else", Title: "else", Media: "else", Picture: "else"}}
	seen := with(own, func(id *Identity) { id.Realm, id.Title, id.Picture = "digest New", "new", "new" })
	if v, _, _ := Judge(&own, seen, []Known{vendor}); v != Another {
		t.Errorf("a key that all cameras of a maker share vouched for another camera: %d", v)
	}
	if v, _, _ := Judge(&own, seen, nil); v != Changed {
		t.Errorf("a key of its own did not vouch: %d", v)
	}
	if got := Strength(own, []Known{vendor}); !strings.HasPrefix(got, "weak: ") {
		t.Errorf("strength of a shared key: %s", got)
	}
}

func TestAFirstContactThatIsPinnedElsewhereIsAsked(t *testing.T) {
	known := []Known{{Name: "door", Identity: door()}}
	for name, seen := range map[string]Identity{"MAC": {MAC: door().MAC}, "realm": {Realm: door().Realm}} {
		if v, _, twin := Judge(nil, seen, known); v != Another || twin != "door" {
			t.Errorf("%s: %d, %q", name, v, twin)
		}
		if v, _, _ := Judge(nil, seen, []Known{{Name: "door", SameHost: true, Identity: door()}}); v != Same {
			t.Errorf("%s of another port of the same host: %d", name, v)
		}
	}
	for name, seen := range map[string]Identity{"key": {Key: door().Key}, "weak": {Title: door().Title, Media: door().Media, Picture: door().Picture}, "nothing": {}} {
		if v, _, _ := Judge(nil, seen, known); v != Same {
			t.Errorf("%s, which many cameras share: %d", name, v)
		}
	}
}

func TestStrengthIsHonest(t *testing.T) {
	for _, c := range []struct {
		id     Identity
		others []Known
		want   string
	}{
		{door(), nil, "strong: key, MAC address, serial number in its realm"},
		{plain(), nil, "weak: looks like any other of its model"},
		{plain(), []Known{{Name: "yard", Identity: plain()}}, "none: looks just like another camera"},
		{plain(), []Known{{Name: "yard", Identity: with(plain(), func(id *Identity) { id.Picture = "x" })}}, "weak: "},
	} {
		if got := Strength(c.id, c.others); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestRealmsThatNameOneCamera(t *testing.T) {
	for _, strong := range []string{"AXIS_ACCC8E012345", "Login to 5K01A2BPAZ12345", "IP Camera(12345)", "4419b65f3c2a", "44:19:b6:5f:3c:2a", "Login to 1f8a0c33d29b47e6"} {
		if !namesOneCamera("digest " + strong) {
			t.Errorf("%q is not taken for one camera's", strong)
		}
	}
	for _, weak := range []string{"IP Camera", "LIVE555 Streaming Media", "Streaming Server", "IPCamera2020", "RTSP SERVER", "DS-2CD2032", "Hipcam RealServer/V1.0", "", "ipcam", "deadbeefcafe"} {
		if namesOneCamera("digest " + weak) {
			t.Errorf("%q is taken for one camera's", weak)
		}
	}
}

func TestADescriptionsFingerprintLeavesOutWhatChangesFromSessionToSession(t *testing.T) {
	text := func(origin, host, session, sets string) []byte {
		return []byte("v=0\r\no=- " + origin + " IN IP4 " + host + "\r\ns=Media Presentation\r\ni=stream\r\nc=IN IP4 " + host + "\r\nt=0 0\r\na=tool:LIVE v1\r\na=control:rtsp://" + host +
			"/s?id=" + session + "\r\nm=video 0 RTP/AVP 96\r\nb=AS:5000\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 sprop-parameter-sets=" + sets +
			"\r\na=control:rtsp://" + host + "/s/track1/" + session + "\r\nm=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=control:trackID=2\r\n")
	}
	title, list := describe(text("1 1", "10.0.0.1", "12345678", "Z0"))
	again, listAgain := describe(text("17000 2", "10.0.0.9", "998877665", "Y1"))
	if title != again || list != listAgain || title != "Media Presentation; stream; LIVE v1" || !strings.HasPrefix(list, "video H264/90000, audio PCMU/8000 ") {
		t.Errorf("%q %q, then %q %q", title, list, again, listAgain)
	}
	if _, other := describe([]byte(strings.Replace(string(text("1 1", "10.0.0.1", "12345678", "Z0")), "trackID=2", "trackID=3", 1))); other == list {
		t.Error("another control attribute leaves the fingerprint as it was")
	}
	for _, odd := range []string{"", "a=rtpmap:96 H264/90000\r\n", "m=\r\n", "s=\x00\xff\u202e\r\n=\r\n", strings.Repeat("s=ä\n", 1000)} {
		if title, _ := describe([]byte(odd)); len([]rune(title)) > maxTrait || strings.ContainsAny(title, "\x00\u202e") {
			t.Errorf("%q gives the title %q", odd, title)
		}
	}
}

func TestDifferencesReadWell(t *testing.T) {
	_, all := Compare(door(), with(door(), func(id *Identity) { id.Key, id.MAC = strings.Repeat("b", 64), "9c:8e:cd:00:00:02" }))
	var lines []string
	for _, d := range all {
		lines = append(lines, d.String())
	}
	want := []string{`key of its certificate: was "aaaaaaaaaaaaaaaa…", is "bbbbbbbbbbbbbbbb…"`, `MAC address: was "9c:8e:cd:00:00:01", is "9c:8e:cd:00:00:02"`}
	if !slices.Equal(lines, want) {
		t.Errorf("%q", lines)
	}
}
