package web

import (
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

func (w *world) putLayout(name, body string) (*http.Response, []byte) {
	w.t.Helper()
	return w.do(w.as(name, ask{method: "PUT", path: "/api/v1/me/layout", body: body, header: map[string]string{"Content-Type": "application/json"}}))
}

// arrangeForm sends a form of the live page.
func (w *world) arrangeForm(name, form string) (*http.Response, []byte) {
	w.t.Helper()
	return w.do(w.as(name, ask{method: "POST", path: "/live/arrange", body: form, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}))
}

var tileName = regexp.MustCompile(`<article class="tile[^>]* data-camera="([^"]+)"`)

// tilesShown returns the cameras on the live page, in order.
func (w *world) tilesShown(name, query string) []string {
	w.t.Helper()
	resp, body := w.do(w.as(name, ask{path: "/live?" + query}))
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("/live?%s: status %d", query, resp.StatusCode)
	}
	list := []string{}
	for _, m := range tileName.FindAllSubmatch(body, -1) {
		list = append(list, string(m[1]))
	}
	return list
}

func TestALayoutIsSavedPerAccountAndNamesNoCameraThatIsNotSeenAnyMore(t *testing.T) {
	w := inhabited(t)
	saved := `{"shape":"4","order":["attic","front"],"groups":[{"name":"Inside","cameras":["attic"]},{"name":"<i>","cameras":["front","attic"]}]}`
	if resp, body := w.putLayout("alice", saved); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	layout := func(name string) layoutJSON {
		resp, body := w.do(w.as(name, ask{path: "/api/v1/me/layout"}))
		return decode[layoutJSON](t, resp, body)
	}
	want := layoutJSON{"4", []string{"attic", "front"}, []groupJSON{{"Inside", []string{"attic"}}, {"<i>", []string{"front", "attic"}}}}
	if got := layout("alice"); !reflect.DeepEqual(got, want) {
		t.Errorf("saved %+v", got)
	}
	if got := layout("bob"); !reflect.DeepEqual(got, layoutJSON{"auto", []string{}, []groupJSON{}}) {
		t.Errorf("bob, who saved nothing, has %+v", got)
	}
	w.own(map[string]string{"alice": "front", "bob": "yard attic"})
	want = layoutJSON{"4", []string{"front"}, []groupJSON{{"Inside", []string{}}, {"<i>", []string{"front"}}}}
	if got := layout("alice"); !reflect.DeepEqual(got, want) {
		t.Errorf("without attic %+v", got)
	}
	for _, query := range []string{"", "group=Inside", "group=%3Ci%3E&layout=focus&big=attic", "arrange=1", "group=Inside&arrange=1", "big=yard&layout=focus"} {
		resp, body := w.do(w.as("alice", ask{path: "/live?" + query}))
		if resp.StatusCode != http.StatusOK || strings.Contains(string(body), "attic") || strings.Contains(string(body), "Attic") || strings.Contains(string(body), "yard\"") {
			t.Errorf("/live?%s: status %d, or it names a camera that alice does not see", query, resp.StatusCode)
		}
	}
	w.own(map[string]string{"alice": "front attic", "bob": "yard attic"})
	if got := w.tilesShown("alice", "group=Inside"); !slices.Equal(got, []string{"attic"}) {
		t.Errorf("attic is back, the group shows %v", got)
	}
}

func TestALayoutThatMakesNoSenseIsRefused(t *testing.T) {
	w := inhabited(t)
	for _, body := range []string{``, `[]`, `{"shape":"5","order":[],"groups":[]}`, `{"shape":"4","order":["yard"],"groups":[]}`, `{"shape":"4","order":["nowhere"],"groups":[]}`,
		`{"shape":"4","order":["front","front"],"groups":[]}`, `{"shape":"4","order":[],"groups":[{"name":"","cameras":[]}]}`, `{"shape":"4","more":1}`,
		`{"shape":"4","order":[],"groups":[{"name":"a","cameras":["yard"]}]}`, `{"shape":"4","order":["Front"],"groups":[]}`,
		`{"shape":"4","order":[],"groups":[` + strings.Repeat(`{"name":"a","cameras":[]},`, 30) + `{"name":"b","cameras":[]}]}`} {
		if resp, answer := w.putLayout("alice", body); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%.60s: status %d: %s", body, resp.StatusCode, answer)
		}
	}
	_, foreign := w.putLayout("alice", `{"shape":"4","order":["yard"],"groups":[]}`)
	_, unknown := w.putLayout("alice", `{"shape":"4","order":["none"],"groups":[]}`)
	instance := regexp.MustCompile(`"instance":"[^"]*"`)
	if a, b := instance.ReplaceAllString(string(foreign), ""), instance.ReplaceAllString(string(unknown), ""); a != b {
		t.Errorf("a foreign camera: %s\none that is not there: %s", a, b)
	}
	for _, a := range []ask{{token: w.tokens["alice"]}, {}} {
		a.method, a.path, a.header = "PUT", "/api/v1/me/layout", map[string]string{"Content-Type": "application/json"}
		a.body = `{"shape":"4","order":[],"groups":[]}`
		if resp, _ := w.do(a); resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("token %t: status %d", a.token != "", resp.StatusCode)
		}
	}
}

func TestTheAddressWinsOverTheSavedLayout(t *testing.T) {
	w := inhabited(t)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"", []string{"front", "attic"}}, {"layout=1", []string{"front"}}, {"layout=1&page=2", []string{"attic"}}, {"layout=1&page=99", []string{"attic"}},
		{"layout=1&page=-1", []string{"front"}}, {"layout=7", []string{"front", "attic"}}, {"layout=focus&big=attic", []string{"attic", "front"}},
		{"layout=focus&big=yard", []string{"front", "attic"}}, {"group=none", []string{"front", "attic"}},
	} {
		if got := w.tilesShown("alice", c.query); !slices.Equal(got, c.want) {
			t.Errorf("/live?%s shows %v, want %v", c.query, got, c.want)
		}
	}
	w.putLayout("alice", `{"shape":"1","order":["attic"],"groups":[]}`)
	for query, want := range map[string][]string{"": {"attic"}, "page=2": {"front"}, "layout=4": {"attic", "front"}} {
		if got := w.tilesShown("alice", query); !slices.Equal(got, want) {
			t.Errorf("saved, /live?%s shows %v, want %v", query, got, want)
		}
	}
	if got := w.tilesShown("bob", ""); !slices.Equal(got, []string{"yard", "attic"}) {
		t.Errorf("bob's page shows %v", got)
	}
}

func TestTheFormsOfTheLivePageArrangeIt(t *testing.T) {
	w := inhabited(t)
	form := func(pairs ...string) string {
		q := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			q.Add(pairs[i], pairs[i+1])
		}
		return q.Encode()
	}
	next := func(want string, pairs ...string) {
		t.Helper()
		resp, body := w.arrangeForm("alice", form(pairs...))
		if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != want {
			t.Errorf("%v: status %d to %q, want %q\n%.300s", pairs, resp.StatusCode, resp.Header.Get("Location"), want, body)
		}
	}
	next("/live?layout=4", "do", "shape", "shape", "4", "at-page", "2")
	next("/live?arrange=1", "do", "place", "camera", "attic", "at", "front", "at-arrange", "1")
	if got := w.tilesShown("alice", ""); !slices.Equal(got, []string{"attic", "front"}) {
		t.Errorf("moved: %v", got)
	}
	next("/live", "do", "group", "was", "", "name", "Up", "member", "front", "member", "attic")
	next("/live?group=Above", "do", "group", "was", "Up", "name", "Above", "member", "front", "member", "attic", "at-group", "Up")
	next("/live?group=Above", "do", "place", "camera", "attic", "at", "front", "at-group", "Above")
	if got := w.tilesShown("alice", "group=Above"); !slices.Equal(got, []string{"attic", "front"}) {
		t.Errorf("moved in the group: %v", got)
	}
	for _, wrong := range []string{form("do", "group", "name", "", "member", "front"), form("do", "group", "name", "Above", "member", "front"), form("do", "group", "name", "x"),
		form("do", "group", "name", "x", "member", "yard"), form("do", "place", "camera", "yard", "at", "front"), form("do", "place", "camera", "front"), form("do", "shape", "shape", "3"),
		form(), form("do", "dance")} {
		if resp, _ := w.arrangeForm("alice", wrong); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", wrong, resp.StatusCode)
		}
	}
	w.own(map[string]string{"alice": "front", "bob": "yard attic"})
	next("/live", "do", "group", "was", "Above", "name", "Above", "member", "front")
	w.own(map[string]string{"alice": "front attic", "bob": "yard attic"})
	if got := w.tilesShown("alice", "group=Above"); !slices.Equal(got, []string{"attic", "front"}) {
		t.Errorf("a camera that was away for a while has left the group: %v", got)
	}
	next("/live", "do", "ungroup", "was", "Above")
	if _, body := w.do(w.as("alice", ask{path: "/live"})); strings.Contains(string(body), "Above") {
		t.Error("the group is still there")
	}
}

func TestATilesToolsFollowTheRights(t *testing.T) {
	w := inhabited(t)
	alice, err := w.accounts.BySession(t.Context(), w.sessions["alice"])
	check(t, err)
	_, _, err = w.accounts.NewShare(t.Context(), alice, accounts.ShareSpec{Camera: access.Camera(w.cameras["front"].ID), Account: "bob", Actions: access.Rights(access.Live)})
	check(t, err)
	tools := func(name string) string {
		_, body := w.do(w.as(name, ask{path: "/live"}))
		var list []string
		for _, m := range regexp.MustCompile(`data-camera="front".*?</article>`).FindAllString(string(body), 1) {
			for _, d := range regexp.MustCompile(`data-do="(\w+)"`).FindAllStringSubmatch(m, -1) {
				list = append(list, d[1])
			}
		}
		return strings.Join(list, " ")
	}
	if got := tools("alice"); got != "more sound snapshot pip full" {
		t.Errorf("the owner has %s", got)
	}
	if got := tools("bob"); got != "more pip full" {
		t.Errorf("who may see %v has %s", access.Live, got)
	}
}
