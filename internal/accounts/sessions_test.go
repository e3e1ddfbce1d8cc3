package accounts

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
)

func TestASessionIsItsAccountUntilLogout(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", false)
	session, v := b.session(t, " Alice ")
	if want := (access.Viewer{Kind: access.AccountView, AccountID: 1, GrantID: 1, Name: "alice", Admin: true}); v != want {
		t.Errorf("viewer %+v, want %+v", v, want)
	}
	_, bob := b.session(t, "bob")
	if bob.Name != "bob" || bob.Admin || bob.AccountID == v.AccountID || bob.GrantID == v.GrantID {
		t.Errorf("viewer %+v", bob)
	}
	must(t, b.Logout(t.Context(), session))
	must(t, b.Logout(t.Context(), session))
	must(t, b.Logout(t.Context(), "nonsense"))
	if v, err := b.BySession(t.Context(), session); !errors.Is(err, ErrNobody) || v != (access.Viewer{}) {
		t.Errorf("after logout: %+v, %v", v, err)
	}
}

func TestUnknownNamesAndWrongPasswordsAreAnsweredAlike(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	for _, try := range [][2]string{{"alice", "wrong password"}, {"nobody", goodPassword}, {"", ""}, {"alice", ""},
		{"alice", strings.Repeat("x", maxPasswordBytes+1)}, {"alice' OR '1'='1", "x"}, {strings.Repeat("x", 1<<16), "x"}} {
		session, err := b.Login(t.Context(), Attempt{Username: try[0], Password: try[1], Address: "10.0.0." + string(rune('1'+len(try[1])%9))})
		if err != ErrBadLogin || session != "" {
			t.Errorf("%.20q, %.20q: %q, %v", try[0], try[1], session, err)
		}
	}
}

func TestSessionsLastThirtyDaysFromTheirLastUse(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	session, v := b.session(t, "alice")
	for range 5 { // 100 days in all
		b.clock.advance(20 * 24 * time.Hour)
		if _, err := b.BySession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
	}
	b.clock.advance(SessionTTL)
	if _, err := b.BySession(t.Context(), session); !errors.Is(err, ErrNobody) {
		t.Errorf("after thirty days unused: %v", err)
	}
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1)}}))
	if _, err := b.Authorize(t.Context(), v, access.Live, cam(1)); err != access.ErrDenied {
		t.Errorf("a permit for a session that is over: %v", err)
	}
}

func TestAWriterElsewhereDoesNotTurnAwayWhoIsLoggedIn(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	session, _ := b.session(t, "alice")
	b.exec(t, "CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'disk full'); END")
	b.clock.advance(2 * touchEvery)
	if _, err := b.BySession(t.Context(), session); err != nil {
		t.Error(err)
	}
	if !strings.Contains(b.log.String(), "disk full") {
		t.Errorf("not logged: %s", b.log)
	}
}

func TestANewPasswordEndsSessionsAndKeepsTokens(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", false)
	session, _ := b.session(t, "alice")
	others, _ := b.session(t, "bob")
	token, err := b.NewToken(t.Context(), "alice", EveryToken("ha"))
	must(t, err)
	must(t, b.SetPassword(t.Context(), "alice", "a quite different one"))
	if _, err := b.BySession(t.Context(), session); !errors.Is(err, ErrNobody) {
		t.Errorf("session: %v", err)
	}
	if _, err := b.Login(t.Context(), Attempt{Username: "alice", Password: goodPassword, Address: home}); !errors.Is(err, ErrBadLogin) {
		t.Errorf("the old password: %v", err)
	}
	_, errOther := b.BySession(t.Context(), others)
	_, errToken := b.ByToken(t.Context(), token)
	_, errLogin := b.Login(t.Context(), Attempt{Username: "alice", Password: "a quite different one", Address: home})
	must(t, errors.Join(errOther, errToken, errLogin))
}

func TestALoginThatOverlapsAPasswordChangeFails(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	if _, err := b.startSession(t.Context(), Attempt{}, stored{id: 1, password: "the hash before the change"}, ""); !errors.Is(err, ErrBadLogin) {
		t.Errorf("got %v", err)
	}
}

func TestAPasswordHashedAtAnotherCostIsHashedAgainAtLogin(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.sessions.hasher = newHasher(HashCost{MemoryKiB: 16, Passes: 2, Lanes: 1})
	for range 2 {
		b.session(t, "alice")
	}
	var stored string
	must(t, b.db.Read().QueryRow("SELECT password FROM accounts").Scan(&stored))
	if !strings.Contains(stored, "$m=16,t=2,p=1$") {
		t.Errorf("stored %s", stored)
	}
}

func TestSessionsOfAnAccountAreBounded(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", false)
	others, _ := b.session(t, "bob")
	first, _ := b.session(t, "alice")
	for range maxSessions {
		b.clock.advance(time.Second)
		b.session(t, "alice")
	}
	var n int
	must(t, b.db.Read().QueryRow("SELECT count(*) FROM sessions").Scan(&n))
	if _, err := b.BySession(t.Context(), first); !errors.Is(err, ErrNobody) || n != maxSessions+1 {
		t.Errorf("%d sessions; the oldest: %v", n, err)
	}
	if _, err := b.BySession(t.Context(), others); err != nil {
		t.Errorf("another account's: %v", err)
	}
	b.clock.advance(2 * SessionTTL)
	b.session(t, "alice")
	must(t, b.db.Read().QueryRow("SELECT count(*) FROM sessions").Scan(&n))
	if n != 1 {
		t.Errorf("%d sessions after all but one were over", n)
	}
}

func TestTokensWorkUntilRemoved(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", false)
	token, err := b.NewToken(t.Context(), "alice", EveryToken("home assistant"))
	must(t, err)
	if !strings.HasPrefix(token, "kwt_") || len(token) != 47 {
		t.Errorf("token %q", token)
	}
	v, err := b.ByToken(t.Context(), token)
	if want := (access.Viewer{Kind: access.TokenView, AccountID: 1, GrantID: 1, Name: "alice", Metrics: true}); err != nil || v != want {
		t.Errorf("viewer %+v, %v", v, err)
	}
	list, err := b.Tokens(t.Context(), "alice")
	if err != nil || len(list) != 1 || list[0].Label != "home assistant" || !list[0].Used.Equal(b.clock.now()) {
		t.Errorf("listed %+v, %v", list, err)
	}
	if err := b.RemoveToken(t.Context(), "bob", list[0].ID); err == nil {
		t.Error("removed as another account's")
	}
	must(t, b.RemoveToken(t.Context(), "alice", list[0].ID))
	if _, err := b.ByToken(t.Context(), token); !errors.Is(err, ErrNobody) {
		t.Errorf("after removal: %v", err)
	}
}

func TestTokensNeedAnAccountAPlainLabelAndRoom(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	if _, err := b.NewToken(t.Context(), "nobody", EveryToken("")); !errors.Is(err, ErrNoUser) {
		t.Errorf("unknown account: %v", err)
	}
	for _, label := range []string{"a\nb", "\x1b[31m", "\xff", strings.Repeat("x", 65)} {
		if _, err := b.NewToken(t.Context(), "alice", EveryToken(label)); err == nil {
			t.Errorf("label %q was accepted", label)
		}
	}
	for range maxTokens {
		_, err := b.NewToken(t.Context(), "alice", EveryToken("x"))
		must(t, err)
	}
	if _, err := b.NewToken(t.Context(), "alice", EveryToken("x")); err == nil {
		t.Error("more tokens than fit")
	}
}

func TestASessionIsNoTokenAndATokenNoSession(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	session, _ := b.session(t, "alice")
	token, err := b.NewToken(t.Context(), "alice", EveryToken(""))
	must(t, err)
	for _, s := range []string{token, session[4:], tokenPrefix + session[4:], sessionPrefix + token[4:], session + "=", session + "\n", "", sessionPrefix} {
		if _, err := b.BySession(t.Context(), s); !errors.Is(err, ErrNobody) {
			t.Errorf("session %q: %v", s, err)
		}
	}
	for _, s := range []string{session, tokenPrefix + session[4:], sessionPrefix + token[4:], token[:46]} {
		if _, err := b.ByToken(t.Context(), s); !errors.Is(err, ErrNobody) {
			t.Errorf("token %q: %v", s, err)
		}
	}
	must(t, b.Close())
	if _, err := b.BySession(context.Background(), session); err == nil || errors.Is(err, ErrNobody) {
		t.Errorf("a database that fails is not nobody: %v", err)
	}
}

func FuzzSecretsHaveOneSpelling(f *testing.F) {
	for _, prefix := range []string{sessionPrefix, tokenPrefix} {
		secret, _ := newSecret(prefix)
		f.Add(prefix, secret)
		f.Add(prefix, secret[:20]+"\n"+secret[20:])
		f.Add(prefix, secret[:len(secret)-1]+"B")
	}
	seen := map[[32]byte]string{}
	f.Fuzz(func(t *testing.T, prefix, s string) {
		if prefix != sessionPrefix && prefix != tokenPrefix {
			return
		}
		hash, ok := hashSecret(prefix, s)
		if !ok {
			return
		}
		if !strings.HasPrefix(s, prefix) || len(s) != 47 {
			t.Errorf("%q was taken for a secret", s)
		}
		if other, found := seen[hash]; found && other != s[4:] {
			t.Errorf("%q and %q are the same secret", s, other)
		}
		seen[hash] = s[4:]
	})
}
