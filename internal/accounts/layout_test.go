package accounts

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"keepwatch.internal/internal/access"
)

func TestALayoutIsItsAccountsOwnAndGoesWithIt(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.user(t, "root", true)
	b.user(t, "alice", false)
	b.user(t, "bob", false)
	_, alice := b.session(t, "alice")
	_, other := b.session(t, "alice")
	_, bob := b.session(t, "bob")
	want := Layout{Shape: "4", Order: []access.Camera{cam(3), cam(1)}, Groups: []Group{{Name: "Outside", Cameras: []access.Camera{cam(2), cam(9)}}}}
	must(t, b.SetLayout(ctx, alice, Layout{Shape: "9"}))
	must(t, b.SetLayout(ctx, alice, want))
	for _, v := range []access.Viewer{alice, other} {
		if got, err := b.Layout(ctx, v); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("alice: %+v, %v", got, err)
		}
	}
	token := alice
	token.Kind = access.TokenView
	for name, v := range map[string]access.Viewer{"bob": bob, "token": token} {
		if got, err := b.Layout(ctx, v); err != nil || !reflect.DeepEqual(got, Layout{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if err := b.SetLayout(ctx, token, want); !errors.Is(err, access.ErrDenied) {
		t.Errorf("by a token: %v", err)
	}
	must(t, b.RemoveUser(ctx, "alice"))
	if err := b.SetLayout(ctx, alice, want); !errors.Is(err, ErrNobody) {
		t.Errorf("by an account that is gone: %v", err)
	}
	var rows int
	must(t, b.db.Read().QueryRowContext(ctx, `SELECT count(*) FROM layouts`).Scan(&rows))
	if rows != 0 {
		t.Errorf("%d layouts are left", rows)
	}
}

func TestALayoutBeyondItsBoundsIsRefusedAndTheOldOneStays(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	b.user(t, "alice", false)
	_, alice := b.session(t, "alice")
	must(t, b.SetLayout(ctx, alice, Layout{Shape: "4"}))
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
		large = append(large, Group{Name: strings.Repeat("x", i+1), Cameras: many(MaxLayoutCameras)})
	}
	for what, l := range map[string]Layout{
		"a shape that is a story": {Shape: "once upon"}, "too many groups": {Groups: crowd}, "too many in a group": {Groups: group("a", MaxLayoutCameras+1)},
		"too many in order": {Order: many(MaxLayoutCameras + 1)}, "twice in order": {Order: append(many(2), many(1)...)}, "too many mentions": {Groups: large},
		"twice in a group": {Groups: []Group{{Name: "a", Cameras: append(many(2), many(1)...)}}}, "the same name": {Groups: append(group("a", 1), group("a", 2)...)},
		"no name": {Groups: group("", 1)}, "spaces": {Groups: group(" a", 1)}, "a long name": {Groups: group(strings.Repeat("ä", MaxGroupName+1), 1)},
		"a line break": {Groups: group("a\nb", 1)}, "no text": {Groups: group("a\xff", 1)}, "turned letters": {Groups: group("a\u202eb", 1)},
	} {
		var invalid *InvalidError
		if err := b.SetLayout(ctx, alice, l); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if got, err := b.Layout(ctx, alice); err != nil || got.Shape != "4" {
		t.Errorf("%+v, %v", got, err)
	}
	must(t, b.SetLayout(ctx, alice, Layout{Groups: group(strings.Repeat("ä", MaxGroupName), MaxLayoutCameras), Order: many(MaxLayoutCameras)}))
}
