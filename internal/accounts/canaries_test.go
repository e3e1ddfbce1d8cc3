package accounts

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
)

// TestSyntheticOwnersAreNobodyAndOwnTheirCameras holds the canaries to both halves of what they are for: rights are read
// for them as for everybody, and nobody meets them otherwise.
func TestSyntheticOwnersAreNobodyAndOwnTheirCameras(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	front, first, second := access.Camera{1}, access.Camera{2}, access.Camera{3}
	must(t, b.SetOwners(ctx, []Ownership{{Camera: front, Name: "front"}}))
	made, err := b.ReplaceCanaryAccounts(ctx, [2]access.Camera{first, second})
	must(t, err)
	code, needed, err := b.SetupCode(ctx)
	if err != nil || !needed {
		t.Fatalf("synthetic accounts end the set-up: %v, %v", needed, err)
	}
	must(t, b.Setup(ctx, code, "alice", goodPassword))
	users, err := b.Users(ctx)
	if err != nil || len(users) != 1 || users[0].ID != 1 {
		t.Fatalf("users %+v, %v", users, err)
	}
	var name string
	for i, secret := range []string{made[0].Session, made[0].Token, made[1].Session, made[1].Token} {
		resolve := b.BySession
		if i%2 == 1 {
			resolve = b.ByToken
		}
		v, err := resolve(ctx, secret)
		must(t, err)
		name = v.Name
		own, other := first, second
		if i > 1 {
			own, other = second, first
		}
		if _, err := b.Authorize(ctx, v, access.Playback, own); err != nil {
			t.Errorf("own camera: %v", err)
		}
		for _, c := range []access.Camera{other, front} {
			if _, err := b.Authorize(ctx, v, access.Playback, c); !errors.Is(err, access.ErrDenied) {
				t.Errorf("another's camera: %v", err)
			}
		}
	}
	for _, password := range []string{"", noPassword, goodPassword} {
		if _, err := b.Login(ctx, Attempt{Username: name, Password: password, Address: home}); !errors.Is(err, ErrBadLogin) {
			t.Errorf("log in as synthetic: %v", err)
		}
		b.clock.advance(time.Hour)
	}
	if err := b.RemoveUser(ctx, name); !errors.Is(err, ErrNoUser) {
		t.Errorf("remove: %v", err)
	}
	if err := b.SetPassword(ctx, name, goodPassword); !errors.Is(err, ErrNoUser) {
		t.Errorf("give a password: %v", err)
	}
	if _, err := b.NewToken(ctx, name, EveryToken("mine")); !errors.Is(err, ErrNoUser) {
		t.Errorf("a token: %v", err)
	}
}

func TestSyntheticOwnersAreReplacedAndLeaveNothingOnRecord(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.user(t, "alice", true)
	cameras := [2]access.Camera{{2}, {3}}
	old, err := b.ReplaceCanaryAccounts(ctx, cameras)
	must(t, err)
	must(t, b.SetOwners(ctx, []Ownership{{Camera: access.Camera{1}, Name: "front"}})) // as the next start does
	v, err := b.BySession(ctx, old[0].Session)
	must(t, err)
	permit, err := b.Authorize(ctx, v, access.Playback, cameras[0])
	must(t, err)
	views := audit.NewViewLog(b.Audit(), 0)
	view, err := views.Begin(permit, audit.Watch{Address: home, From: b.clock.now(), To: b.clock.now()})
	must(t, err)
	view.Saw(b.clock.now(), b.clock.now())
	must(t, view.Wrote(10))
	view.End()
	over, stop := context.WithCancel(ctx)
	stop()
	must(t, views.Run(over))
	if _, err := b.ReplaceCanaryAccounts(ctx, cameras); err != nil {
		t.Fatal(err)
	}
	if _, err := b.BySession(ctx, old[0].Session); !errors.Is(err, ErrNobody) {
		t.Errorf("a session of an earlier start: %v", err)
	}
	const entries = `SELECT group_concat(what || detail || name) FROM record WHERE camera IN (x'02000000000000000000000000000000', x'03000000000000000000000000000000') OR account_id < 0`
	var said any
	must(t, b.db.Read().QueryRowContext(ctx, entries).Scan(&said))
	if text, _ := said.(string); said != nil || strings.Contains(text, "canary") {
		t.Errorf("on record: %v", said)
	}
}
