package web

import (
	"errors"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
)

// TestAPermitIsRenewedWhenDueAndNeverAfterARefusal covers what streams and live tiles both rely on.
func TestAPermitIsRenewedWhenDueAndNeverAfterARefusal(t *testing.T) {
	w := inhabited(t)
	alice, err := w.accounts.BySession(t.Context(), w.sessions["alice"])
	check(t, err)
	r := &renewal{gate: w.server.gate, viewer: alice, action: access.Live, camera: access.Camera(w.cameras["front"].ID)}
	first, err := r.fresh(t.Context())
	check(t, err)
	if again, err := r.fresh(t.Context()); err != nil || again != first {
		t.Errorf("a permit that is not due is renewed: %v", err)
	}
	if due := r.due(); time.Until(due) > renewEvery || !due.Before(first.Expires()) {
		t.Errorf("due %v, expires %v", due, first.Expires())
	}
	if renewed, err := r.renew(t.Context()); err != nil || !renewed.Expires().After(first.Expires()) {
		t.Errorf("renewed until %v after %v: %v", renewed.Expires(), first.Expires(), err)
	}
	w.own(map[string]string{"bob": "front"})
	if _, err := r.renew(t.Context()); !errors.Is(err, access.ErrDenied) {
		t.Errorf("a revoked right is renewed: %v", err)
	}
	w.own(map[string]string{"alice": "front"})
	if _, err := r.fresh(t.Context()); !errors.Is(err, access.ErrDenied) {
		t.Errorf("a stream goes on after it was refused: %v", err)
	}
}

func TestNothingIsRenewedOnceTheCanaryFoundALeak(t *testing.T) {
	w := inhabited(t)
	alice, err := w.accounts.BySession(t.Context(), w.sessions["alice"])
	check(t, err)
	g := *w.server.gate
	var leak error
	g.halted = func() error { return leak }
	r := &renewal{gate: &g, viewer: alice, action: access.Live, camera: access.Camera(w.cameras["front"].ID)}
	_, err = r.fresh(t.Context())
	check(t, err)
	leak = errHalted
	if _, err := r.fresh(t.Context()); !errors.Is(err, errHalted) {
		t.Errorf("a permit after a leak: %v", err)
	}
}
