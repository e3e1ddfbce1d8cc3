package onvif

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestDigestsAgreeWithTheStandard has the examples of RFC 7616 section 3.9.1 and RFC 2617 section 3.5.
func TestDigestsAgreeWithTheStandard(t *testing.T) {
	const modern = `realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS", algorithm=`
	for _, c := range []struct{ challenge, user, password, cnonce, response string }{
		{modern + "MD5", "Mufasa", "Circle of Life", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "8ca523f5e9506fed4657c9700eebdbec"},
		{modern + "SHA-256", "Mufasa", "Circle of Life", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
		{`realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`, "Mufasa", "Circle Of Life", "0a4f113b", "6629fae49393a05397450978507c4ef1"},
		{`realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"`, "Mufasa", "Circle Of Life", "", "670fd8c2df070c60b045671b8b24ff02"},
	} {
		header := http.Header{}
		header.Add("WWW-Authenticate", `Basic realm="x"`)
		header.Add("WWW-Authenticate", "Digest "+c.challenge)
		found := readChallenges(header)
		if found == nil {
			t.Fatal(c.challenge)
		}
		got := found.answerWith(Options{Username: c.user, Password: Password(c.password)}, "GET:/dir/index.html", 1, c.cnonce)
		if !strings.Contains(got, `response="`+c.response+`"`) {
			t.Errorf("%s: %s, want %s", c.challenge, got, c.response)
		}
	}
}

// TestTokensAgreeWithTheStandard has the example of the ONVIF application programmer's guide, section 6.1.1.3.
func TestTokensAgreeWithTheStandard(t *testing.T) {
	nonce, err := base64.StdEncoding.DecodeString("LKqI6G/AikKCQrN0zqZFlg==")
	if err != nil {
		t.Fatal(err)
	}
	got := securityHeaderWith(Options{Username: "user", Password: "userpassword"}, time.Date(2010, 9, 16, 7, 50, 45, 0, time.UTC), nonce)
	if !strings.Contains(got, "tuOSpGlFlIXsozq4HFNeeGeFLEI=") || !strings.Contains(got, "2010-09-16T07:50:45Z") || strings.Contains(got, "userpassword") {
		t.Error(got)
	}
}

func TestPasswordsDoNotPrint(t *testing.T) {
	o := Options{Address: "10.0.0.1", Username: "u", Password: "hunter2"}
	encoded, err := json.Marshal(struct{ P Password }{o.Password})
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%v %+v %s %q %x %#v", o, o, o.Password, o.Password, o.Password, o.Password) + string(encoded)
	if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
		t.Error(text)
	}
}

func TestAnEchoedPasswordIsScrubbed(t *testing.T) {
	for _, text := range []string{"no: hunter2", "no: hun\x00ter2", "no: hun\nter2 or hunter2", strings.Repeat("x", 190) + "hunter2"} {
		if got := scrub(text, "hunter2"); strings.Contains(got, "hunter2") || len(got) > maxReason {
			t.Errorf("%q", got)
		}
	}
	if got := scrub(`a&lt;b is wrong, a<b`, "a<b"); got != "*** is wrong, ***" {
		t.Errorf("%q", got)
	}
}

func TestAnotherKeyIsSentNothing(t *testing.T) {
	asked := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "https://")
	other, seen := errors.New("another camera"), ""
	c, err := New(Options{Address: address, Secure: true, Admit: func(key string) error { seen = key; return other }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Clock(t.Context()); !errors.Is(err, other) || asked != 0 || seen != keyOf(server.Certificate()) {
		t.Errorf("%v, asked %d times, key %q", err, asked, seen)
	}
}

func TestOnlyPathQueryAndPortOfAnAddressAreBelieved(t *testing.T) {
	c, err := New(Options{Address: "192.0.2.7:8080"})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"http://10.0.0.9/onvif/media":     "http://192.0.2.7:80/onvif/media",
		"http://10.0.0.9:81/a?b=c&d":      "http://192.0.2.7:81/a?b=c&d",
		"http://192.0.2.7:8106:8106/x":    "http://192.0.2.7:8106/x",
		"http://u:p@evil.example:9/x#y":   "http://192.0.2.7:9/x",
		"https://10.0.0.9/onvif/media":    "http://192.0.2.7:8080/onvif/media",
		"http://[fe80::1%25eth0]:82/x":    "http://192.0.2.7:82/x",
		"/onvif/media":                    "http://192.0.2.7:8080/onvif/media",
		"http://":                         "http://192.0.2.7:80/",
		"http://10.0.0.9:99999/x":         "http://192.0.2.7:80/x",
		"http://10.0.0.9/a b":             "http://192.0.2.7:80/a%20b",
		"":                                "",
		"onvif":                           "",
		"http://10.0.0.9/x\r\nHost: evil": "",
		"http://10.0.0.9/" + strings.Repeat("x", 2000): "",
	} {
		got := ""
		if e, ok := c.believe(address, nil); ok {
			got = c.url(e)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
	for address, want := range map[string]string{
		"rtsp://10.0.0.9/a":               "rtsp://192.0.2.7/a",
		"rtsp://u:p@10.0.0.9:10554/a?b=c": "rtsp://192.0.2.7:10554/a?b=c",
		"rtsp://10.0.0.9:554:554/a":       "rtsp://192.0.2.7:554/a",
		"rtsps://10.0.0.9:322/a":          "rtsps://192.0.2.7:322/a",
		"http://10.0.0.9/a":               "",
		"":                                "",
	} {
		if got := c.streamURI(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestClocksAreRead(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	local := func(hour, minute int, zone string) string {
		return fmt.Sprintf("<S><DaylightSavings>false</DaylightSavings><TimeZone><TZ>%s</TZ></TimeZone><LocalDateTime><Time><Hour>%d</Hour><Minute>%d</Minute><Second>0</Second></Time>"+
			"<Date><Year>2026</Year><Month>11</Month><Day>30</Day></Date></LocalDateTime></S>", zone, hour, minute)
	}
	for _, c := range []struct {
		text   string
		known  bool
		offset time.Duration
	}{
		{local(20, 0, "CST-8"), true, 0},
		{local(20, 2, "CST-08:00"), true, 2 * time.Minute},
		{local(7, 0, "EST5EDT,M3.2.0,M11.1.0"), true, 0},
		{local(17, 31, "&lt;+0530&gt;-5:30"), true, time.Minute},
		{local(17, 31, "Asia/Kolkata"), true, time.Minute},
		{local(11, 59, ""), true, -time.Minute},
		{strings.Replace(local(20, 0, "CST-8"), "<Hour>20", "<Hour>61", 1), false, 0},
		{"<S/>", false, 0},
	} {
		n, err := parse([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		if got := readClock(n, now); got.Known != c.known || got.Offset != c.offset {
			t.Errorf("%s: %+v, want %v", c.text, got, c.offset)
		}
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Digest realm="a\"b", nonce="c", qop="auth", algorithm=SHA-256-sess, stale=TRUE`)
	f.Add(`Digest realm=x, nonce=y`)
	f.Add(`Digest nonce="`)
	f.Add(`Digest =,=,="\`)
	f.Fuzz(func(t *testing.T, line string) {
		c := readChallenges(http.Header{"Www-Authenticate": {line}})
		if c == nil {
			return
		}
		text := c.answer(Options{Username: `u"`, Password: "hunter2"}, "POST", "/x", 1)
		if strings.Contains(text, "hunter2") && !strings.Contains(line, "hunter2") || !strings.HasPrefix(text, "Digest username=") {
			t.Error(text)
		}
		if again := readParameters(strings.TrimPrefix(text, "Digest ")); again["nonce"] != c.nonce || again["realm"] != c.realm || again["username"] != `u"` {
			t.Errorf("%q became %q", line, text)
		}
	})
}
