package accounts

import (
	"errors"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
)

func TestAdministratorsManageAccountsAndSeeCountsAlone(t *testing.T) {
	f := newFamily(t)
	people, err := f.People(t.Context(), f.root)
	must(t, err)
	if len(people) != 4 || people[0].Name != "alice" || people[0].Cameras != 1 || people[0].Owned != 1 || people[0].Sessions != 1 || people[0].HasFactor {
		t.Errorf("people %+v", people)
	}
	must(t, f.AddAccount(t.Context(), f.root, NewAccount{Name: "dave", Password: goodPassword}))
	must(t, f.RemoveAccount(t.Context(), f.root, "dave"))
	token, err := f.NewToken(t.Context(), "root", EveryToken(""))
	must(t, err)
	byToken, err := f.ByToken(t.Context(), token)
	must(t, err)
	for _, v := range []access.Viewer{f.alice, byToken, {}, {Kind: access.AccountView, AccountID: f.root.AccountID, GrantID: f.alice.GrantID, Admin: true}} {
		_, err := f.People(t.Context(), v)
		add := f.AddAccount(t.Context(), v, NewAccount{Name: "eve", Password: goodPassword})
		remove := f.RemoveAccount(t.Context(), v, "bob")
		for what, err := range map[string]error{"list": err, "add": add, "remove": remove} {
			if !errors.Is(err, access.ErrDenied) && !errors.Is(err, ErrNobody) {
				t.Errorf("%+v may %s: %v", v, what, err)
			}
		}
	}
	f.clock.advance(FreshFor)
	if err := f.RemoveAccount(t.Context(), f.root, "bob"); err != ErrNotFresh {
		t.Errorf("ten minutes after the password: %v", err)
	}
	must(t, f.Confirm(t.Context(), f.root, goodPassword, home))
	if err := f.RemoveAccount(t.Context(), f.root, "root"); err != ErrLastAdmin {
		t.Errorf("the last administrator: %v", err)
	}
}

// TestAnAdministratorCannotBecomeAnOwner tries the ways from managing accounts to somebody's cameras.
func TestAnAdministratorCannotBecomeAnOwner(t *testing.T) {
	f := newFamily(t)
	must(t, f.RemoveAccount(t.Context(), f.root, "alice"))
	err := f.AddAccount(t.Context(), f.root, NewAccount{Name: "alice", Password: "known to the administrator"})
	if invalid, ok := errors.AsType[*InvalidError](err); !ok || !strings.Contains(invalid.Sentence, "nvr user add alice") {
		t.Errorf("an owner's name made again: %v", err)
	}
	users, err := f.Users(t.Context())
	must(t, err)
	for _, u := range users {
		if u.Name == "alice" {
			t.Error("it was made")
		}
	}
}

func TestRemovalTellsWhatItTakesAndLeaves(t *testing.T) {
	f := newFamily(t)
	must(t, f.SetOwners(t.Context(), []Ownership{{Camera: cam(1), Owners: []string{"alice"}}, {Camera: cam(2), Owners: []string{"alice", "bob"}}}))
	f.share(t, f.alice, ShareSpec{Camera: cam(1), Account: "carol", Actions: watchLive})
	f.share(t, f.alice, ShareSpec{Camera: cam(1), Actions: watchLive})
	f.share(t, f.bob, ShareSpec{Camera: cam(2), Account: "alice", Actions: watchLive})
	must(t, second(f.NewToken(t.Context(), "alice", EveryToken(""))))
	e, err := f.RemovalEffects(t.Context(), "alice")
	must(t, err)
	if len(e.Cameras) != 2 || len(e.Orphans) != 1 || e.Orphans[0] != cam(1) || e.Given != 2 || e.Held != 1 || e.Sessions != 1 || e.Tokens != 1 || !e.Named || e.LastOne {
		t.Errorf("effects %+v", e)
	}
	if e, err = f.RemovalEffects(t.Context(), "root"); err != nil || !e.LastOne || e.Named || e.Cameras != nil {
		t.Errorf("of the last administrator: %+v, %v", e, err)
	}
	if _, err := f.RemovalEffects(t.Context(), "nobody"); !errors.Is(err, ErrNoUser) {
		t.Errorf("of nobody: %v", err)
	}
}

func TestOwnersWhoNeverHadAnAccountAreNamed(t *testing.T) {
	b := newBench(t)
	all := []Ownership{{Camera: cam(1), Name: "front-door", Owners: []string{"alice", "mallory"}}, {Camera: cam(2), Name: "yard", Owners: []string{"mallory", "eve"}}}
	must(t, b.CheckOwners(t.Context(), all)) // the first start: nobody is there yet
	must(t, b.SetOwners(t.Context(), all))
	b.user(t, "alice", true)
	err := b.SetOwners(t.Context(), all)
	unknown, ok := errors.AsType[*UnknownOwnersError](err)
	if !ok || strings.Join(unknown.Names, " ") != "eve mallory" || strings.Join(unknown.Cameras, " ") != "front-door yard" || !strings.Contains(err.Error(), "nvr user add eve") {
		t.Errorf("got %v", err)
	}
	if err := b.CheckOwners(t.Context(), all); err == nil {
		t.Error("the check finds nothing")
	}
	b.user(t, "eve", false)
	b.user(t, "mallory", false)
	must(t, b.RemoveUser(t.Context(), "mallory")) // whose cameras go on
	must(t, b.SetOwners(t.Context(), all))
	if !strings.Contains(b.log.String(), "owner=mallory") {
		t.Errorf("log: %s", b.log)
	}
}

func TestSessionsAreListedAndEndOneByOneOrTogether(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", false)
	_, bob := b.session(t, "bob")
	var all []access.Viewer
	for _, agent := range []string{"Firefox", "curl\x00\x1b[31m", strings.Repeat("x", 1000)} {
		secret, err := b.Login(t.Context(), Attempt{Username: "alice", Password: goodPassword, Address: home, Agent: agent})
		must(t, err)
		v, err := b.BySession(t.Context(), secret)
		must(t, err)
		all = append(all, v)
		b.clock.advance(time.Second)
	}
	list, err := b.Sessions(t.Context(), all[0])
	if err != nil || len(list) != 3 || len(list[0].Agent) != maxAgentRunes || strings.ContainsAny(list[1].Agent, "\x00\x1b") ||
		list[2].Agent != "Firefox" || list[2].Address != home || !list[2].Current || list[1].Current {
		t.Fatalf("sessions %+v, %v", list, err)
	}
	if err := b.EndSession(t.Context(), bob, all[0].GrantID); err != access.ErrDenied {
		t.Errorf("bob ends alice's: %v", err)
	}
	must(t, b.EndSession(t.Context(), all[0], all[1].GrantID))
	if _, err := b.Sessions(t.Context(), all[1]); err != ErrNobody {
		t.Errorf("the ended one: %v", err)
	}
	if n, err := b.EndOtherSessions(t.Context(), all[0]); n != 1 || err != nil {
		t.Errorf("the others: %d, %v", n, err)
	}
	if n, err := b.EndAllSessions(t.Context(), all[0]); n != 1 || err != nil {
		t.Errorf("all: %d, %v", n, err)
	}
	if list, err := b.SessionsOf(t.Context(), "bob"); err != nil || len(list) != 1 {
		t.Errorf("bob's: %+v, %v", list, err)
	}
}

func TestANewPasswordWantsTheOldOneAndKeepsItsSession(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	_, other := b.session(t, "alice")
	_, v := b.session(t, "alice")
	change := func(old, new string) error {
		return b.ChangePassword(t.Context(), v, PasswordChange{Old: old, New: new, Address: home})
	}
	if err := change("a wrong old one", "a quite different one"); err != ErrBadLogin {
		t.Errorf("a wrong old one: %v", err)
	}
	if _, ok := errors.AsType[*InvalidError](change(goodPassword, "short")); !ok {
		t.Error("a short one is accepted")
	}
	must(t, change(goodPassword, "a quite different one"))
	if _, err := b.Sessions(t.Context(), v); err != nil {
		t.Errorf("its own session: %v", err)
	}
	if _, err := b.Sessions(t.Context(), other); err != ErrNobody {
		t.Errorf("the other session: %v", err)
	}
	throttled := false
	for range 2 * pairTries {
		throttled = throttled || isThrottled(change("a wrong old one", "a quite different one"))
	}
	if !throttled {
		t.Error("the old password can be guessed without end")
	}
}

func TestAConfirmationLastsTenMinutesInItsSession(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	_, v := b.session(t, "alice")
	_, other := b.session(t, "alice")
	must(t, b.RequireFresh(t.Context(), v)) // right after the login
	b.clock.advance(FreshFor)
	if err := b.RequireFresh(t.Context(), v); err != ErrNotFresh {
		t.Errorf("after ten minutes: %v", err)
	}
	if err := b.Confirm(t.Context(), v, "wrong", home); err != ErrBadLogin {
		t.Errorf("a wrong password: %v", err)
	}
	must(t, b.Confirm(t.Context(), v, goodPassword, home))
	must(t, b.RequireFresh(t.Context(), v))
	if err := b.RequireFresh(t.Context(), other); err != ErrNotFresh {
		t.Errorf("the other session: %v", err)
	}
	b.clock.advance(-time.Minute) // a clock that steps back
	if err := b.RequireFresh(t.Context(), v); err != ErrNotFresh {
		t.Errorf("confirmed in the future: %v", err)
	}
	for _, no := range []access.Viewer{{}, {Kind: access.TokenView, AccountID: 1, GrantID: 1}} {
		if err := b.RequireFresh(t.Context(), no); err != access.ErrDenied {
			t.Errorf("%+v: %v", no, err)
		}
	}
}
