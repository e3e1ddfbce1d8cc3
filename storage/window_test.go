package storage

import (
	"errors"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
)

// TestAPermitBoundToATimeOpensNothingOutsideOfIt requests spans around a permit's window in every way, down to the key frame that
// decoding the window's first frame would need.
func TestAPermitBoundToATimeOpensNothingOutsideOfIt(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 60})
	w := access.Window{From: epoch.Add(21 * time.Second), To: epoch.Add(33250 * time.Millisecond)}
	v := access.Viewer{Kind: access.LinkView, GrantID: 1}
	p, err := access.Decide(v, id, access.Grant{Rights: access.Watching, Window: w}, access.Playback, k.clock.Now().Add(time.Minute))
	ok(t, err)
	within := func(c *Clip, err error) {
		t.Helper()
		if errors.Is(err, ErrNoFootage) {
			return
		}
		ok(t, err)
		defer c.Close()
		if c.Start().Before(w.From) || c.End().After(w.To) || !c.Start().Before(c.End()) {
			t.Errorf("opened %v to %v, the window is %v to %v", c.Start(), c.End(), w.From, w.To)
		}
	}
	found := 0
	for from := -10; from < 65; from += 3 {
		span := Span{epoch.Add(time.Duration(from) * time.Second), epoch.Add(time.Duration(from+13) * time.Second)}
		c, err := k.OpenClip(t.Context(), p, media.Main, span)
		if err == nil {
			found++
		}
		within(c, err)
		within(k.OpenSegments(t.Context(), p, media.Main, span))
		within(k.OpenKeyFrame(t.Context(), p, media.Main, span.To))
		within(k.OpenKeyFrame(t.Context(), p, media.Main, w.From.Add(-1)))
	}
	if found < 4 {
		t.Errorf("the window opened %d times: the test looks elsewhere", found)
	}
	_, err = k.Timeline(t.Context(), p, media.Main, Span{w.From.Add(-time.Microsecond), w.To})
	wantErr(t, err, access.ErrDenied)
	_, err = k.Timeline(t.Context(), p, media.Main, Span{w.From, w.To})
	ok(t, err)
	days, err := k.Days(t.Context(), p, media.Main, time.UTC)
	ok(t, err)
	if len(days) != 1 {
		t.Errorf("days %v", days)
	}
}

func TestAClipIsNotRenewedForAnotherTime(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	k.record(id, film{start: epoch, seconds: 20})
	permit := func(w access.Window) access.Permit {
		p, err := access.Decide(viewer, id, access.Grant{Rights: access.Owned, Window: w}, access.Playback, k.clock.Now().Add(time.Minute))
		ok(t, err)
		return p
	}
	c, err := k.OpenClip(t.Context(), permit(access.Window{}), media.Main, Span{epoch, epoch.Add(10 * time.Second)})
	ok(t, err)
	defer c.Close()
	wantErr(t, c.Renew(permit(access.Window{From: epoch, To: epoch.Add(time.Second)})), access.ErrDenied)
	ok(t, c.Renew(permit(access.Window{})))
}
