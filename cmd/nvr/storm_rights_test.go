package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/identity"
	"keepwatch.internal/internal/media"
)

// stormPeople is the accounts of a storm, changed from here while the server runs, as nvr user does.
type stormPeople struct {
	*storm
	dir     *accounts.Directory
	owners  []*person
	friends []*person
	leaver  *person
	root    *person
	auditor *person            // co-owner of every camera, not a guest
	secrets map[*person]string // of their sessions
	links   []*stormLink

	mu    sync.Mutex // held while rights change
	owner map[*lens]*person
	owned map[*lens]*right
	given []gift // shares and links that may still be valid
	stale []gift // those of former owners: invalid now, but valid again if the camera comes back
}

// gift is a share that somebody has.
type gift struct {
	to    *person
	by    *person
	right *right
}

// stormLink is a guest with a link, which is replaced after it was revoked.
type stormLink struct {
	person *person
	secret atomic.Pointer[string]
}

// settle creates the accounts and assigns the cameras. The first account is an administrator and owns nothing.
func (s *storm) settle(friends int) {
	s.t.Helper()
	key, err := masterKey(s.dir+"/data", s.dir+"/recordings")
	if err != nil {
		s.t.Fatal(err)
	}
	p := &stormPeople{storm: s, secrets: map[*person]string{}, owner: map[*lens]*person{}, owned: map[*lens]*right{}}
	p.dir, err = accounts.Open(s.t.Context(), accounts.Options{Path: s.dir + "/data/accounts.db", Key: key, Anchor: s.dir + "/data/keys/record.anchor",
		Hash: accounts.HashCost{MemoryKiB: 8, Passes: 1, Lanes: 1}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := p.dir.Close(); err != nil {
			s.t.Error(err)
		}
	})
	s.people = p
	p.root = p.account("root", true)
	for i := range max(3, len(s.lenses)/4) {
		p.owners = append(p.owners, p.account(fmt.Sprintf("owner-%d", i), false))
	}
	for i := range friends {
		p.friends = append(p.friends, p.account(fmt.Sprintf("friend-%d", i), false))
	}
	p.leaver, p.auditor = p.account("leaver", false), p.account("auditor", false)
	for i, c := range s.lenses {
		p.own(c, p.owners[i%len(p.owners)])
	}
	s.configure()
}

// account makes an account with a session.
func (p *stormPeople) account(name string, admin bool) *person {
	p.t.Helper()
	if err := p.dir.AddUser(p.t.Context(), name, testPassword, admin); err != nil {
		p.t.Fatal(err)
	}
	session, err := p.dir.Login(p.t.Context(), accounts.Attempt{Username: name, Password: testPassword, Address: "127.0.0.1"})
	if err != nil {
		p.t.Fatal(err)
	}
	x := &person{name: name}
	p.secrets[x] = session
	return x
}

// own gives a camera to its owner from now on. since is when that is certain.
func (p *stormPeople) own(c *lens, to *person) {
	p.owner[c] = to
	p.owned[c] = to.grant(right{camera: c, actions: access.Owned, from: time.Now()})
}

func (p *stormPeople) ownersOf(c *lens) []string { return []string{p.owner[c].name, p.auditor.name} }

// owning marks ownership as certain, since the server has started with the configuration.
func (p *stormPeople) owning() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, r := range p.owned {
		p.owner[c].change(r, func(r *right) {
			if r.sure.IsZero() {
				r.sure = time.Now()
			}
		})
	}
}

// learn reads the UUIDs that the server gave to the cameras.
func (p *stormPeople) learn() {
	p.t.Helper()
	names, err := identity.New(p.dir.DB(), time.Now).CameraNames(p.t.Context())
	if err != nil || len(names) != len(p.lenses) {
		p.t.Fatalf("%d cameras: %v", len(names), err)
	}
	for id, name := range names {
		for _, c := range p.lenses {
			if c.name == name {
				c.id = media.CameraID(id)
			}
		}
	}
}

// change grants and revokes rights until the storm is over.
func (p *stormPeople) change(ctx context.Context, r *rand.Rand) {
	for range 4 * (len(p.friends) + len(p.links)) {
		p.mu.Lock()
		p.step(ctx, r)
		p.mu.Unlock()
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.mu.Lock()
		p.step(ctx, r)
		p.mu.Unlock()
	}
}

func (p *stormPeople) step(ctx context.Context, r *rand.Rand) {
	c := p.lenses[r.IntN(len(p.lenses))]
	if most := 2 * (len(p.friends) + len(p.links)); len(p.given) > most || len(p.given) > 0 && r.IntN(2) == 0 {
		p.revoke(ctx, r.IntN(len(p.given)))
		return
	}
	if p.owned[c].sure.IsZero() {
		return // the server does not know its owner yet
	}
	spec := accounts.ShareSpec{Camera: access.Camera(c.id), Actions: anyShare(r), Label: "storm"}
	if r.IntN(4) == 0 { // soon enough that many are asked for after their end
		spec.Until = time.Now().Add(300*time.Millisecond + time.Duration(r.Int64N(int64(time.Second))))
	}
	if len(p.links) > 0 && r.IntN(3) == 0 {
		l := p.links[r.IntN(len(p.links))]
		if r.IntN(2) == 0 {
			spec.Actions = access.Rights(access.Playback | access.Export)
			now := time.Now()
			spec.Window = access.Window{From: now.Add(-6 * time.Second), To: now.Add(-3 * time.Second)}
		}
		if p.free(l.person) {
			p.give(ctx, spec, present{c, l.person, l})
		}
		return
	}
	to := p.friends[r.IntN(len(p.friends))]
	if p.leaver != nil && r.IntN(4) == 0 {
		to = p.leaver
	}
	spec.Account = to.name
	p.give(ctx, spec, present{c, to, nil})
}

// free reports whether a link person's last link was revoked.
func (p *stormPeople) free(x *person) bool {
	for _, g := range p.given {
		if g.to == x {
			return false
		}
	}
	return true
}

// present describes a share. link is nil for shares with accounts.
type present struct {
	camera *lens
	to     *person
	link   *stormLink
}

func (p *stormPeople) viewer(ctx context.Context, x *person) access.Viewer {
	v, err := p.dir.BySession(ctx, p.secrets[x])
	if err != nil && ctx.Err() == nil {
		p.t.Errorf("%s has no session: %v", x.name, err)
	}
	return v
}

// give shares. The right is possible before the call, and certain after it returned.
func (p *stormPeople) give(ctx context.Context, spec accounts.ShareSpec, what present) {
	by := p.owner[what.camera]
	r := what.to.grant(right{camera: what.camera, actions: spec.Actions, window: spec.Window, from: time.Now(), ending: spec.Until, until: spec.Until})
	id, secret, err := p.dir.NewShare(ctx, p.viewer(ctx, by), spec)
	if err != nil {
		if ctx.Err() == nil {
			p.t.Errorf("share: %v", err)
		}
		return
	}
	if what.link != nil {
		what.link.secret.Store(&secret)
	}
	what.to.change(r, func(r *right) { r.sure, r.share = time.Now(), id })
	p.given = append(p.given, gift{what.to, by, r})
	p.tally.do(func() { p.tally.grants++ })
}

// revoke revokes a share. The right is uncertain before the call, and impossible after it returned.
func (p *stormPeople) revoke(ctx context.Context, i int) {
	g := p.given[i]
	before := time.Now()
	g.to.change(g.right, func(r *right) {
		if r.ending.IsZero() || r.ending.After(before) {
			r.ending = before
		}
	})
	if err := p.dir.RevokeShare(ctx, p.viewer(ctx, g.by), g.right.share); err != nil {
		if ctx.Err() == nil {
			p.t.Errorf("revoke: %v", err)
		}
		return
	}
	g.to.change(g.right, func(r *right) {
		if after := time.Now(); r.until.IsZero() || r.until.After(after) {
			r.until = after
		}
	})
	p.given = append(p.given[:i], p.given[i+1:]...)
	p.tally.do(func() { p.tally.revoked++ })
}

// handOver gives a camera to another owner while the server is down. The previous owner's shares become invalid, but are revoked
// only later, since they would be valid again if the camera came back.
func (p *stormPeople) handOver(c *lens, down time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, kept := time.Now(), p.given[:0]
	over := func(r *right) {
		if r.until.IsZero() || r.until.After(now) {
			r.ending, r.until = down, now
		}
	}
	for _, g := range p.given {
		if g.right.camera != c {
			kept = append(kept, g)
			continue
		}
		g.to.change(g.right, over)
		p.stale = append(p.stale, g)
	}
	p.given = kept
	from := p.owner[c]
	from.change(p.owned[c], over)
	for i, x := range p.owners {
		if x == from {
			p.own(c, p.owners[(i+1)%len(p.owners)])
		}
	}
	p.tally.do(func() { p.tally.grants++; p.tally.revoked++ })
}

// tidy revokes what former owners had shared.
func (p *stormPeople) tidy(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, g := range p.stale {
		if err := p.dir.RevokeShare(ctx, p.viewer(ctx, g.by), g.right.share); err != nil && ctx.Err() == nil && p.leaver != nil {
			p.t.Errorf("revoke: %v", err)
		}
	}
	p.stale = nil
}

// leave removes an account with everything it has.
func (p *stormPeople) leave(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leaver == nil {
		return
	}
	x := p.leaver
	before := time.Now()
	x.mu.Lock()
	for _, r := range x.rights {
		if r.ending.IsZero() || r.ending.After(before) {
			r.ending = before
		}
	}
	x.mu.Unlock()
	if err := p.dir.RemoveUser(ctx, x.name); err != nil {
		p.t.Errorf("remove: %v", err)
		return
	}
	after := time.Now()
	x.mu.Lock()
	for _, r := range x.rights {
		if r.until.IsZero() || r.until.After(after) {
			r.until = after
		}
	}
	x.mu.Unlock()
	kept := p.given[:0]
	for _, g := range p.given {
		if g.to != x {
			kept = append(kept, g)
		}
	}
	p.given, p.leaver = kept, nil
}
