package accounts

import (
	"errors"
	"strings"
	"testing"

	"keepwatch.internal/internal/access"
)

func TestNamesAreLowerCaseAndPlain(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"a", "alice", "alice.b-c_9", "0", strings.Repeat("x", 32)} {
		if err := b.AddUser(t.Context(), name, goodPassword, false); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "Alice", "al ice", "alicé", "a/b", "a\x00", "а", "alice\n", strings.Repeat("x", 33), "\xff"} {
		err := b.AddUser(t.Context(), name, goodPassword, false)
		if invalid, ok := errors.AsType[*InvalidError](err); !ok || invalid.Field != "username" {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAnAccountsNameIsTakenOnce(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	err := b.AddUser(t.Context(), "alice", "another good password", false)
	if invalid, ok := errors.AsType[*InvalidError](err); !ok || !strings.Contains(invalid.Sentence, "already") {
		t.Errorf("got %v", err)
	}
	b.session(t, "alice")
}

func TestPasswordsMustBeLongAndNotTheFirstGuess(t *testing.T) {
	bad := []string{"", "short", "123456789", "          ", "aaaaaaaaaaaa", "ÄÄÄÄÄÄÄÄÄÄÄÄ", "Password123", "1234567890", "\xff\xfe123456789",
		strings.Repeat("ab", 513), "alice.wonderland"}
	for _, password := range bad {
		err := checkPassword("alice.wonderland", password)
		if invalid, ok := errors.AsType[*InvalidError](err); !ok || invalid.Field != "password" || strings.Contains(invalid.Sentence, "%!") {
			t.Errorf("%q: %v", password, err)
		}
	}
	for _, password := range []string{goodPassword, "0123456789x", "drei Wörter ☂", "αβγδεζηθικ", strings.Repeat("ab", 512), " a b c d e f "} {
		if err := checkPassword("alice", password); err != nil {
			t.Errorf("%q: %v", password, err)
		}
	}
}

func TestTheLastAdministratorStays(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", false)
	if err := b.RemoveUser(t.Context(), "alice"); !errors.Is(err, ErrLastAdmin) {
		t.Errorf("the only administrator: %v", err)
	}
	b.user(t, "carol", true)
	must(t, b.RemoveUser(t.Context(), "alice"))
	if err := b.RemoveUser(t.Context(), "carol"); !errors.Is(err, ErrLastAdmin) {
		t.Errorf("the administrator who is left: %v", err)
	}
	must(t, b.RemoveUser(t.Context(), "bob"))
	for name, err := range map[string]error{
		"remove": b.RemoveUser(t.Context(), "nobody"), "password": b.SetPassword(t.Context(), "nobody", goodPassword),
	} {
		if !errors.Is(err, ErrNoUser) {
			t.Errorf("%s of an unknown account: %v", name, err)
		}
	}
}

func TestIDsAreNeverGivenTwice(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	seen := map[int64]bool{1: true}
	grants := map[int64]bool{}
	for range 3 {
		b.user(t, "bob", false)
		_, v := b.session(t, "bob")
		if seen[v.AccountID] || grants[v.GrantID] {
			t.Errorf("account %d or session %d was there before", v.AccountID, v.GrantID)
		}
		seen[v.AccountID], grants[v.GrantID] = true, true
		must(t, b.RemoveUser(t.Context(), "bob"))
	}
}

func TestANewAccountOfAnOldNameInheritsNoSessionTokenOrShare(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", false)
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1)}}))
	session, old := b.session(t, "bob")
	token, err := b.NewToken(t.Context(), "bob", EveryToken(""))
	must(t, err)
	c := cam(1)
	b.exec(t, "INSERT INTO shares (camera, actions, granted_by, account_id, label, created_us) VALUES (?, 1, 1, ?, '', 0)", c[:], old.AccountID)
	if _, err := b.Authorize(t.Context(), old, access.Live, cam(1)); err != nil {
		t.Fatal(err)
	}
	must(t, b.RemoveUser(t.Context(), "bob"))
	b.user(t, "bob", false)
	_, fresh := b.session(t, "bob")
	for _, v := range []access.Viewer{old, fresh} {
		if _, err := b.Authorize(t.Context(), v, access.Live, cam(1)); err != access.ErrDenied {
			t.Errorf("%+v: %v", v, err)
		}
	}
	_, bySession := b.BySession(t.Context(), session)
	_, byToken := b.ByToken(t.Context(), token)
	if !errors.Is(bySession, ErrNobody) || !errors.Is(byToken, ErrNobody) {
		t.Errorf("session: %v, token: %v", bySession, byToken)
	}
}

func TestNoAccountIsCalledWhatStandsInTheRecordForNone(t *testing.T) {
	f := newFamily(t)
	for _, name := range []string{"console", "configuration", "keepwatch"} {
		for by, err := range map[string]error{
			"the console":      f.AddUser(t.Context(), name, goodPassword, false),
			"an administrator": f.AddAccount(t.Context(), f.root, NewAccount{Name: name, Password: goodPassword}),
		} {
			if invalid, ok := errors.AsType[*InvalidError](err); !ok || invalid.Field != "username" {
				t.Errorf("%s makes the account %s: %v", by, name, err)
			}
		}
	}
}
