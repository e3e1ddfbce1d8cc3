package web

import (
	"testing"
	"time"

	"keepwatch.internal/internal/audit"
)

func TestTheVerificationPassSaysHowFarItIsAndNeverThatAllIsWellWhenSomethingWasFound(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	site := siteClock{location: time.UTC, now: func() time.Time { return now }}
	for _, c := range []struct {
		r           VerificationReport
		state, want string
	}{
		{VerificationReport{}, "connecting", "The first verification pass has not started."},
		{VerificationReport{Round: &now, ReadBytes: 12, TotalBytes: 100}, "recording", "Verification pass 12 % done, no damage found."},
		{VerificationReport{Round: &now, ReadBytes: 120, TotalBytes: 100, Found: 1}, "offline", "Verification pass 100 % done; 1 damaged file was set aside."},
		{VerificationReport{LastRound: &now, Found: 3}, "offline", "Last verification pass finished 22 Nov, 12:00; 3 damaged files were set aside."},
	} {
		if v := verificationOf(&c.r, site); v.State != c.state || v.Words != c.want {
			t.Errorf("%+v: %+v, want %s, %q", c.r, *v, c.state, c.want)
		}
	}
	if verificationOf(nil, site) != nil {
		t.Error("who is told nothing sees a card")
	}
}

func TestChangesAreToldWithTimesOnTheSitesClock(t *testing.T) {
	site := siteClock{location: time.FixedZone("", 3600), now: func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }}
	got := changeWords(audit.Change{What: "share given", Detail: "mia: live, playback, until 2026-11-29T07:21:59Z, \"for mia\""}, site)
	if want := `Share given: mia: live, playback, until 29 Nov, 08:21, "for mia".`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDevicesAreNamedAsPeopleNameThem(t *testing.T) {
	for agent, want := range map[string]string{
		"": "Unknown program",
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                   "Firefox on Linux",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E1": "Safari on iPhone", // as the record cuts it off
		"Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36":          "Chrome on Android",
		"curl/8.14.1": "curl/8.14.1",
	} {
		if got := deviceWords(agent); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}

func TestChangesTellTimesOnTheSitesClock(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	site := siteClock{location: time.FixedZone("", 3600), now: func() time.Time { return at }}
	got := changeWords(audit.Change{What: "share given", Detail: "a link: playback, until 2026-11-29T07:36:00Z, of 2026-11-22T08:33:13Z to 2026-11-22T08:33:33Z, \"of 9 to 5\""}, site)
	if want := "Share given: a link: playback, until 29 Nov, 08:36, of 22 Nov, 09:33:13–09:33:33, \"of 9 to 5\"."; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
