package web

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/layout"
	"keepwatch.internal/web/view"
)

// The layouts of the live page. Those that are a number show so many tiles at once and have pages; the others show all.
const (
	shapeAuto  = "auto"
	shapeFocus = "focus" // one large, the others small
)

// shapes are the layouts in the order in which they are offered.
func shapes() []string { return []string{shapeAuto, "1", "4", "9", "16", shapeFocus} }

// tilesOf is how many tiles a page of the shape has; 0: all.
func tilesOf(shape string) int {
	n, err := strconv.Atoi(shape)
	if err != nil {
		return 0
	}
	return n
}

// liveState is what the address of the live page says.
type liveState struct {
	Shape   string // one of shapes; "" where the address says nothing, and the account's own counts
	Group   string // "" for all cameras
	Page    int    // from 1
	Big     string // camera that is large in shapeFocus; "" for the first
	Arrange bool
}

// liveStateIn reads the state from an address or a form. What makes no sense there is left out: the page then shows what it
// can.
func liveStateIn(q url.Values) liveState {
	st := liveState{Group: q.Get("group"), Big: q.Get("big"), Arrange: q.Get("arrange") != "", Page: 1}
	if slices.Contains(shapes(), q.Get("layout")) {
		st.Shape = q.Get("layout")
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 0 {
		st.Page = n
	}
	return st
}

// values are the state as parameters, the usual ones left out.
func (st liveState) values() url.Values {
	q := url.Values{}
	set := func(name, value string, say bool) {
		if say {
			q.Set(name, value)
		}
	}
	set("layout", st.Shape, st.Shape != "")
	set("group", st.Group, st.Group != "")
	set("page", strconv.Itoa(st.Page), st.Page > 1)
	set("big", st.Big, st.Big != "")
	set("arrange", "1", st.Arrange)
	return q
}

// href is the address of the page in that state.
func (st liveState) href() string {
	if q := st.values().Encode(); q != "" {
		return "/live?" + q
	}
	return "/live"
}

// fields are the state as hidden fields of a form.
func (st liveState) fields() []view.Field {
	var list []view.Field
	for name, value := range st.values() {
		list = append(list, view.Field{Name: "at-" + name, Value: value[0]})
	}
	slices.SortFunc(list, func(a, b view.Field) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// liveStateOf reads what fields wrote.
func liveStateOf(form url.Values) liveState {
	q := url.Values{}
	for _, name := range []string{"layout", "group", "page", "big", "arrange"} {
		q.Set(name, form.Get("at-"+name))
	}
	return liveStateIn(q)
}

// ordered returns the cameras in an order: first those that it names, then the others as they were.
func ordered(cameras []visibleCamera, order []access.Camera) []visibleCamera {
	rank := func(c visibleCamera) int {
		if i := slices.Index(order, access.Camera(c.ID)); i >= 0 {
			return i
		}
		return len(order)
	}
	list := slices.Clone(cameras)
	slices.SortStableFunc(list, func(a, b visibleCamera) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}

// among returns the cameras of a group that the viewer sees, in the group's order.
func among(cameras []visibleCamera, g layout.Group) []visibleCamera {
	var list []visibleCamera
	for _, c := range ordered(cameras, g.Cameras) {
		if slices.Contains(g.Cameras, access.Camera(c.ID)) {
			list = append(list, c)
		}
	}
	return list
}

// placed moves a camera to the place of another. Those between them move up or down by one.
func placed(order []access.Camera, camera, at access.Camera) []access.Camera {
	to := slices.Index(order, at)
	from := slices.Index(order, camera)
	if from < 0 || to < 0 {
		return order
	}
	list := slices.Delete(slices.Clone(order), from, from+1)
	return slices.Insert(list, to, camera)
}

// idsOf returns the names that a layout has for the cameras.
func idsOf(cameras []visibleCamera) []access.Camera {
	var list []access.Camera
	for _, c := range cameras {
		list = append(list, access.Camera(c.ID))
	}
	return list
}

// union appends to the first list what only the second has.
func union(first, second []access.Camera) []access.Camera {
	list := slices.Clone(first)
	for _, c := range second {
		if !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}
