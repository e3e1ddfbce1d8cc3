package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/layout"
	"keepwatch.internal/web/view"
)

// livePages is the page of moving tiles, and its arrangement.
type livePages struct {
	*pages
	layouts *layout.Store
}

// maxArranged is the number of tiles up to which a grid has an arrangement that shows all of them at once.
const maxArranged = 16

func (h *livePages) pageLive(w http.ResponseWriter, r *http.Request) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	return h.writeLive(w, r, liveStateIn(q), view.Notice{Status: http.StatusOK})
}

// writeLiveAfter shows the page that a form came from.
func (h *livePages) writeLiveAfter(w http.ResponseWriter, r *http.Request, n view.Notice) error {
	return h.writeLive(w, r, liveStateOf(n.Form), n)
}

func (h *livePages) writeLive(w http.ResponseWriter, r *http.Request, st liveState, n view.Notice) error {
	cameras, l, err := h.arranged(r)
	if err != nil {
		return err
	}
	v := view.Live{Admin: viewerOf(r).Admin, Cameras: len(cameras) > 0}
	v.Shell = withScript(h.shell(r, "Live", "live"), "live")
	if st.Shape == "" {
		st.Shape = shapeOf(l)
	}
	shown := cameras
	if g, found := l.Group(st.Group); found {
		shown = among(cameras, g)
	} else {
		st.Group = ""
	}
	if len(shown) == 0 && st.Group != "" {
		v.Empty = "You have live access to no camera in this group."
	}
	if len(cameras) > 1 {
		v.Bar = barOf(&st, l, len(shown))
	}
	h.layOut(&v, st, shown)
	if st.Arrange && viewerOf(r).Kind == access.AccountView {
		v.Editor = editorOf(st, l, cameras, n)
	}
	return writePage(w, r, n.Status, view.LivePage(v))
}

// arranged returns the cameras whose live picture the viewer may see, in the account's order, and what it has arranged.
func (h *livePages) arranged(r *http.Request) ([]visibleCamera, layout.Layout, error) {
	l, err := h.layouts.Of(r.Context(), viewerOf(r))
	if err != nil {
		return nil, l, err
	}
	all, err := h.cameras.visibleTo(r.Context(), viewerOf(r))
	if err != nil {
		return nil, l, err
	}
	all = slices.DeleteFunc(all, func(c visibleCamera) bool { return !c.Rights.Has(access.Live) })
	return ordered(all, l.Order), l, nil
}

// barOf makes the bar and holds the state's page to those that there are.
func barOf(st *liveState, l layout.Layout, shown int) *view.LiveBar {
	b := &view.LiveBar{Arranging: st.Arrange}
	pages := 1
	if n := tilesOf(st.Shape); n > 0 && shown > 0 {
		pages = (shown + n - 1) / n
	}
	st.Page = min(st.Page, pages)
	at := func(change func(*liveState)) string {
		other := *st
		change(&other)
		return other.href()
	}
	for _, shape := range shapes() {
		b.Shapes = append(b.Shapes, view.Option{Value: shape, Words: shapeWords(shape), Chosen: shape == st.Shape})
	}
	for _, g := range append([]layout.Group{{}}, l.Groups...) {
		words := g.Name
		if words == "" {
			words = "All"
		}
		href := at(func(o *liveState) { o.Group, o.Page, o.Big = g.Name, 1, "" })
		b.Groups = append(b.Groups, view.Option{Words: words, Href: href, Chosen: g.Name == st.Group})
	}
	if len(l.Groups) == 0 {
		b.Groups = nil
	}
	if pages > 1 {
		b.Now = fmt.Sprintf("%d of %d", st.Page, pages)
	}
	if st.Page > 1 {
		b.Before = at(func(o *liveState) { o.Page-- })
	}
	if st.Page < pages {
		b.After = at(func(o *liveState) { o.Page++ })
	}
	b.Arrange = at(func(o *liveState) { o.Arrange = !o.Arrange })
	b.State = st.fields()
	return b
}

// layOut fills the grid with what the state shows of the cameras.
func (h *livePages) layOut(v *view.Live, st liveState, shown []visibleCamera) {
	from, to := 0, len(shown)
	if n := tilesOf(st.Shape); n > 0 {
		from, to = min((st.Page-1)*n, len(shown)), min(st.Page*n, len(shown))
	}
	big := -1
	if st.Shape == shapeFocus && len(shown) > 0 {
		big = max(0, slices.IndexFunc(shown, func(c visibleCamera) bool { return c.Name == st.Big }))
	}
	for i := from; i < to; i++ {
		t := tileOf(shown[i], zoneName(h.site.location))
		t.Large = i == big || st.Shape == "1"
		if st.Arrange {
			t.Move = &view.TileMove{State: st.fields()}
			if i > 0 {
				t.Move.Before = shown[i-1].Name
			}
			if i+1 < len(shown) {
				t.Move.After = shown[i+1].Name
			}
		}
		if i == big {
			v.Lead = &t
			continue
		}
		if big >= 0 {
			other := st
			other.Big = t.Name
			t.Href, t.Opens = other.href(), "large"
		}
		v.Tiles = append(v.Tiles, t)
	}
	v.Arrangement = arrangement(st.Shape, to-from)
}

func tileOf(c visibleCamera, zone string) view.Tile {
	t := view.Tile{Name: c.Name, Label: c.Label, Page: cameraURL(c.Name), Href: cameraURL(c.Name), State: stateOf(c.Status), Reason: c.Status.Reason, Sub: c.HasSub,
		Sound: c.Audio && c.Rights.Has(access.Audio), Save: c.Rights.Has(access.Export), Zone: zone}
	if t.Words = stateWords(c.Status); t.State == "recording" {
		t.Words = ""
	}
	return t
}

// arrangement returns the class of a grid of n tiles.
func arrangement(shape string, n int) string {
	switch {
	case shape == shapeFocus:
		return "focus"
	case tilesOf(shape) > 0:
		return "n" + shape // also on the last page, so that tiles keep their size
	case n > maxArranged:
		return "many"
	}
	return fmt.Sprintf("n%d", n)
}

func shapeWords(shape string) string {
	switch shape {
	case shapeAuto:
		return "All cameras"
	case shapeFocus:
		return "One large, others small"
	case "1":
		return "One camera at a time"
	}
	return shape + " cameras at a time"
}

func editorOf(st liveState, l layout.Layout, cameras []visibleCamera, n view.Notice) *view.GroupEditor {
	e := &view.GroupEditor{State: st.fields(), Notice: n}
	for _, g := range append(slices.Clone(l.Groups), layout.Group{}) {
		form := view.GroupForm{Was: g.Name, Name: g.Name}
		typed := n.Complaint && n.Form.Has("name") && n.Typed("was") == g.Name
		if typed {
			form.Name = n.Typed("name")
		}
		for _, c := range cameras {
			in := slices.Contains(g.Cameras, access.Camera(c.ID))
			if typed {
				in = slices.Contains(n.Form["member"], c.Name)
			}
			form.Members = append(form.Members, view.GroupMember{Name: c.Name, Label: c.Label, In: in})
		}
		e.Groups = append(e.Groups, form)
	}
	return e
}

// arrange carries out a form of the live page: a layout is chosen, a tile takes the place of another, or a group is made,
// changed or removed.
func (h *livePages) arrange(r *http.Request, form url.Values) (outcome, error) {
	st := liveStateOf(form)
	cameras, l, err := h.arranged(r)
	if err != nil {
		return outcome{}, err
	}
	switch form.Get("do") {
	case "shape":
		if !slices.Contains(shapes(), form.Get("shape")) {
			return outcome{}, &accounts.InvalidError{Field: "shape", Sentence: "there is no such layout"}
		}
		l.Shape, st.Shape, st.Page = form.Get("shape"), form.Get("shape"), 1
	case "place":
		err = takePlace(&l, st.Group, cameras, form)
	case "group":
		err = saveGroup(&l, &st, cameras, form)
	case "ungroup":
		l.Groups = slices.DeleteFunc(l.Groups, func(g layout.Group) bool { return g.Name == form.Get("was") })
	default:
		err = problem(http.StatusBadRequest, "The form names no action.")
	}
	if err == nil {
		err = h.layouts.Set(r.Context(), viewerOf(r), l)
	}
	return outcome{next: st.href()}, err
}

// errNoSuchTile is for a camera that is not there, or is not the viewer's to see.
var errNoSuchTile = &accounts.InvalidError{Field: "camera", Sentence: "that camera is not available: reload the page"}

// takePlace lets a tile take the place of another: in the group that is shown, or in the order of all.
func takePlace(l *layout.Layout, group string, cameras []visibleCamera, form url.Values) error {
	camera, at := cameraIn(cameras, form.Get("camera")), cameraIn(cameras, form.Get("at"))
	if camera == nil || at == nil {
		return errNoSuchTile
	}
	order := &l.Order
	i := slices.IndexFunc(l.Groups, func(g layout.Group) bool { return g.Name == group })
	if i >= 0 {
		order = &l.Groups[i].Cameras
	} else {
		l.Order = union(l.Order, idsOf(cameras))
	}
	*order = placed(*order, access.Camera(camera.ID), access.Camera(at.ID))
	return nil
}

// saveGroup makes a group of what a form says, or changes one. Members that the viewer does not see now stay.
func saveGroup(l *layout.Layout, st *liveState, cameras []visibleCamera, form url.Values) error {
	g := layout.Group{Name: form.Get("name")}
	if err := layout.CheckGroupName(g.Name); err != nil {
		return err
	}
	var chosen []access.Camera
	for _, name := range form["member"] {
		c := cameraIn(cameras, name)
		if c == nil {
			return errNoSuchTile
		}
		chosen = append(chosen, access.Camera(c.ID))
	}
	if len(chosen) == 0 {
		return &accounts.InvalidError{Field: "groups", Sentence: "choose at least one camera"}
	}
	i := slices.IndexFunc(l.Groups, func(o layout.Group) bool { return o.Name == form.Get("was") })
	if form.Get("was") == "" || i < 0 {
		g.Cameras = chosen
		l.Groups = append(l.Groups, g)
		return nil
	}
	known := idsOf(cameras)
	stay := slices.DeleteFunc(slices.Clone(l.Groups[i].Cameras), func(c access.Camera) bool {
		return slices.Contains(known, c) && !slices.Contains(chosen, c)
	})
	g.Cameras = union(stay, chosen)
	l.Groups[i] = g
	if st.Group == form.Get("was") {
		st.Group = g.Name
	}
	return nil
}

func cameraIn(cameras []visibleCamera, name string) *visibleCamera {
	i := slices.IndexFunc(cameras, func(c visibleCamera) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &cameras[i]
}
