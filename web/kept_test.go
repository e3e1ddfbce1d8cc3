package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/storage"
	"keepwatch.internal/web/view"
)

// keepBody is the body that keeps seconds from to to of the film.
func (w *world) keepBody(from, to float64, note string) string {
	at := func(s float64) time.Time { return w.start.Add(time.Duration(s * float64(time.Second))) }
	b, err := json.Marshal(map[string]any{"from": at(from), "to": at(to), "note": note})
	check(w.t, err)
	return string(b)
}

func (w *world) keep(camera, body string) (*http.Response, []byte) {
	w.t.Helper()
	return w.do(w.as("alice", ask{method: "POST", path: "/api/v1/cameras/" + camera + "/kept", body: body,
		header: map[string]string{"Content-Type": "application/json"}}))
}

// form posts a form like a browser without scripts.
func (w *world) form(name, path string, fields url.Values) *http.Response {
	w.t.Helper()
	resp, _ := w.do(w.as(name, ask{method: "POST", path: path, body: fields.Encode(),
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}))
	return resp
}

func TestClipsAreKeptListedAndLetGo(t *testing.T) {
	w := filmed(t)
	resp, body := w.keep("front", w.keepBody(2, 5, " the <b>parcel</b> "))
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	var kept keptJSON
	check(t, json.Unmarshal(body, &kept))
	if kept.Note != "the <b>parcel</b>" || kept.Camera != "front" || kept.By != "alice" || kept.Bytes == 0 || len(kept.Streams) != 2 ||
		!kept.From.Equal(w.start.Add(2*time.Second)) {
		t.Errorf("%+v", kept)
	}
	w.keep("attic", w.keepBody(1, 2, "attic's"))
	for name, want := range map[string]string{"alice": "front attic", "bob": "attic", "root": ""} {
		resp, body := w.do(w.as(name, ask{path: "/api/v1/kept"}))
		got := []string{}
		for _, k := range decode[keptListJSON](t, resp, body).Kept {
			got = append(got, k.Camera)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s is shown the clips of %v, want %q", name, got, want)
		}
	}
	resp, body = w.do(w.as("bob", ask{path: "/api/v1/cameras/attic/kept"}))
	if list := decode[keptListJSON](t, resp, body).Kept; len(list) != 1 || list[0].Note != "attic's" {
		t.Errorf("%+v", list)
	}
	one := "/api/v1/cameras/front/kept/" + kept.ID
	for _, x := range []struct {
		name, path string
		want       int
	}{
		{"bob", one, 404}, {"root", one, 404}, {"", one, 401}, {"alice", strings.Replace(one, "front", "attic", 1), 404},
		{"alice", one + "x", 400}, {"alice", one, 204}, {"alice", one, 404},
	} {
		if resp, _ := w.do(w.as(x.name, ask{method: "DELETE", path: x.path})); resp.StatusCode != x.want {
			t.Errorf("%s deletes %s: status %d, want %d", x.name, x.path, resp.StatusCode, x.want)
		}
	}
	for name, body := range map[string]string{"a long note": w.keepBody(1, 2, strings.Repeat("x", 501)), "nothing": "{}", "no footage": w.keepBody(-500, -400, ""),
		"a stream": strings.Replace(w.keepBody(1, 2, ""), "{", `{"streams":["audio"],`, 1), "no stream": strings.Replace(w.keepBody(1, 2, ""), "{", `{"streams":[],`, 1)} {
		want := map[bool]int{false: 400, true: 404}[name == "no footage"]
		if resp, said := w.keep("front", body); resp.StatusCode != want {
			t.Errorf("%s: status %d: %s", name, resp.StatusCode, said)
		}
	}
}

func TestFootageIsDeletedByItsOwnerOnly(t *testing.T) {
	w := filmed(t)
	_, body := w.keep("front", w.keepBody(4, 5, ""))
	var kept keptJSON
	check(t, json.Unmarshal(body, &kept))
	path := "/api/v1/cameras/front/footage?" + w.span(2, 3)
	remove := func(name, path string) (*http.Response, []byte) {
		t.Helper()
		return w.do(w.as(name, ask{method: "DELETE", path: path}))
	}
	for name, want := range map[string]int{"bob": 404, "root": 404, "": 401} {
		if resp, _ := remove(name, path+"&kept="+kept.ID); resp.StatusCode != want {
			t.Errorf("%q: status %d", name, resp.StatusCode)
		}
	}
	resp, body := remove("alice", path+"&preview=1")
	preview := decode[deletionJSON](t, resp, body)
	if len(preview.Kept) != 1 || preview.Kept[0].ID != kept.ID || preview.Segments == 0 || !preview.From.Equal(w.start) {
		t.Errorf("preview %+v", preview)
	}
	resp, body = remove("alice", path)
	if p := problemIn(t, resp, body); p.Status != http.StatusConflict || p.Type != "urn:keepwatch:problem:kept" {
		t.Errorf("%+v", p)
	}
	if resp, _ := remove("alice", path+"&preview=2"); resp.StatusCode != 400 {
		t.Errorf("preview=2: status %d", resp.StatusCode)
	}
	if resp, _ := remove("alice", path+"&kept=this"); resp.StatusCode != 400 {
		t.Errorf("kept=this: status %d", resp.StatusCode)
	}
	clip := w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + w.span(2, 3)})
	if resp, _ := w.do(clip); resp.StatusCode != 200 {
		t.Fatalf("before: status %d", resp.StatusCode)
	}
	resp, body = remove("alice", path+"&kept="+kept.ID)
	if gone := decode[deletionJSON](t, resp, body); gone.Segments != preview.Segments || gone.Bytes != preview.Bytes || !gone.To.Equal(preview.To) {
		t.Errorf("deleted %+v, the preview said %+v", gone, preview)
	}
	if resp, _ := w.do(clip); resp.StatusCode != 404 {
		t.Errorf("afterwards: status %d", resp.StatusCode)
	}
	if resp, _ := remove("alice", path); resp.StatusCode != 404 {
		t.Errorf("twice: status %d", resp.StatusCode)
	}
	resp, body = w.do(w.as("alice", ask{path: "/api/v1/cameras/front/timeline?" + w.span(2, 3)}))
	if tl := decode[timelineJSON](t, resp, body); len(tl.Gaps) != 1 || tl.Gaps[0].Code != string(storage.CodeDeletedByOwner) {
		t.Errorf("the timeline says %+v", tl)
	}
}

// TestAClipUnderWayEndsWhenItsFootageIsDeleted deletes in the middle of a download. Sent bytes may arrive, but not the complete clip.
func TestAClipUnderWayEndsWhenItsFootageIsDeleted(t *testing.T) {
	w := inhabited(t)
	w.picture = 200_000 // more than the socket buffers
	w.film("front")
	resp := w.open(t.Context(), w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + w.span(0, filmLength)}))
	defer resp.Body.Close()
	if _, err := resp.Body.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	if resp, body := w.do(w.as("alice", ask{method: "DELETE", path: "/api/v1/cameras/front/footage?" + w.span(1, 2)})); resp.StatusCode != 200 {
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil || n+1000 >= resp.ContentLength {
		t.Errorf("%d bytes of %d arrived, %v", n, resp.ContentLength, err)
	}
}

// TestSavedClipsWithoutScripts keeps, lists, removes and deletes with links and forms only.
func TestSavedClipsWithoutScripts(t *testing.T) {
	w := filmed(t)
	if text := text(w.page("alice", "/saved").one("main")); !strings.Contains(text, "Nothing saved yet") {
		t.Errorf("an empty list says %q", text)
	}
	panel := w.page("alice", "/cameras/front")
	action := attr(panel.one("button", "id=keep-button"), "formaction")
	at := func(s int) string { return w.start.Add(time.Duration(s) * time.Second).Format(time.RFC3339) }
	for _, note := range []string{"first <script>", "second"} {
		resp := w.form("alice", action, url.Values{"from": {at(2)}, "to": {at(4)}, "note": {note}, "download": {"1"}})
		if resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(resp.Header.Get("Location"), "/saved#kept-") {
			t.Fatalf("keep: status %d to %s", resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	list := w.page("alice", "/saved")
	if said := text(list.one("main")); !strings.Contains(said, "first <script>") || !strings.Contains(said, "2 clips") || !strings.Contains(said, "saved by alice") {
		t.Errorf("the list says %q", said)
	}
	for _, n := range list.all("a", "download") {
		resp, _ := w.do(w.as("alice", ask{path: attr(n, "href")}))
		if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("download: status %d", resp.StatusCode)
		}
	}
	var removes []string
	for _, n := range list.all("a") {
		if strings.Contains(attr(n, "href"), "/kept/") {
			removes = append(removes, attr(n, "href"))
		}
	}
	if len(removes) != 2 {
		t.Fatalf("%v", removes)
	}
	first := w.page("alice", removes[0])
	if said := text(first.one("main")); !strings.Contains(said, "other saved clips") || len(first.all("form", "method=post")) != 2 { // sign out, let go
		t.Errorf("what lies in the way: %q", said)
	}
	if resp := w.form("alice", attr(first.all("form", "method=post")[1], "action"), nil); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("let go: status %d", resp.StatusCode)
	}
	second := w.page("alice", removes[1])
	forms := second.all("form", "method=post")
	if len(forms) != 3 || !strings.Contains(text(second.one("main")), "can't be undone") {
		t.Fatalf("%d forms: %s", len(forms), text(second.one("main")))
	}
	fields := url.Values{}
	for _, n := range second.all("input", "type=hidden") {
		fields.Set(attr(n, "name"), attr(n, "value"))
	}
	if resp := w.form("alice", attr(forms[2], "action"), fields); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/saved" {
		t.Errorf("delete: status %d", resp.StatusCode)
	}
	if said := text(w.page("alice", "/saved").one("main")); !strings.Contains(said, "Nothing saved yet") {
		t.Errorf("at last the list says %q", said)
	}
	if resp, _ := w.do(w.as("alice", ask{path: removes[1]})); resp.StatusCode != 404 {
		t.Errorf("a clip that is gone: status %d", resp.StatusCode)
	}
}

func TestSavedClipsAreSearchedWithoutScripts(t *testing.T) {
	w := filmed(t)
	w.keep("front", w.keepBody(2, 4, "The Parcel, at last"))
	w.keep("attic", w.keepBody(3, 5, "a parcel too"))
	w.keep("attic", w.keepBody(5, 6, ""))
	day := w.start.Add(3 * time.Second).In(w.options.Location)
	for query, want := range map[string]int{"": 3, "q=parcel": 2, "q=PARCEL+last": 1, "q=attic": 2, "camera=attic": 2, "camera=attic&q=parcel": 1, "camera=yard": 0,
		"day=" + day.Format(time.DateOnly): 3, "day=" + day.AddDate(0, 0, -3).Format(time.DateOnly): 0, "q=&camera=&day=": 3, "q=alice": 3} {
		list := w.page("alice", "/saved?"+query)
		if n := len(list.all("div", "class=clip")); n != want || (n == 0) != strings.Contains(text(list.one("main")), "No matching clips") {
			t.Errorf("%s finds %d clips, want %d", query, n, want)
		}
	}
	list := w.page("alice", "/saved?q=parcel")
	form := list.one("form", "id=zip-form")
	query := ""
	for _, n := range list.all("input", "name=kept") {
		query += "&kept=" + url.QueryEscape(attr(n, "value"))
	}
	resp, body := w.do(w.as("alice", ask{path: attr(form, "action") + "?" + query[1:]}))
	if resp.StatusCode != 200 || len(w.sidecarsIn(unzipped(t, body))) != 2 {
		t.Errorf("all that were found as one zip: status %d", resp.StatusCode)
	}
	for _, wrong := range []string{"day=yesterday", "q=a&q=b", "day=9999-99-99"} {
		if resp, _ := w.do(w.as("alice", ask{path: "/saved?" + wrong})); resp.StatusCode != 400 {
			t.Errorf("%s: status %d", wrong, resp.StatusCode)
		}
	}
}

// TestThePanelOffersCamerasThatMayBeSaved opens a camera's page as somebody who shares another camera without the right to export.
func TestThePanelOffersCamerasThatMayBeSaved(t *testing.T) {
	w := filmed(t)
	w.principals() // dave sees front live
	w.own(map[string]string{"alice": "front", "bob": "yard", "dave": "attic"})
	for name, camera := range map[string]string{"dave": "attic", "alice": "front"} {
		if boxes := w.page(name, "/cameras/"+camera).all("input", "type=checkbox"); len(boxes) != 0 {
			t.Errorf("%s is offered %d cameras", name, len(boxes))
		}
	}
	w.own(map[string]string{"alice": "front attic"})
	boxes := w.page("alice", "/cameras/front").all("input", "type=checkbox")
	if len(boxes) != 1 || attr(boxes[0], "value") != "attic" || attr(boxes[0], "name") != "camera" {
		t.Errorf("alice is offered %d cameras", len(boxes))
	}
}

func TestTheListOfSavedClipsIsBounded(t *testing.T) {
	w := filmed(t)
	for i := range savedAtOnce + 3 {
		if resp, body := w.keep("attic", w.keepBody(float64(i)/100, float64(i)/100+1, "")); resp.StatusCode != 201 {
			t.Fatalf("%s", body)
		}
	}
	list := w.page("bob", "/saved")
	older := ""
	for _, n := range list.all("a") {
		if strings.HasPrefix(attr(n, "href"), "/saved?before=") {
			older = attr(n, "href")
		}
	}
	if n := len(list.all("div", "class=clip")); n != savedAtOnce || older == "" {
		t.Fatalf("%d clips on the first page, the rest at %q", n, older)
	}
	if n := len(w.page("bob", older).all("div", "class=clip")); n != 3 {
		t.Errorf("%d clips on the second page", n)
	}
}

func TestTheSystemPageSaysHowFarBackFootageWillReach(t *testing.T) {
	w := filmed(t)
	w.recording("front")
	w.keep("front", w.keepBody(2, 5, ""))
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/system"}))
	for _, c := range decode[SystemReport](t, resp, body).Cameras {
		if f := c.Forecast; f == nil || f.BytesPerDay != nil || f.Words != "not known yet" || (f.KeptBytes > 0) != (c.ID == "front") {
			t.Errorf("%s: %+v", c.ID, f)
		}
	}
	if said := text(w.page("alice", "/system").one("main")); !strings.Contains(said, "Expected retention") || !strings.Contains(said, "Saved clips") {
		t.Errorf("the page says %q", said)
	}
	for _, x := range []struct {
		f             storage.CameraForecast
		words, advice string
	}{
		{storage.CameraForecast{TooEarly: true}, "not known", ""},
		{storage.CameraForecast{}, "nothing recorded", ""},
		{storage.CameraForecast{BytesPerDay: 22e9, Days: 23.9, Limit: storage.LimitSpace, Kept: 5}, "23 days at 22 GB a day, limited by the disk", ""},
		{storage.CameraForecast{BytesPerDay: 22e9, Days: 14, Limit: storage.LimitAge}, "14 days at 22 GB a day, as configured", ""},
		{storage.CameraForecast{BytesPerDay: 22e9, Days: 0.5, Limit: storage.LimitSize, Kept: 380e9}, "12 h at 22 GB a day, limited by its size limit", "Saved clips take 380 GB"},
	} {
		if got := outlookText(x.f); !strings.HasPrefix(got, x.words) {
			t.Errorf("%+v: %q", x.f, got)
		}
		if got := keptAdvice(x.f); (got == "") != (x.advice == "") || !strings.HasPrefix(got, x.advice) {
			t.Errorf("%+v: advice %q", x.f, got)
		}
	}
}

// TestAClipIsKeptWithoutLeavingTheCamera presses Enter in the note, which must not save a file.
func TestAClipIsKeptWithoutLeavingTheCamera(t *testing.T) {
	w := filmed(t)
	b := newTab(t)
	b.signIn(w, "alice")
	b.do(chromedp.Navigate(w.http.URL + "/cameras/front?at=" + w.start.Add(10*time.Second).Format(time.RFC3339)))
	b.settle()
	eval[bool](b, `(() => { document.getElementById("save").open = true; return true })()`)
	b.do(chromedp.SendKeys(`#keep-note`, "the parcel\r"))
	said := eval[string](b, `new Promise(done => { const look = () => { const chip = document.getElementById("toast");
		"shown" in chip.dataset ? done(chip.textContent) : setTimeout(look, 20) }; look() })`)
	if !strings.HasPrefix(said, "Kept.") {
		t.Errorf("the page says %q", said)
	}
	if at := eval[string](b, `location.pathname + document.getElementById("keep-note").value`); at != "/cameras/front" {
		t.Errorf("afterwards the page is %q", at)
	}
	resp, body := w.do(w.as("alice", ask{path: "/api/v1/kept"}))
	if list := decode[keptListJSON](t, resp, body).Kept; len(list) != 1 || list[0].Note != "the parcel" || !list[0].To.After(w.start) {
		t.Errorf("kept: %+v", list)
	}
}

func TestAKeptClipIsLetGoWithThePasswordAlone(t *testing.T) {
	w := filmed(t)
	_, body := w.keep("front", w.keepBody(2, 5, "evidence"))
	var kept keptJSON
	check(t, json.Unmarshal(body, &kept))
	w.stale()
	resp, body := w.do(w.as("alice", ask{method: "DELETE", path: "/api/v1/cameras/front/kept/" + kept.ID}))
	if p := problemIn(t, resp, body); p.Type != "urn:keepwatch:problem:confirm" {
		t.Errorf("by the API: %+v", p)
	}
	release := "/cameras/front/kept/" + kept.ID + "/release"
	if resp := w.form("alice", release, nil); resp.StatusCode != http.StatusOK { // the confirmation page
		t.Errorf("by the form: status %d", resp.StatusCode)
	}
	resp, body = w.do(w.as("alice", ask{path: "/api/v1/cameras/front/kept"}))
	if list := decode[keptListJSON](t, resp, body).Kept; len(list) != 1 {
		t.Fatalf("it was let go without the password: %+v", list)
	}
	if resp := w.form("alice", release, url.Values{view.ConfirmField: {password}}); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("with the password: status %d", resp.StatusCode)
	}
}
