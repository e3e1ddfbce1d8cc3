package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
)

// rowsOf returns the names of the selected rows, and of all rows.
func rowsOf(p tree) (chosen, all []string) {
	for _, n := range p.all("label") {
		if attr(n, "class") != "timeline-row" {
			continue
		}
		all = append(all, attr(n, "data-camera"))
		if hasAll(n.FirstChild, []string{"checked="}) {
			chosen = append(chosen, attr(n, "data-camera"))
		}
	}
	return chosen, all
}

func TestTheTimelineShowsTheDayOfEachCameraOfTheViewer(t *testing.T) {
	w := filmed(t)
	p := w.page("alice", "/timeline")
	chosen, all := rowsOf(p)
	if strings.Join(all, " ") != "front attic" || strings.Join(chosen, " ") != "front attic" {
		t.Errorf("rows %v, chosen %v", all, chosen)
	}
	var timeline timelineJSON
	check(t, json.Unmarshal([]byte(attr(p.one("label", "data-camera=front"), "data-timeline")), &timeline))
	if len(timeline.Spans) != 1 || timeline.Spans[0].From.Sub(w.start).Abs() > time.Second {
		t.Errorf("spans %v, want one from %v", timeline.Spans, w.start)
	}
	words := text(p.one("main"))
	for _, want := range []string{"recorded", "not recorded: ", "Front <door>", "20 s"} {
		if !strings.Contains(words, want) {
			t.Errorf("without scripts the page does not say %q: %s", want, words)
		}
	}
	if n := len(p.all("label", "data-audio=")); n != 1 {
		t.Errorf("%d rows have sound, one camera has", n)
	}
	if _, all := rowsOf(w.page("root", "/timeline")); len(all) != 0 {
		t.Errorf("the administrator, who owns none, sees %v", all)
	}
}

func TestATimelineAddressPlaysWhatIsTheViewersAndNothingElse(t *testing.T) {
	w := filmed(t)
	at := "&at=" + url.QueryEscape(w.start.Add(5*time.Second).Format(time.RFC3339))
	for list, want := range map[string]string{
		"attic": "attic", "attic,front": "attic,front", "front,yard": "front", "yard,attic,nowhere,attic": "attic", "": "", ",,": "none",
		"yard": "none", "nowhere": "none", "yard,nowhere": "none",
	} {
		resp, body := w.do(w.as("alice", ask{path: "/timeline?cameras=" + list + at}))
		if want == "none" {
			if resp.StatusCode != http.StatusNotFound {
				t.Errorf("cameras=%s: status %d", list, resp.StatusCode)
			}
			continue
		}
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("cameras=%s: status %d", list, resp.StatusCode)
		}
		p := parse(t, body)
		if got := attr(p.one("div", "id=timeline-page"), "data-chosen"); got != want {
			t.Errorf("cameras=%s plays %q", list, got)
		}
		if strings.Contains(string(body), "yard") || strings.Contains(string(body), w.cameras["yard"].ID.String()) {
			t.Errorf("cameras=%s: the page names a camera that is not alice's", list)
		}
	}
}

// TestATimelineAddressWithAForeignCameraTellsNothingOfIt compares it, over the network, with a camera that does not exist. It uses
// the previous day, which does not change meanwhile.
func TestATimelineAddressWithAForeignCameraTellsNothingOfIt(t *testing.T) {
	w := filmed(t)
	stopped := time.Now()
	w.reopen(func(o *Options) { o.Now = func() time.Time { return stopped } })
	at := "&at=" + stopped.Add(-24*time.Hour).UTC().Format(time.RFC3339)
	for _, others := range []string{"", ",front"} {
		answer := func(name string) string {
			resp, body := w.do(w.as("alice", ask{path: "/timeline?cameras=" + name + others + at}))
			resp.Header.Del("Date")
			var header strings.Builder
			check(t, resp.Header.Write(&header))
			return resp.Status + header.String() + string(body)
		}
		if foreign, none := answer("yard"), answer("none"); foreign != none {
			t.Errorf("with %q it is answered otherwise than none", others)
		}
	}
}

// TestTheTimelineHasOnlyCamerasWhoseRecordingsMayBeSeen shares alice's front camera with bob, with each set of rights.
func TestTheTimelineHasOnlyCamerasWhoseRecordingsMayBeSeen(t *testing.T) {
	w := filmed(t)
	for _, held := range []access.Action{access.Live | access.Audio | access.Export, access.Playback, access.Playback | access.Audio} {
		w.share(held, time.Now().Add(time.Hour))
		resp, body := w.do(w.as("bob", ask{path: "/timeline?cameras=front"}))
		may := held&access.Playback != 0
		if may != (resp.StatusCode == http.StatusOK) || !may && resp.StatusCode != http.StatusNotFound {
			t.Errorf("with rights %06b: status %d", held, resp.StatusCode)
		}
		if _, all := rowsOf(w.page("bob", "/timeline")); slices.Contains(all, "front") != may {
			t.Errorf("with rights %06b bob sees %v", held, all)
		}
		if may {
			if got := len(parse(t, body).all("label", "data-audio=")) == 1; got != (held&access.Audio != 0) {
				t.Errorf("with rights %06b: sound is offered: %t", held, got)
			}
		}
	}
}

func TestABadTimelineAddressIsToldSo(t *testing.T) {
	w := filmed(t)
	for _, query := range []string{"at=noon", "day=2026-13-40", "cameras=front&cameras=attic", "cameras=%zz"} {
		if resp, body := w.do(w.as("alice", ask{path: "/timeline?" + query})); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d: %s", query, resp.StatusCode, body)
		}
	}
}

func TestACamerasPageLeadsToTheOthersOfItsViewerAtTheSameMoment(t *testing.T) {
	w := filmed(t)
	for page, want := range map[string]string{
		"/cameras/front": "/timeline?cameras=front,attic", "/cameras/attic": "/timeline?cameras=attic,front",
		"/cameras/attic?at=2026-11-22T13:05:20Z": "/timeline?cameras=attic,front&at=2026-11-22T13%3A05%3A20Z",
	} {
		if got := attr(w.page("alice", page).one("a", "id=in-sync"), "href"); got != want {
			t.Errorf("%s leads to %s, want %s", page, got, want)
		}
	}
}
