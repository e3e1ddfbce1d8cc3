package accounts

import (
	"errors"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
)

func TestAPermitSaysWhoWhatWhereAndLastsASecond(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1)}}))
	_, v := b.session(t, "alice")
	p, err := b.Authorize(t.Context(), v, access.Playback, cam(1))
	must(t, err)
	now := b.clock.now()
	if p.Viewer() != v || p.Camera() != cam(1) || p.Action() != access.Playback || !p.Audio() || !p.Expires().Equal(now.Add(PermitTTL)) {
		t.Errorf("permit %+v", p)
	}
	must(t, p.Check(now.Add(PermitTTL-1), access.Playback))
	if p.Check(now.Add(PermitTTL), access.Playback) == nil || p.Check(now, access.Live) == nil {
		t.Error("the permit allows more")
	}
}

func TestAnAdministratorSeesNoCameraOfOthers(t *testing.T) {
	b := newBench(t)
	b.user(t, "root", true)
	b.user(t, "alice", false)
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1), Owners: []string{"alice"}}}))
	_, v := b.session(t, "root")
	rights, err := b.Rights(t.Context(), v)
	if err != nil || len(rights) != 0 {
		t.Errorf("rights %v, %v", rights, err)
	}
	for a := access.Live; a <= access.Manage; a <<= 1 {
		if _, err := b.Authorize(t.Context(), v, a, cam(1)); err != access.ErrDenied {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func TestACameraWithoutOwnersIsTheFirstAccountsAndIsNotPassedOn(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", true)
	b.user(t, "carol", false)
	must(t, b.RemoveUser(t.Context(), "carol"))
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1)}, {Camera: cam(2), Owners: []string{"bob", "bob", "carol"}}}))
	if log := b.log.String(); !strings.Contains(log, "owner=carol") || strings.Contains(log, "owner=bob") {
		t.Errorf("log: %s", log)
	}
	_, alice := b.session(t, "alice")
	_, bob := b.session(t, "bob")
	check := func(v access.Viewer, c access.Camera, want bool) {
		t.Helper()
		rights, err := b.Rights(t.Context(), v)
		must(t, err)
		_, err = b.Authorize(t.Context(), v, access.Manage, c)
		if got := rights[c] == access.Owned; got != want || (err == nil) != want {
			t.Errorf("%s at camera %d: rights %v, authorize %v; want %v", v.Name, c[0], rights[c].Names(), err, want)
		}
	}
	check(alice, cam(1), true)
	check(alice, cam(2), false)
	check(bob, cam(1), false)
	check(bob, cam(2), true)
	b.user(t, "carol", false)
	_, carol := b.session(t, "carol")
	check(carol, cam(2), true) // owns since the account exists
	check(carol, cam(1), false)
	must(t, b.RemoveUser(t.Context(), "alice"))
	check(alice, cam(1), false)
	check(bob, cam(1), false) // not handed to the next in line
	b.user(t, "alice", false)
	_, again := b.session(t, "alice")
	check(again, cam(1), false) // nor to a new account of that name
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1), Owners: []string{"bob"}}}))
	check(bob, cam(1), true)
	check(bob, cam(2), false)
}

func TestSettingOwnersIsAllOrNothing(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1)}}))
	for _, bad := range []Ownership{{}, {Camera: cam(2), Owners: []string{""}}, {Camera: cam(2), Owners: []string{"alice", "No Name"}}} {
		if err := b.SetOwners(t.Context(), []Ownership{{Camera: cam(3)}, bad}); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	_, v := b.session(t, "alice")
	if rights, err := b.Rights(t.Context(), v); err != nil || len(rights) != 1 || rights[cam(1)] != access.Owned {
		t.Errorf("rights %v, %v", rights, err)
	}
}

// TestWhatIsTakenAwayGivesNoFurtherPermit goes through every way to lose a right.
func TestWhatIsTakenAwayGivesNoFurtherPermit(t *testing.T) {
	type state struct {
		*bench
		secret string
		token  Token
	}
	ways := map[string]struct {
		viewer string // session, token, shared
		take   func(*testing.T, *state)
	}{
		"logout":           {"session", func(t *testing.T, s *state) { must(t, s.Logout(t.Context(), s.secret)) }},
		"password":         {"session", func(t *testing.T, s *state) { must(t, s.SetPassword(t.Context(), "alice", "one two three four")) }},
		"account, session": {"session", func(t *testing.T, s *state) { must(t, s.RemoveUser(t.Context(), "alice")) }},
		"account, token":   {"token", func(t *testing.T, s *state) { must(t, s.RemoveUser(t.Context(), "alice")) }},
		"token":            {"token", func(t *testing.T, s *state) { must(t, s.RemoveToken(t.Context(), "alice", s.token.ID)) }},
		"ownership":        {"session", func(t *testing.T, s *state) { must(t, s.SetOwners(t.Context(), nil)) }},
		"owner changed": {"token", func(t *testing.T, s *state) {
			must(t, s.SetOwners(t.Context(), []Ownership{{Camera: cam(1), Owners: []string{"bob"}}}))
		}},
		"expiry":            {"session", func(_ *testing.T, s *state) { s.clock.advance(SessionTTL) }},
		"share revoked":     {"shared", func(t *testing.T, s *state) { s.exec(t, "DELETE FROM shares") }},
		"share over":        {"shared", func(_ *testing.T, s *state) { s.clock.advance(time.Hour) }},
		"granter not owner": {"shared", func(t *testing.T, s *state) { must(t, s.SetOwners(t.Context(), nil)) }},
		"granter removed":   {"shared", func(t *testing.T, s *state) { must(t, s.RemoveUser(t.Context(), "alice")) }},
		"sharee removed":    {"shared", func(t *testing.T, s *state) { must(t, s.RemoveUser(t.Context(), "bob")) }},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			s := &state{bench: newBench(t)}
			s.user(t, "root", true)
			s.user(t, "alice", false)
			s.user(t, "bob", false)
			must(t, s.SetOwners(t.Context(), []Ownership{{Camera: cam(1), Owners: []string{"alice"}}}))
			c := cam(1)
			s.exec(t, `INSERT INTO shares (camera, actions, granted_by, account_id, label, created_us, until_us) VALUES (?, 1, 2, 3, '', 0, ?)`,
				c[:], micros(s.clock.now().Add(time.Hour)))
			session, v := s.session(t, "alice")
			s.secret = session
			secret, err := s.NewToken(t.Context(), "alice", EveryToken(""))
			must(t, err)
			list, err := s.Tokens(t.Context(), "alice")
			must(t, err)
			s.token = list[0]
			switch way.viewer {
			case "token":
				v, err = s.ByToken(t.Context(), secret)
				must(t, err)
			case "shared":
				_, v = s.session(t, "bob")
			}
			if _, err := s.Authorize(t.Context(), v, access.Live, cam(1)); err != nil {
				t.Fatal("before: ", err)
			}
			way.take(t, s)
			p, err := s.Authorize(t.Context(), v, access.Live, cam(1))
			if !errors.Is(err, access.ErrDenied) || p != (access.Permit{}) {
				t.Errorf("afterwards: %+v, %v", p, err)
			}
			if rights, err := s.Rights(t.Context(), v); err != nil || len(rights) != 0 {
				t.Errorf("rights afterwards: %v, %v", rights, err)
			}
		})
	}
}

func BenchmarkAuthorize(b *testing.B) {
	w := newBench(b)
	w.user(b, "alice", true)
	owners := []Ownership{}
	for i := range 64 {
		owners = append(owners, Ownership{Camera: cam(byte(i + 1))})
	}
	must(b, w.SetOwners(b.Context(), owners))
	_, v := w.session(b, "alice")
	for b.Loop() {
		if _, err := w.Authorize(b.Context(), v, access.Live, cam(7)); err != nil {
			b.Fatal(err)
		}
	}
}
