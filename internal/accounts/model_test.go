package accounts

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
)

// model says in plain Go, without a database, who may do what. It shares no code with the query that it judges.
type model struct {
	names    map[int64]string // accounts that exist
	sessions map[int64]grant
	tokens   map[int64]token
	owners   map[access.Camera][]string // empty: the first account
	shares   map[int64]share
}

type grant struct {
	account int64
	until   time.Time
}

type token struct {
	grant   // until is zero: for ever
	actions access.Rights
	cameras []access.Camera // nil: all
}

type share struct {
	camera  access.Camera
	actions access.Rights
	by, to  int64     // to is 0 for a link
	until   time.Time // zero: for ever
	window  access.Window
}

func (m *model) owns(account int64, c access.Camera) bool {
	names, known := m.owners[c]
	if !known || m.names[account] == "" {
		return false
	}
	if len(names) == 0 {
		return account == 1
	}
	return slices.Contains(names, m.names[account])
}

func (m *model) rights(v access.Viewer, c access.Camera, now time.Time) access.Grant {
	switch v.Kind {
	case access.AccountView:
		if s, ok := m.sessions[v.GrantID]; ok && s.account == v.AccountID && now.Before(s.until) {
			return access.Grant{Rights: m.rightsOf(v.AccountID, c, now)}
		}
	case access.TokenView:
		s, ok := m.tokens[v.GrantID]
		if ok && s.account == v.AccountID && (s.until.IsZero() || now.Before(s.until)) && (s.cameras == nil || slices.Contains(s.cameras, c)) {
			return access.Grant{Rights: m.rightsOf(v.AccountID, c, now) & s.actions}
		}
	case access.LinkView:
		s, ok := m.shares[v.GrantID]
		if ok && s.to == 0 && v.AccountID == 0 && s.camera == c {
			if r := m.worth(s, now); r != 0 {
				return access.Grant{Rights: r, Window: s.window}
			}
		}
	}
	return access.Grant{}
}

func (m *model) rightsOf(account int64, c access.Camera, now time.Time) access.Rights {
	if m.names[account] == "" {
		return 0
	}
	if m.owns(account, c) {
		return access.Owned
	}
	var r access.Rights
	for _, s := range m.shares {
		if s.to == account && s.camera == c {
			r |= m.worth(s, now)
		}
	}
	return r
}

// worth is what a share is good for: all of it from an owner; from whoever holds a share of an owner that may be passed
// on, what that one holds and no right to pass it on again; otherwise nothing.
func (m *model) worth(s share, now time.Time) access.Rights {
	if !s.until.IsZero() && !now.Before(s.until) {
		return 0
	}
	if m.owns(s.by, s.camera) {
		return s.actions
	}
	var held access.Rights
	for _, p := range m.shares {
		lasts := p.until.IsZero() || now.Before(p.until)
		if p.to == s.by && p.camera == s.camera && lasts && p.actions.Has(access.Share) && m.owns(p.by, p.camera) {
			held |= p.actions
		}
	}
	return s.actions & held &^ access.Rights(access.Share|access.Manage)
}

// world is a random state of the database and its model.
type world struct {
	*bench
	*model
	r *rand.Rand
}

// TestRightsAgreeWithTheModel makes random worlds and compares every decision for every viewer, true and forged, with the
// model: at least 10,000.
func TestRightsAgreeWithTheModel(t *testing.T) {
	decisions, granted := 0, 0
	for seed := range uint64(3) {
		w := newWorld(t, seed)
		for step := range 3 {
			d, g := w.compare(t)
			decisions, granted = decisions+d, granted+g
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
			w.change(t)
		}
	}
	t.Logf("%d decisions, %d granted", decisions, granted)
	if decisions < 10_000 || granted < decisions/50 || granted > decisions/2 {
		t.Errorf("%d decisions, %d granted: the worlds are no trial", decisions, granted)
	}
}

const (
	worldAccounts = 6
	worldCameras  = 5
)

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{bench: newBench(t), r: rand.New(rand.NewPCG(seed, 7)), model: &model{
		names: map[int64]string{}, sessions: map[int64]grant{}, tokens: map[int64]token{},
		owners: map[access.Camera][]string{}, shares: map[int64]share{},
	}}
	w.user(t, "root", true)
	w.names[1] = "root"
	for id := int64(2); id <= worldAccounts; id++ {
		name := fmt.Sprintf("user%d", id)
		w.user(t, name, w.r.IntN(3) == 0)
		w.names[id] = name
	}
	w.user(t, "user7", false) // whom the configuration goes on naming
	must(t, w.RemoveUser(t.Context(), "user7"))
	w.setOwners(t)
	for id := int64(1); id <= worldAccounts; id++ {
		for range 1 + w.r.IntN(2) {
			_, v := w.session(t, w.names[id])
			w.sessions[v.GrantID] = grant{account: id, until: w.clock.now().Add(SessionTTL)}
			w.clock.advance(time.Duration(w.r.IntN(48)) * time.Hour)
		}
		for range 2 {
			w.addToken(t, id)
		}
	}
	for range 24 {
		w.addShare(t)
	}
	return w
}

func (w *world) setOwners(t *testing.T) {
	clear(w.owners)
	all := []Ownership{}
	for c := byte(1); c <= worldCameras; c++ {
		if w.r.IntN(6) == 0 {
			continue // a camera that nothing is known about
		}
		names := []string{}
		for range w.r.IntN(3) {
			names = append(names, fmt.Sprintf("user%d", 2+w.r.IntN(worldAccounts))) // one of them has no account
		}
		w.owners[cam(c)] = names
		all = append(all, Ownership{Camera: cam(c), Owners: names})
	}
	must(t, w.SetOwners(t.Context(), all))
}

// addToken makes a token of random bounds, half of them without any.
func (w *world) addToken(t *testing.T, account int64) {
	spec := EveryToken("")
	if w.r.IntN(2) == 0 {
		spec.Actions = access.Rights(1 + w.r.IntN(63))
	}
	if w.r.IntN(2) == 0 {
		spec.Cameras = []access.Camera{cam(byte(1 + w.r.IntN(worldCameras))), cam(byte(1 + w.r.IntN(worldCameras)))}
	}
	if w.r.IntN(2) == 0 {
		spec.Until = w.clock.now().Add(time.Duration(1+w.r.IntN(400)) * time.Hour)
	}
	secret, err := w.NewToken(t.Context(), w.names[account], spec)
	must(t, err)
	v, err := w.ByToken(t.Context(), secret)
	must(t, err)
	w.tokens[v.GrantID] = token{grant{account, spec.Until}, spec.Actions, spec.Cameras}
}

func (w *world) addShare(t *testing.T) {
	s := share{
		camera:  cam(byte(1 + w.r.IntN(worldCameras))),
		actions: access.Rights(1 + w.r.IntN(31)),
		by:      w.anyAccount(),
	}
	var until, to, link, from, end any
	if w.r.IntN(2) == 0 {
		s.until = w.clock.now().Add(time.Duration(w.r.IntN(200)-20) * time.Hour)
		until = micros(s.until)
	}
	if w.r.IntN(3) == 0 {
		hash := sha256.Sum256(fmt.Append(nil, w.r.Uint64()))
		link = hash[:]
		s.actions = s.actions&15 | access.Rights(access.Export)
		if w.r.IntN(2) == 0 {
			s.actions &^= access.Rights(access.Live)
			s.window = access.Window{From: w.clock.now().Add(-time.Hour), To: w.clock.now()}
			from, end = micros(s.window.From), micros(s.window.To)
		}
	} else {
		s.to = w.anyAccount()
		to = s.to
	}
	const insert = `INSERT INTO shares (camera, actions, granted_by, account_id, link_hash, label, created_us, until_us, from_us, to_us)
		VALUES (?, ?, ?, ?, ?, '', 0, ?, ?, ?) RETURNING id`
	must(t, w.db.Write(t.Context(), func(tx *sql.Tx) error {
		var id int64
		err := tx.QueryRow(insert, s.camera[:], s.actions, s.by, to, link, until, from, end).Scan(&id)
		w.shares[id] = s
		return err
	}))
}

func (w *world) anyAccount() int64 {
	for {
		if id := int64(1 + w.r.IntN(worldAccounts)); w.names[id] != "" {
			return id
		}
	}
}

// change moves time and takes something away.
func (w *world) change(t *testing.T) {
	w.clock.advance(time.Duration(w.r.IntN(240)) * time.Hour)
	w.setOwners(t)
	w.addShare(t)
	id := int64(2 + w.r.IntN(worldAccounts-1))
	if w.names[id] == "" {
		return
	}
	must(t, w.RemoveUser(t.Context(), w.names[id]))
	delete(w.names, id)
	for k, s := range w.shares {
		if s.by == id || s.to == id {
			delete(w.shares, k)
		}
	}
}

// viewers returns every combination of kind, grant and account, so that most are forged.
func (w *world) viewers() []access.Viewer {
	all := []access.Viewer{{}}
	for k := range w.sessions {
		all = append(all, access.Viewer{Kind: access.AccountView, GrantID: k, AccountID: w.sessions[k].account, Admin: true, Name: "root"})
	}
	for k := range w.tokens {
		all = append(all, access.Viewer{Kind: access.TokenView, GrantID: k, AccountID: w.tokens[k].account})
	}
	for k := range w.shares {
		all = append(all, access.Viewer{Kind: access.LinkView, GrantID: k})
	}
	for range 15 {
		all = append(all, access.Viewer{Kind: access.ViewerKind(w.r.IntN(5)), GrantID: int64(w.r.IntN(16)) - 1, AccountID: int64(w.r.IntN(9)) - 1})
	}
	return all
}

func (w *world) compare(t *testing.T) (decisions, granted int) {
	now := w.clock.now()
	for _, v := range w.viewers() {
		all, err := w.Grants(t.Context(), v)
		must(t, err)
		for n := range byte(worldCameras + 2) { // one is unknown, one the zero camera
			c := cam(n)
			if n == 0 {
				c = access.Camera{}
			}
			want := w.rights(v, c, now)
			if got, listed := all[c]; got != want || listed != (want.Rights != 0) {
				t.Errorf("%+v at camera %d: holds %v, the model says %v", v, n, got, want)
			}
			for a := access.Action(1); a <= access.Manage<<1; a <<= 1 {
				p, err := w.Authorize(t.Context(), v, a, c)
				decisions++
				may := want.Rights&access.Rights(a) != 0
				if (err == nil) != may || may && (p.Camera() != c || p.Viewer() != v || p.Action() != a || p.Window() != want.Window) {
					t.Errorf("%+v, %s on camera %d: %+v, %v; the model says %v", v, a, n, p, err, may)
				}
				if err == nil {
					granted++
				}
			}
		}
	}
	return decisions, granted
}

// TestWhoSeesACameraIsWhomAuthorizeLets compares, in random worlds, what the pages tell of who sees what with every
// decision of Authorize, and with the model: at least 10,000.
func TestWhoSeesACameraIsWhomAuthorizeLets(t *testing.T) {
	decisions, granted := 0, 0
	for seed := uint64(100); seed < 106; seed++ {
		w := newWorld(t, seed)
		for range 5 {
			d, g := w.compareSights(t)
			decisions, granted = decisions+d, granted+g
			w.change(t)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d decisions, %d granted", decisions, granted)
	if decisions < 10_000 || granted < decisions/50 {
		t.Errorf("%d decisions, %d granted: the worlds are no trial", decisions, granted)
	}
}

// compareSights asks for every account, by a session, and every link.
func (w *world) compareSights(t *testing.T) (decisions, granted int) {
	viewers := []access.Viewer{}
	for k := range w.shares {
		if w.shares[k].to == 0 {
			viewers = append(viewers, access.Viewer{Kind: access.LinkView, GrantID: k})
		}
	}
	for _, name := range w.names {
		_, v := w.session(t, name)
		w.sessions[v.GrantID] = grant{account: v.AccountID, until: w.clock.now().Add(SessionTTL)}
		viewers = append(viewers, v)
	}
	sights, err := w.VisibleCamerasOfAll(t.Context())
	must(t, err)
	for n := range byte(worldCameras + 1) {
		c := cam(n + 1)
		grantees, err := w.GranteesOf(t.Context(), c)
		must(t, err)
		for _, v := range viewers {
			told, listed := w.toldOf(grantees, v)
			if want := w.rights(v, c, w.clock.now()); told != want || listed != (want.Rights != 0) {
				t.Errorf("%+v at camera %d: told %v, the model says %v", v, n+1, told, want)
			}
			w.checkSight(t, sights, v, VisibleCamera{Camera: c, Grant: told})
			for a := access.Live; a <= access.Manage; a <<= 1 {
				p, err := w.Authorize(t.Context(), v, a, c)
				decisions++
				if err == nil {
					granted++
				}
				if told.Rights.Has(a) != (err == nil) || err == nil && p.Window() != told.Window {
					t.Errorf("%+v, %s on camera %d: told %v, Authorize says %v", v, a, n+1, told, err)
				}
			}
		}
	}
	return decisions, granted
}

func (w *world) toldOf(grantees []Grantee, v access.Viewer) (access.Grant, bool) {
	for _, s := range grantees {
		if !s.IsLink() && s.AccountID == v.AccountID || s.IsLink() && v.Kind == access.LinkView && s.Shares[0].ID == v.GrantID {
			return s.Grant, true
		}
	}
	return access.Grant{}, false
}

// checkSight holds what one person is told of a camera to what its owner is told of that person.
func (w *world) checkSight(t *testing.T, all map[int64][]VisibleCamera, v access.Viewer, want VisibleCamera) {
	if v.Kind != access.AccountView {
		return
	}
	own, err := w.VisibleCameras(t.Context(), v)
	must(t, err)
	for _, list := range [][]VisibleCamera{own, all[v.AccountID]} {
		i := slices.IndexFunc(list, func(s VisibleCamera) bool { return s.Camera == want.Camera })
		if (i >= 0) != (want.Grant.Rights != 0) || i >= 0 && (list[i].Grant != want.Grant || list[i].Owner != w.owns(v.AccountID, want.Camera)) {
			t.Errorf("%+v is told %v of what its owner is told %v of", v, list, want)
		}
	}
}
