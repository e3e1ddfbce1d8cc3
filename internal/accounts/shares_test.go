package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
)

const (
	watchLive = access.Rights(access.Live)
	passOn    = access.Rights(access.Share)
)

// family is a bench in which alice owns camera 1 and bob camera 2; carol owns nothing and root administers.
type family struct {
	*bench
	root, alice, bob, carol access.Viewer
}

func newFamily(t testing.TB) *family {
	f := &family{bench: newBench(t)}
	for name, v := range map[string]*access.Viewer{"alice": &f.alice, "bob": &f.bob, "carol": &f.carol} {
		f.user(t, name, false)
		_, *v = f.session(t, name)
	}
	f.user(t, "root", true)
	_, f.root = f.session(t, "root")
	must(t, f.SetOwners(t.Context(), []Ownership{{Camera: cam(1), Owners: []string{"alice"}}, {Camera: cam(2), Owners: []string{"bob"}}}))
	return f
}

func (f *family) share(t testing.TB, by access.Viewer, s ShareSpec) int64 {
	t.Helper()
	id, _, err := f.NewShare(t.Context(), by, s)
	must(t, err)
	return id
}

// may reports what the viewer may do on the camera, by asking Authorize for each action.
func (f *family) may(v access.Viewer, camera byte) (r access.Rights) {
	for a := access.Live; a <= access.Manage; a <<= 1 {
		if _, err := f.Authorize(context.Background(), v, a, cam(camera)); err == nil {
			r |= access.Rights(a)
		}
	}
	return r
}

func TestOwnersShareAndOthersCannot(t *testing.T) {
	f := newFamily(t)
	for _, v := range []access.Viewer{f.root, f.carol, f.bob, {}, {Kind: access.LinkView, GrantID: 1}, {Kind: access.AccountView, AccountID: f.alice.AccountID, GrantID: 999}} {
		for _, to := range []string{"carol", ""} {
			if _, link, err := f.NewShare(t.Context(), v, ShareSpec{Camera: cam(1), Account: to, Actions: watchLive}); !errors.Is(err, access.ErrDenied) || link != "" {
				t.Errorf("%+v shares alice's camera with %q: %v", v, to, err)
			}
		}
	}
	f.share(t, f.alice, ShareSpec{Camera: cam(1), Account: "carol", Actions: watchLive | access.Rights(access.Audio)})
	if got := f.may(f.carol, 1); got != watchLive|access.Rights(access.Audio) {
		t.Errorf("carol may %v", got.Names())
	}
	if f.may(f.carol, 2) != 0 || f.may(f.bob, 1) != 0 || f.may(f.root, 1) != 0 {
		t.Error("somebody else may too")
	}
}

func TestWhatIsPassedOnIsNoMoreThanWhatOneHolds(t *testing.T) {
	f := newFamily(t)
	f.share(t, f.alice, ShareSpec{Camera: cam(1), Account: "bob", Actions: watchLive})
	if _, _, err := f.NewShare(t.Context(), f.bob, ShareSpec{Camera: cam(1), Account: "carol", Actions: watchLive}); err != access.ErrDenied {
		t.Errorf("bob passes on what he may not: %v", err)
	}
	first := f.share(t, f.alice, ShareSpec{Camera: cam(1), Account: "bob", Actions: access.Rights(access.Playback) | passOn})
	for _, tooMuch := range []access.Rights{watchLive, access.Rights(access.Export), access.Rights(access.Playback) | passOn} {
		if _, _, err := f.NewShare(t.Context(), f.bob, ShareSpec{Camera: cam(1), Account: "carol", Actions: tooMuch}); err != access.ErrDenied {
			t.Errorf("bob passes on %v: %v", tooMuch.Names(), err)
		}
	}
	f.share(t, f.bob, ShareSpec{Camera: cam(1), Account: "carol", Actions: access.Rights(access.Playback)})
	_, link, err := f.NewShare(t.Context(), f.bob, ShareSpec{Camera: cam(1), Actions: access.Rights(access.Playback)})
	must(t, err)
	holder, err := f.ByLink(t.Context(), link)
	must(t, err)
	if f.may(f.carol, 1) != access.Rights(access.Playback) || f.may(holder, 1) != access.Rights(access.Playback) {
		t.Errorf("carol may %v, the link %v", f.may(f.carol, 1).Names(), f.may(holder, 1).Names())
	}
	must(t, f.RevokeShare(t.Context(), f.alice, first))
	if f.may(f.carol, 1) != 0 || f.may(holder, 1) != 0 {
		t.Error("what bob passed on outlives what he held")
	}
	if _, err := f.ByLink(t.Context(), link); err != ErrNobody {
		t.Errorf("the link: %v", err)
	}
}

func TestANewShareDoesNotBringBackWhatWasPassedOnUnderAnOlderOne(t *testing.T) {
	playback := access.Rights(access.Playback)
	ends := map[string]func(*family, int64){
		"revoked": func(f *family, id int64) { must(t, f.RevokeShare(t.Context(), f.alice, id)) },
		"over":    func(f *family, _ int64) { f.clock.advance(time.Hour) },
	}
	for name, end := range ends {
		f := newFamily(t)
		spec := ShareSpec{Camera: cam(1), Account: "bob", Actions: playback | passOn, Until: f.clock.now().Add(time.Hour)}
		first := f.share(t, f.alice, spec)
		f.share(t, f.bob, ShareSpec{Camera: cam(1), Account: "carol", Actions: playback})
		_, link, err := f.NewShare(t.Context(), f.bob, ShareSpec{Camera: cam(1), Actions: playback})
		must(t, err)
		own := f.share(t, f.bob, ShareSpec{Camera: cam(2), Account: "carol", Actions: playback})
		spec.Until = f.clock.now().Add(5 * time.Hour)
		if name == "revoked" { // a second one beside the first ends nothing
			second := f.share(t, f.alice, spec)
			if f.may(f.carol, 1) != playback {
				t.Errorf("%s: a further share of bob's ended what he had passed on", name)
			}
			must(t, f.RevokeShare(t.Context(), f.alice, second))
		}
		end(f, first)
		f.share(t, f.alice, spec)
		if got := f.may(f.carol, 1); got != 0 {
			t.Errorf("%s: carol may %v again, and nobody gave it to her", name, got.Names())
		}
		if _, err := f.ByLink(t.Context(), link); err != ErrNobody {
			t.Errorf("%s: the link opens again: %v", name, err)
		}
		if f.may(f.carol, 2) != playback || own == 0 {
			t.Errorf("%s: what bob gave of his own camera is gone", name)
		}
		changes, err := f.Audit().Changes(t.Context(), f.permitOf(t, f.alice, access.Manage, 1), audit.Query{})
		must(t, err)
		ended := 0
		for _, c := range changes.List {
			if c.What == "share revoked" && strings.HasPrefix(c.Detail, "passed on by bob") {
				ended++
			}
		}
		if ended != 2 {
			t.Errorf("%s: %d ends are on record, want 2", name, ended)
		}
	}
}

func (f *family) permitOf(t testing.TB, v access.Viewer, a access.Action, camera byte) access.Permit {
	t.Helper()
	p, err := f.Authorize(t.Context(), v, a, cam(camera))
	must(t, err)
	return p
}

// TestSharesWithOneAccountAreFew bounds what a decision costs: shares multiply with those that they are passed on by.
func TestSharesWithOneAccountAreFew(t *testing.T) {
	f := newFamily(t)
	spec := ShareSpec{Camera: cam(1), Account: "bob", Actions: watchLive, Until: f.clock.now().Add(time.Hour)}
	for range maxSame {
		f.share(t, f.alice, spec)
	}
	_, _, err := f.NewShare(t.Context(), f.alice, spec)
	if invalid, ok := errors.AsType[*InvalidError](err); !ok || invalid.Field != "account" {
		t.Errorf("one more: %v", err)
	}
	spec.Account = "carol"
	f.share(t, f.alice, spec)
	f.clock.advance(time.Hour) // those that are over do not count
	spec.Account, spec.Until = "bob", time.Time{}
	f.share(t, f.alice, spec)
}

func TestATokenSharesNoMoreThanItMayDo(t *testing.T) {
	f := newFamily(t)
	secret, err := f.NewOwnToken(t.Context(), f.alice, TokenSpec{Label: "doorbell", Actions: watchLive | passOn})
	must(t, err)
	v, err := f.ByToken(t.Context(), secret)
	must(t, err)
	for _, tooMuch := range []access.Action{access.Playback, access.Export, access.Audio} {
		for _, to := range []string{"", "carol"} {
			spec := ShareSpec{Camera: cam(1), Account: to, Actions: access.Rights(tooMuch) | watchLive}
			if _, link, err := f.NewShare(t.Context(), v, spec); err != access.ErrDenied {
				t.Errorf("a token for live alone shares %s with %q: %q, %v", tooMuch, to, link, err)
			}
		}
	}
	f.share(t, v, ShareSpec{Camera: cam(1), Account: "carol", Actions: watchLive | passOn})
}

func TestALinkOpensItsCameraAndItsTimeUntilItEnds(t *testing.T) {
	f := newFamily(t)
	now := f.clock.now()
	w := access.Window{From: now.Add(-time.Hour), To: now}
	id, link, err := f.NewShare(t.Context(), f.alice, ShareSpec{Camera: cam(1), Actions: access.Rights(access.Playback | access.Export),
		Window: w, Until: now.Add(24 * time.Hour), Label: "for the police"})
	must(t, err)
	if !strings.HasPrefix(link, linkPrefix) || len(link) != len(linkPrefix)+43 {
		t.Errorf("link %q", link)
	}
	v, err := f.ByLink(t.Context(), link)
	must(t, err)
	if want := (access.Viewer{Kind: access.LinkView, GrantID: id, Name: "for the police"}); v != want {
		t.Errorf("viewer %+v", v)
	}
	p, err := f.Authorize(t.Context(), v, access.Playback, cam(1))
	if err != nil || p.Window() != w || p.Audio() {
		t.Errorf("permit %+v, %v", p, err)
	}
	if f.may(v, 1) != access.Rights(access.Playback|access.Export) || f.may(v, 2) != 0 {
		t.Error("the link opens more")
	}
	s, err := f.LinkShare(t.Context(), v)
	if err != nil || s.By != "alice" || s.Label != "for the police" || s.Window != w || !s.IsLink() {
		t.Errorf("share %+v, %v", s, err)
	}
	for _, bad := range []string{"", link + "A", link[:len(link)-1], strings.Replace(link, "kwl_", "kwt_", 1), "kwl_" + strings.Repeat("A", 43)} {
		if _, err := f.ByLink(t.Context(), bad); err != ErrNobody {
			t.Errorf("%q: %v", bad, err)
		}
	}
	f.clock.advance(24 * time.Hour)
	if _, err := f.ByLink(t.Context(), link); err != ErrNobody || f.may(v, 1) != 0 {
		t.Errorf("after its end: %v, %v", err, f.may(v, 1).Names())
	}
}

func TestARevokedLinkOpensNothing(t *testing.T) {
	f := newFamily(t)
	id, link, err := f.NewShare(t.Context(), f.alice, ShareSpec{Camera: cam(1), Actions: watchLive, Label: "for the neighbours"})
	must(t, err)
	v, err := f.ByLink(t.Context(), link)
	must(t, err)
	if f.may(v, 1) != watchLive {
		t.Fatalf("the link opens %v", f.may(v, 1).Names())
	}
	must(t, f.RevokeShare(t.Context(), f.alice, id))
	if _, err := f.ByLink(t.Context(), link); err != ErrNobody || f.may(v, 1) != 0 {
		t.Errorf("revoked: %v, %v", err, f.may(v, 1).Names())
	}
}

func TestWhoMayRevokeAShare(t *testing.T) {
	spec := ShareSpec{Camera: cam(1), Account: "bob", Actions: access.Watching | passOn}
	for name, x := range map[string]struct {
		by   func(*family) access.Viewer
		want error
	}{
		"its owner":         {func(f *family) access.Viewer { return f.alice }, nil},
		"its grantee":       {func(f *family) access.Viewer { return f.bob }, nil},
		"somebody else":     {func(f *family) access.Viewer { return f.carol }, access.ErrDenied},
		"the administrator": {func(f *family) access.Viewer { return f.root }, access.ErrDenied},
		"nobody":            {func(*family) access.Viewer { return access.Viewer{} }, access.ErrDenied},
		"a session that is over": {func(f *family) access.Viewer {
			must(t, second(f.EndSessionsOf(context.Background(), "bob")))
			return f.bob
		}, ErrNobody},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFamily(t)
			id := f.share(t, f.alice, spec)
			if err := f.RevokeShare(t.Context(), x.by(f), id); err != x.want {
				t.Errorf("got %v, want %v", err, x.want)
			}
			if err := f.RevokeShare(t.Context(), f.alice, id+1); err != access.ErrDenied {
				t.Errorf("one that is not there: %v", err)
			}
			list, err := f.SharesBy(t.Context(), f.alice)
			if err != nil || (len(list) == 0) != (x.want == nil) {
				t.Errorf("left: %+v, %v", list, err)
			}
		})
	}
}

func TestSharesThatMakeNoSenseAreRefusedWithASentence(t *testing.T) {
	f := newFamily(t)
	now := f.clock.now()
	w := access.Window{From: now.Add(-time.Hour), To: now}
	for field, all := range map[string][]ShareSpec{
		"actions": {{}, {Actions: access.Rights(access.Audio)}, {Actions: access.Owned}, {Account: "carol", Actions: access.Owned},
			{Actions: watchLive | passOn}, {Actions: watchLive, Window: w}, {Actions: 1 << 9}},
		"until":   {{Actions: watchLive, Until: now}},
		"window":  {{Account: "carol", Actions: access.Rights(access.Playback), Window: w}, {Actions: access.Rights(access.Playback), Window: access.Window{From: now, To: now}}, {Actions: access.Rights(access.Playback), Window: access.Window{To: now}}},
		"account": {{Account: "nobody", Actions: watchLive}, {Account: "alice", Actions: watchLive}},
		"label":   {{Actions: watchLive, Label: "a\x00b"}, {Actions: watchLive, Label: strings.Repeat("x", 65)}},
	} {
		for _, s := range all {
			s.Camera = cam(1)
			_, _, err := f.NewShare(t.Context(), f.alice, s)
			if invalid, ok := errors.AsType[*InvalidError](err); !ok || invalid.Field != field || invalid.Sentence == "" {
				t.Errorf("%+v: %v, want something about %s", s, err, field)
			}
		}
	}
}

func TestATokenDoesItsActionsOnItsCamerasUntilItsEnd(t *testing.T) {
	f := newFamily(t)
	must(t, f.SetOwners(t.Context(), []Ownership{{Camera: cam(1), Owners: []string{"alice"}}, {Camera: cam(2), Owners: []string{"alice"}}}))
	spec := TokenSpec{Label: "wall", Actions: watchLive, Cameras: []access.Camera{cam(1), cam(3)}, Until: f.clock.now().Add(time.Hour)}
	secret, err := f.NewOwnToken(t.Context(), f.alice, spec)
	must(t, err)
	v, err := f.ByToken(t.Context(), secret)
	must(t, err)
	if f.may(v, 1) != watchLive || f.may(v, 2) != 0 || f.may(v, 3) != 0 || v.Metrics {
		t.Errorf("camera 1 %v, 2 %v, 3 %v", f.may(v, 1).Names(), f.may(v, 2).Names(), f.may(v, 3).Names())
	}
	if _, _, err := f.NewShare(t.Context(), v, ShareSpec{Camera: cam(1), Account: "bob", Actions: watchLive}); err != access.ErrDenied {
		t.Errorf("a token without share shares: %v", err)
	}
	list, err := f.OwnTokens(t.Context(), f.alice)
	if err != nil || len(list) != 1 || len(list[0].Cameras) != 2 || list[0].Actions != watchLive || !list[0].Until.Equal(spec.Until) {
		t.Errorf("listed %+v, %v", list, err)
	}
	if err := f.RemoveOwnToken(t.Context(), f.bob, list[0].ID); err != access.ErrDenied {
		t.Errorf("bob removes alice's: %v", err)
	}
	f.clock.advance(time.Hour)
	if _, err := f.ByToken(t.Context(), secret); err != ErrNobody || f.may(v, 1) != 0 {
		t.Errorf("after its end: %v", err)
	}
	for _, bad := range []TokenSpec{{}, {Actions: 1 << 9}, {Actions: 1, Cameras: []access.Camera{}}, {Actions: 1, Until: f.clock.now()}, {Actions: 1, Label: "\n"}} {
		must(t, f.Confirm(t.Context(), f.alice, goodPassword, home))
		_, err := f.NewOwnToken(t.Context(), f.alice, bad)
		if _, ok := errors.AsType[*InvalidError](err); !ok {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	secret, err = f.NewToken(t.Context(), "alice", EveryToken(""))
	must(t, err)
	if v, err := f.ByToken(t.Context(), secret); err != nil || v.Metrics {
		t.Errorf("figures of the system for who is no administrator: %+v, %v", v, err)
	}
}

func TestOwnersAreToldWhoSeesAndOthersAreNot(t *testing.T) {
	f := newFamily(t)
	f.share(t, f.alice, ShareSpec{Camera: cam(1), Account: "carol", Actions: watchLive, Label: "neighbour"})
	f.share(t, f.alice, ShareSpec{Camera: cam(1), Actions: watchLive, Label: "door sign"})
	p, err := f.Authorize(t.Context(), f.alice, access.Manage, cam(1))
	must(t, err)
	grantees, err := f.Grantees(t.Context(), p)
	must(t, err)
	var told []string
	for _, s := range grantees {
		told = append(told, fmt.Sprintf("%s owner=%v link=%v %v %d", s.Name, s.Owner, s.IsLink(), s.Grant.Rights.Names(), len(s.Shares)))
	}
	want := "alice owner=true link=false [live playback export audio share manage] 0\ncarol owner=false link=false [live] 1\ndoor sign owner=false link=true [live] 1"
	if got := strings.Join(told, "\n"); got != want {
		t.Errorf("told\n%s\nwant\n%s", got, want)
	}
	q, err := f.Authorize(t.Context(), f.carol, access.Live, cam(1))
	must(t, err)
	if _, err := f.Grantees(t.Context(), q); err != access.ErrDenied {
		t.Errorf("with a permit to watch: %v", err)
	}
	f.clock.advance(PermitTTL)
	if _, err := f.Grantees(t.Context(), p); err != access.ErrDenied {
		t.Errorf("with a permit that has expired: %v", err)
	}
}
