package accounts

import (
	"context"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
)

// shared is a bench with alice, who owns cameras 1 and 2, and bob, who may watch camera 1.
func shared(t *testing.T) (b *bench, alice, bob access.Viewer) {
	t.Helper()
	b = newBench(t)
	b.user(t, "alice", true)
	b.user(t, "bob", false)
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1)}, {Camera: cam(2)}}))
	_, alice = b.session(t, "alice")
	_, bob = b.session(t, "bob")
	_, _, err := b.NewShare(t.Context(), alice, ShareSpec{Camera: cam(1), Account: "bob", Actions: access.Watching})
	must(t, err)
	return b, alice, bob
}

func (b *bench) permit(t testing.TB, v access.Viewer, a access.Action, camera byte) access.Permit {
	t.Helper()
	p, err := b.Authorize(t.Context(), v, a, cam(camera))
	must(t, err)
	return p
}

// watched puts on record that the viewer watched bytes of camera 1.
func (b *bench) watched(t *testing.T, v access.Viewer, bytes int) {
	t.Helper()
	views := audit.NewViewLog(b.Audit(), 0)
	w, err := views.Begin(b.permit(t, v, access.Playback, 1), audit.Watch{Address: home, From: b.clock.now(), To: b.clock.now()})
	must(t, err)
	must(t, w.Wrote(bytes))
	w.End()
	over, stop := context.WithCancel(t.Context())
	stop()
	must(t, views.Run(over))
}

func TestOwnersReadTheirCamerasAndEverybodyTheirOwn(t *testing.T) {
	b, alice, bob := shared(t)
	b.user(t, "root", true)
	_, root := b.session(t, "root")
	b.watched(t, bob, 10)
	b.watched(t, alice, 20)
	log, ctx := b.Audit(), t.Context()
	if got, err := log.Views(ctx, b.permit(t, alice, access.Manage, 1), audit.Query{}); err != nil || len(got.List) != 2 {
		t.Errorf("the owner reads %+v, %v", got, err)
	}
	own, err := log.OwnViews(ctx, bob, audit.Query{})
	if err != nil || len(own.List) != 1 || own.List[0].Bytes != 10 {
		t.Errorf("bob's own: %+v, %v", own, err)
	}
	for _, v := range []access.Viewer{bob, root} {
		if _, err := b.Authorize(ctx, v, access.Manage, cam(1)); err != access.ErrDenied {
			t.Errorf("%s may read the camera's views: %v", v.Name, err)
		}
	}
	if _, err := log.Views(ctx, b.permit(t, bob, access.Playback, 1), audit.Query{}); err != access.ErrDenied {
		t.Errorf("with a permit to watch: %v", err)
	}
	if _, err := log.OwnViews(ctx, access.Viewer{Kind: access.LinkView, GrantID: 1}, audit.Query{}); err != access.ErrDenied {
		t.Errorf("a link's own: %v", err)
	}
	if page, err := log.OwnViews(ctx, root, audit.Query{}); err != nil || len(page.List) != 0 {
		t.Errorf("the administrator's own: %+v, %v", page, err)
	}
	b.clock.advance(SessionTTL + time.Second)
	if _, err := log.OwnViews(ctx, bob, audit.Query{}); err != ErrNobody {
		t.Errorf("with a session that is over: %v", err)
	}
}

func TestChangesOfOwnersSharesAndAccountsAreOnRecord(t *testing.T) {
	b, alice, _ := shared(t)
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1), Owners: []string{"alice", "bob"}}, {Camera: cam(2)}}))
	page, err := b.Audit().Changes(t.Context(), b.permit(t, alice, access.Manage, 1), audit.Query{})
	must(t, err)
	var got []string
	for _, x := range page.List {
		got = append(got, x.By+": "+x.What+" "+x.Detail)
	}
	want := []string{"configuration: owner added bob", "configuration: owner added alice", "configuration: owner removed alice",
		"alice: share given bob: live, playback, export", "configuration: owner added alice"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("on record:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
