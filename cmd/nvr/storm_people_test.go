package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// right is one person's right on a camera in the model. It is certain from sure to ending, and possible from from to until. A
// zero ending or until means none.
type right struct {
	camera                    *lens
	actions                   access.Rights
	window                    access.Window
	from, sure, ending, until time.Time
	share                     int64 // to be revoked
}

// person is a person with changing rights.
type person struct {
	name   string
	mu     sync.Mutex
	rights []*right
}

// grant adds a right before it is given. The caller says when it is certain.
func (p *person) grant(r right) *right {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rights = append(p.rights, &r)
	return &r
}

// change changes a right of the person.
func (p *person) change(r *right, f func(*right)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(r)
}

// guest is a caller of the server: a person with a session, a token or a link, or nobody.
type guest struct {
	name   string
	person *person // whose rights count
	mask   access.Rights
	only   []*lens             // nil: all
	dress  func(*http.Request) // adds the credentials
	link   bool
}

// question asks whether an action may be possible at some time in an interval, and whether it is certain in all of it.
type question struct {
	camera   *lens
	action   access.Action // zero: anything
	from, to time.Time
}

// may answers a question.
func (g *guest) may(q question) (might, must bool) {
	if g.person == nil || g.only != nil && !slices.Contains(g.only, q.camera) {
		return false, false
	}
	g.person.mu.Lock()
	defer g.person.mu.Unlock()
	for _, r := range g.person.rights {
		held := r.actions & g.mask
		if r.camera != q.camera || held == 0 || q.action != 0 && !held.Has(q.action) {
			continue
		}
		if !r.from.After(q.to) && (r.until.IsZero() || !r.until.Before(q.from)) {
			might = true
		}
		if !r.sure.IsZero() && !r.sure.After(q.from) && (r.ending.IsZero() || r.ending.After(q.to)) {
			must = true
		}
	}
	return might, must
}

// shows reports whether a span of recorded time is within the window of one of the guest's rights at the time. The camera's and
// the recorder's times of a frame differ by its network delay.
func (g *guest) shows(q question, oldest, newest time.Time) bool {
	const underway = 2 * time.Second
	g.person.mu.Lock()
	defer g.person.mu.Unlock()
	for _, r := range g.person.rights {
		w := r.window
		if r.camera == q.camera && !r.from.After(q.to) && (r.until.IsZero() || !r.until.Before(q.from)) &&
			(w.Open() || oldest.After(w.From.Add(-underway)) && newest.Before(w.To.Add(underway))) {
			return true
		}
	}
	return false
}

// had returns the cameras of the guest's rights, including ended ones.
func (g *guest) had() []*lens {
	if g.person == nil {
		return nil
	}
	g.person.mu.Lock()
	defer g.person.mu.Unlock()
	var all []*lens
	for _, r := range g.person.rights {
		all = append(all, r.camera)
	}
	return all[max(0, len(all)-6):]
}

// held returns the cameras on which the guest might have a right now.
func (g *guest) held(all []*lens) []*lens {
	now := time.Now()
	var held []*lens
	for _, c := range all {
		if might, _ := g.may(question{camera: c, from: now, to: now}); might {
			held = append(held, c)
		}
	}
	return held
}

// invite creates the guests: owners and friends with sessions and tokens, links, an administrator, an account that is removed,
// and nobody.
func (s *storm) invite(n int) []*guest {
	s.t.Helper()
	p := s.people
	var all []*guest
	for i := range n {
		owner, friend := p.owners[i/8%len(p.owners)], p.friends[i/8%len(p.friends)]
		var g *guest
		switch i % 8 {
		case 0:
			g = p.with(owner)
		case 1:
			g = p.token(p.owners[(i/8+1)%len(p.owners)], accounts.TokenSpec{Actions: access.Rights(access.Live | access.Playback | access.Audio)})
		case 2:
			c := s.lenses[i/8%len(s.lenses)]
			g = p.token(p.owner[c], accounts.TokenSpec{Actions: access.Owned, Cameras: []access.Camera{access.Camera(c.id)}})
			g.only = []*lens{c}
		case 3, 4:
			g = p.with(friend)
		case 5:
			g = p.link()
		case 6:
			g = p.token(friend, accounts.TokenSpec{Actions: access.Rights(access.Playback | access.Export)})
		case 7:
			g = []*guest{p.with(p.root), p.with(p.leaver), {name: "nobody", dress: func(*http.Request) {}}}[i/8%3]
		}
		all = append(all, g)
	}
	return all
}

// with is a guest with the person's session.
func (p *stormPeople) with(x *person) *guest {
	session := p.secrets[x]
	return &guest{name: x.name, person: x, mask: access.Owned, dress: func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "keepwatch", Value: session}) }}
}

// token is a guest with a token of the person.
func (p *stormPeople) token(x *person, spec accounts.TokenSpec) *guest {
	p.t.Helper()
	secret, err := p.dir.NewToken(p.t.Context(), x.name, spec)
	if err != nil {
		p.t.Fatal(err)
	}
	return &guest{name: "token of " + x.name, person: x, mask: spec.Actions, dress: func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+secret) }}
}

// link is a guest with its newest link.
func (p *stormPeople) link() *guest {
	l := &stormLink{person: &person{name: fmt.Sprintf("link %d", len(p.links))}}
	p.links = append(p.links, l)
	return &guest{name: l.person.name, person: l.person, mask: access.Owned, link: true, dress: func(r *http.Request) {
		if secret := l.secret.Load(); secret != nil {
			r.AddCookie(&http.Cookie{Name: "keepwatch-link", Value: *secret})
		}
	}}
}

// anyShare draws what a share allows.
func anyShare(r *rand.Rand) access.Rights {
	all := []access.Rights{
		access.Rights(access.Live), access.Rights(access.Playback), access.Rights(access.Live | access.Playback),
		access.Rights(access.Playback | access.Export), access.Rights(access.Live | access.Audio), access.Watching | access.Rights(access.Audio),
	}
	return all[r.IntN(len(all))]
}
