package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
)

// put records so many seconds of a camera from the moment on.
func (w *world) put(camera string, start time.Time, seconds int) {
	w.t.Helper()
	run, fragments := w.shoot(w.cameras[camera], media.Main, start, seconds)
	writer, err := w.store.Begin(w.t.Context(), run)
	check(w.t, err)
	for _, f := range fragments {
		check(w.t, writer.Append(w.t.Context(), f))
	}
	check(w.t, writer.End(w.t.Context(), "offline: the test is over"))
}

// TestDaysAreThoseOfTheSite asks for a month in which clocks are set back, with footage across the midnights around the day
// of 25 hours.
func TestDaysAreThoseOfTheSite(t *testing.T) {
	w := inhabited(t)
	loc, err := time.LoadLocation("Europe/Berlin")
	check(t, err)
	w.reopen(func(o *Options) { o.Location = loc })
	day := newSiteDay(2025, 10, 26, loc)
	w.put("front", day.from.Add(-5*time.Second), 20)
	w.put("front", day.to.Add(-10*time.Second), 40)
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/days?month=2025-10"}))
	days := decode[daysJSON](t, resp, body).Days
	if len(days) != 31 {
		t.Fatalf("%d days in October", len(days))
	}
	recorded := map[string]float64{"2025-10-25": 5, "2025-10-26": 25, "2025-10-27": 30}
	for i, d := range days {
		length := 24 * time.Hour
		if d.Day == "2025-10-26" {
			length = 25 * time.Hour
		}
		if d.To.Sub(d.From) != length || i > 0 && !d.From.Equal(days[i-1].To) {
			t.Errorf("%s from %v to %v", d.Day, d.From, d.To)
		}
		if d.RecordedSeconds != recorded[d.Day] {
			t.Errorf("%s: %v s recorded, want %v", d.Day, d.RecordedSeconds, recorded[d.Day])
		}
	}
	if got := days[25]; got.RecordedSeconds+got.MissingSeconds != 25*3600 {
		t.Errorf("the day of 25 hours adds up to %v s", got.RecordedSeconds+got.MissingSeconds)
	}
	if got := days[0]; got.RecordedSeconds+got.MissingSeconds+got.DeletedSeconds != 0 {
		t.Errorf("before the camera was there: %+v", got)
	}

	p := w.page("alice", "/cameras/front/days?month=2025-10")
	links := map[string]bool{}
	for _, a := range p.all("a") {
		if href, ok := strings.CutPrefix(attr(a, "href"), "/cameras/front?day="); ok {
			links[href] = true
		}
	}
	if len(links) != 3 || !links["2025-10-25"] || !links["2025-10-26"] || !links["2025-10-27"] {
		t.Errorf("the calendar leads to %v", links)
	}
	if got := text(p.one("table", "class=calendar")); !strings.Contains(got, "25 s recorded") || !strings.Contains(got, "missing") {
		t.Errorf("the calendar does not say it in words: %s", got)
	}
	if attr(p.one("a", "rel=prev"), "href") != "/cameras/front/days?month=2025-09" || attr(p.one("a", "rel=next"), "href") != "/cameras/front/days?month=2025-11" {
		t.Error("the months around are not where they should be")
	}
	if n := len(w.page("alice", "/cameras/front/days").all("a", "rel=next")); n != 0 {
		t.Error("this month leads to one that has not come")
	}
}

func TestDaysEndNow(t *testing.T) {
	w := filmed(t)
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/days"}))
	days := decode[daysJSON](t, resp, body).Days
	last := days[len(days)-1]
	if last.Day != dayOf(time.Now(), w.options.Location).String() || last.To.After(time.Now()) {
		t.Errorf("the last day is %+v", last)
	}
	resp, body = w.do(w.as("alice", ask{path: "/api/v1/cameras/front/days?month=2190-01"}))
	if days := decode[daysJSON](t, resp, body).Days; len(days) != 0 {
		t.Errorf("days to come: %v", days)
	}
	for _, q := range []string{"month=2026", "month=2026-13", "month=1969-12", "month=2200-01", "month=2026-1", "month=2026-01&month=2026-02", "stream=x"} {
		if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/days?" + q})); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", q, resp.StatusCode)
		}
	}
}

// TestActivityIsAnsweredInSteps of the length asked for, or of one that fits.
func TestActivityIsAnsweredInSteps(t *testing.T) {
	w := filmed(t)
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/activity?" + w.span(-10, filmLength+10)}))
	a := decode[activityJSON](t, resp, body)
	if a.StepSeconds != 1 || len(a.Rates) != filmLength+20 || !a.From.Equal(w.start.Add(-10*time.Second)) {
		t.Fatalf("%d steps of %d s from %v", len(a.Rates), a.StepSeconds, a.From)
	}
	for i, rate := range a.Rates {
		if footage := i >= 10 && i < filmLength+10; (rate != nil) != footage {
			t.Errorf("second %d: footage %t", i-10, rate != nil)
		}
	}
	resp, body = w.do(w.as("alice", ask{path: "/api/v1/cameras/front/activity?step=7&" + w.span(0, 20)}))
	if a := decode[activityJSON](t, resp, body); a.StepSeconds != 7 || len(a.Rates) != 3 {
		t.Errorf("%d steps of %d s", len(a.Rates), a.StepSeconds)
	}
	for length, want := range map[time.Duration]int{time.Minute: 1, time.Hour: 5, 24 * time.Hour: 60, 25 * time.Hour: 120, 32 * 24 * time.Hour: 1800} {
		q := url.Values{"from": {w.start.Add(-length).Format(time.RFC3339)}, "to": {w.start.Format(time.RFC3339)}}
		resp, body := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/activity?" + q.Encode()}))
		if a := decode[activityJSON](t, resp, body); a.StepSeconds != want || len(a.Rates) > 1600 {
			t.Errorf("%v is answered in %d steps of %d s", length, len(a.Rates), a.StepSeconds)
		}
	}
	for _, q := range []string{"step=0&" + w.span(0, 9), "step=-1&" + w.span(0, 9), "step=1.5&" + w.span(0, 9), "step=99999999999999999999&" + w.span(0, 9),
		"step=1&" + w.span(-5000, 9), w.span(9, 0), w.span(-33*86400, 0), "step=1&step=2&" + w.span(0, 9)} {
		if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/activity?" + q})); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", q, resp.StatusCode)
		}
	}
}

// TestALinkToATimeTellsOfThatTimeOnly: the figures of days and of activity are cut to it.
func TestALinkToATimeTellsOfThatTimeOnly(t *testing.T) {
	w := filmed(t)
	alice, err := w.accounts.BySession(t.Context(), w.sessions["alice"])
	check(t, err)
	window := access.Window{From: w.start.Add(2 * time.Second), To: w.start.Add(6 * time.Second)}
	_, link, err := w.accounts.NewShare(t.Context(), alice, accounts.ShareSpec{Camera: access.Camera(w.cameras["front"].ID),
		Actions: access.Rights(access.Playback), Window: window})
	check(t, err)
	get := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/api/v1/cameras/front/"+path, nil)
		r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1"
		principal{link: link}.sign(r)
		rec := httptest.NewRecorder()
		w.server.Handler().ServeHTTP(rec, r)
		return rec
	}
	month := "days?month=" + w.start.In(w.options.Location).Format("2006-01")
	days := decode[daysJSON](t, get(month).Result(), get(month).Body.Bytes()).Days
	sum := 0.0
	for _, d := range days {
		sum += d.RecordedSeconds + d.MissingSeconds + d.DeletedSeconds
	}
	if sum != 4 || len(days) > 2 {
		t.Errorf("a link to four seconds tells of %v: %+v", sum, days)
	}
	if rec := get("activity?" + w.span(2, 6)); rec.Code != http.StatusOK {
		t.Errorf("activity within the time: status %d", rec.Code)
	}
	if rec := get("activity?" + w.span(1, 6)); rec.Code != http.StatusNotFound {
		t.Errorf("activity from before: status %d", rec.Code)
	}
	if rec := get("activity?" + w.span(2, 7)); rec.Code != http.StatusNotFound {
		t.Errorf("activity from after: status %d", rec.Code)
	}
}

// TestTheListOfCamerasTellsOfRecordingsToThoseWhoMaySeeThem, and to others only how the camera is.
func TestTheListOfCamerasTellsOfRecordingsToThoseWhoMaySeeThem(t *testing.T) {
	w := filmed(t)
	w.recording("front", "yard", "attic")
	p := w.page("alice", "/cameras")
	if n := len(p.all("figure", "class=strip")); n != 2 {
		t.Fatalf("%d strips for two cameras", n)
	}
	for _, n := range p.all("svg", "role=img") {
		if words := attr(n, "aria-label"); !strings.Contains(words, "1 day with footage") {
			t.Errorf("the strip says %q", words)
		}
	}
	if words := text(p.root); !strings.Contains(words, "On disk") || !strings.Contains(words, "Footage reaches back") || !strings.Contains(words, "Recorded today") {
		t.Errorf("the page lacks figures: %s", words)
	}
	p.one("a", "href=/cameras/front/days")
	w.share(access.Live, time.Now().Add(time.Hour))
	var cards []string
	for _, n := range w.page("bob", "/cameras").all("section", "class=card camera-card") {
		cards = append(cards, text(n))
	}
	if len(cards) != 3 || !strings.HasPrefix(cards[0], "Front") || strings.Contains(cards[0], "On disk") || strings.Contains(cards[0], "footage") || strings.Contains(cards[0], "Recorded") {
		t.Errorf("who may watch live is told: %q", cards)
	}
	if got := text(w.page("bob", "/cameras/front/days").root); !strings.Contains(got, "not its recordings") || strings.Contains(got, "recorded") {
		t.Errorf("who may watch live is shown the days: %s", got)
	}
}
