package layout

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

const password = "correct horse battery"

// bench is a store of layouts beside the accounts whose they are.
type bench struct {
	*Store
	people *accounts.Directory
}

func newBench(t *testing.T) *bench {
	t.Helper()
	people, err := accounts.Open(t.Context(), accounts.Options{Path: filepath.Join(t.TempDir(), "accounts.db"),
		Hash: accounts.HashCost{MemoryKiB: 8, Passes: 1, Lanes: 1}})
	must(t, err)
	t.Cleanup(func() { must(t, people.Close()) })
	return &bench{Store: New(people.DB(), time.Now), people: people}
}

func (b *bench) user(t *testing.T, name string, admin bool) {
	t.Helper()
	must(t, b.people.AddUser(t.Context(), name, password, admin))
}

func (b *bench) session(t *testing.T, name string) access.Viewer {
	t.Helper()
	secret, err := b.people.Login(t.Context(), accounts.Attempt{Username: name, Password: password, Address: "192.168.1.50"})
	must(t, err)
	v, err := b.people.BySession(t.Context(), secret)
	must(t, err)
	return v
}

func cam(n byte) access.Camera { return access.Camera{0: n, 15: 1} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestALayoutIsItsAccountsOwnAndGoesWithIt(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.user(t, "root", true)
	b.user(t, "alice", false)
	b.user(t, "bob", false)
	alice := b.session(t, "alice")
	other := b.session(t, "alice")
	bob := b.session(t, "bob")
	want := Layout{Shape: "4", Order: []access.Camera{cam(3), cam(1)}, Groups: []Group{{Name: "Outside", Cameras: []access.Camera{cam(2), cam(9)}}}}
	must(t, b.Set(ctx, alice, Layout{Shape: "9"}))
	must(t, b.Set(ctx, alice, want))
	for _, v := range []access.Viewer{alice, other} {
		if got, err := b.Of(ctx, v); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("alice: %+v, %v", got, err)
		}
	}
	token := alice
	token.Kind = access.TokenView
	for name, v := range map[string]access.Viewer{"bob": bob, "token": token} {
		if got, err := b.Of(ctx, v); err != nil || !reflect.DeepEqual(got, Layout{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if err := b.Set(ctx, token, want); !errors.Is(err, access.ErrDenied) {
		t.Errorf("by a token: %v", err)
	}
	must(t, b.people.RemoveUser(ctx, "alice"))
	if err := b.Set(ctx, alice, want); !errors.Is(err, accounts.ErrNobody) {
		t.Errorf("by an account that is gone: %v", err)
	}
	var rows int
	must(t, b.people.DB().Read().QueryRowContext(ctx, `SELECT count(*) FROM layouts`).Scan(&rows))
	if rows != 0 {
		t.Errorf("%d layouts are left", rows)
	}
}

func TestALayoutBeyondItsBoundsIsRefusedAndTheOldOneStays(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.user(t, "alice", false)
	alice := b.session(t, "alice")
	must(t, b.Set(ctx, alice, Layout{Shape: "4"}))
	many := func(n int) []access.Camera {
		var list []access.Camera
		for i := range n {
			list = append(list, access.Camera{byte(i), byte(i >> 8), 1})
		}
		return list
	}
	group := func(name string, n int) []Group { return []Group{{Name: name, Cameras: many(n)}} }
	var crowd []Group
	for i := range MaxGroups + 1 {
		crowd = append(crowd, Group{Name: strings.Repeat("x", i+1), Cameras: many(1)})
	}
	var large []Group
	for i := range 6 {
		large = append(large, Group{Name: strings.Repeat("x", i+1), Cameras: many(MaxCameras)})
	}
	for what, l := range map[string]Layout{
		"a shape that is a story": {Shape: "once upon"}, "too many groups": {Groups: crowd}, "too many in a group": {Groups: group("a", MaxCameras+1)},
		"too many in order": {Order: many(MaxCameras + 1)}, "twice in order": {Order: append(many(2), many(1)...)}, "too many mentions": {Groups: large},
		"twice in a group": {Groups: []Group{{Name: "a", Cameras: append(many(2), many(1)...)}}}, "the same name": {Groups: append(group("a", 1), group("a", 2)...)},
		"no name": {Groups: group("", 1)}, "spaces": {Groups: group(" a", 1)}, "a long name": {Groups: group(strings.Repeat("ä", MaxGroupName+1), 1)},
		"a line break": {Groups: group("a\nb", 1)}, "no text": {Groups: group("a\xff", 1)}, "turned letters": {Groups: group("a\u202eb", 1)},
	} {
		var invalid *accounts.InvalidError
		if err := b.Set(ctx, alice, l); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got, err := b.Of(ctx, alice); err != nil || got.Shape != "4" {
		t.Errorf("%+v, %v", got, err)
	}
	must(t, b.Set(ctx, alice, Layout{Groups: group(strings.Repeat("ä", MaxGroupName), MaxCameras), Order: many(MaxCameras)}))
}
