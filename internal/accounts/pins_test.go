package accounts

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/sqlite/sqlitetest"
)

func (b *bench) pin(camera byte, stream, evidence string) Pin {
	return Pin{Camera: cam(camera), Stream: stream, Address: "192.168.1.20:554", Evidence: evidence, Since: b.clock.now(), Changed: b.clock.now()}
}

func TestAPinIsKeptAndReplaced(t *testing.T) {
	b := newBench(t)
	first := b.pin(1, "main", `{"mac":"a"}`)
	must(t, b.SetPin(t.Context(), first, "first contact"))
	must(t, b.SetPin(t.Context(), b.pin(1, "sub", `{}`), "first contact"))
	b.clock.advance(1e9)
	second := b.pin(1, "main", `{"mac":"b"}`)
	must(t, b.SetPin(t.Context(), second, "MAC address"))
	pins, err := b.again(t).Pins(t.Context())
	must(t, err)
	second.Since = first.Since
	if len(pins) != 2 || pins[0] != second || pins[1].Stream != "sub" {
		t.Errorf("%+v", pins)
	}
	changes, err := b.PinChanges(t.Context(), cam(1))
	must(t, err)
	if len(changes) != 3 || changes[0].What != "MAC address" || !changes[0].At.Equal(second.Changed) {
		t.Errorf("%+v", changes)
	}
}

func TestAcceptingTakesWhatWasLookedAtAndNothingElse(t *testing.T) {
	b := newBench(t)
	must(t, b.SetPin(t.Context(), b.pin(1, "main", `{"mac":"a"}`), "first contact"))
	if err := b.AcceptClaims(t.Context(), cam(1), nil, "console"); !errors.Is(err, ErrNoClaim) {
		t.Errorf("without a claim: %v", err)
	}
	claim := Claim{Camera: cam(1), Stream: "main", Address: "192.168.1.21:554", Evidence: `{"mac":"b"}`, Differences: []string{"MAC address: was a, is b"}, Since: b.clock.now()}
	must(t, b.SetClaim(t.Context(), claim))
	later := claim
	later.Evidence = `{"mac":"c"}`
	must(t, b.SetClaim(t.Context(), later))
	if err := b.AcceptClaims(t.Context(), cam(1), []string{claim.ID()}, "alice"); !errors.Is(err, ErrClaimChanged) {
		t.Errorf("another claim than was looked at: %v", err)
	}
	sub := later
	sub.Stream = "sub"
	must(t, b.SetClaim(t.Context(), sub))
	if err := b.AcceptClaims(t.Context(), cam(1), []string{later.ID()}, "alice"); !errors.Is(err, ErrClaimChanged) {
		t.Errorf("one claim of two: %v", err)
	}
	if pins, err := b.Pins(t.Context()); err != nil || len(pins) != 1 || pins[0].Evidence != `{"mac":"a"}` {
		t.Errorf("a refused acceptance changed the pins: %+v, %v", pins, err)
	}
	must(t, b.AcceptClaims(t.Context(), cam(1), []string{later.ID(), sub.ID()}, "alice"))
	claims, err := b.Claims(t.Context())
	must(t, err)
	pins, err := b.Pins(t.Context())
	must(t, err)
	if len(claims) != 0 || len(pins) != 2 || pins[0].Evidence != later.Evidence || pins[0].Address != later.Address {
		t.Errorf("claims %+v, pins %+v", claims, pins)
	}
	changes, err := b.PinChanges(t.Context(), cam(1))
	must(t, err)
	if changes[0].By != "alice" || !strings.Contains(changes[0].What, "MAC address: was a, is b") {
		t.Errorf("%+v", changes[0])
	}
}

func TestACameraThatIsBackDropsItsClaim(t *testing.T) {
	b := newBench(t)
	must(t, b.SetClaim(t.Context(), Claim{Camera: cam(1), Stream: "main", Evidence: `{}`, Since: b.clock.now()}))
	must(t, b.SetClaim(t.Context(), Claim{Camera: cam(2), Stream: "main", Evidence: `{}`, Since: b.clock.now()}))
	must(t, b.DropClaim(t.Context(), cam(1), "main"))
	claims, err := b.Claims(t.Context())
	must(t, err)
	of, err := b.ClaimsOf(t.Context(), cam(2))
	must(t, err)
	if len(claims) != 1 || len(of) != 1 || claims[0].Camera != cam(2) || of[0].Camera != cam(2) {
		t.Errorf("%+v, %+v", claims, of)
	}
}

func TestTheRecordOfPinsStaysShort(t *testing.T) {
	b := newBench(t)
	must(t, b.SetPin(t.Context(), b.pin(2, "main", `{}`), "another camera's"))
	for i := range maxPinChanges + 5 {
		must(t, b.SetPin(t.Context(), b.pin(1, "main", `{}`), fmt.Sprint(i)))
	}
	changes, err := b.PinChanges(t.Context(), cam(1))
	must(t, err)
	if len(changes) != maxPinChanges || changes[0].What != fmt.Sprint(maxPinChanges+4) {
		t.Errorf("%d changes, the newest %+v", len(changes), changes[0])
	}
	others, err := b.PinChanges(t.Context(), cam(2))
	must(t, err)
	if len(others) != 1 {
		t.Errorf("the other camera's record: %+v", others)
	}
}

func TestClaimsAreFoundByCamera(t *testing.T) {
	b := newBench(t)
	c := cam(1)
	if plan := sqlitetest.Plan(t, b.db, claimsOfCamera, c[:]); !strings.Contains(plan, "SEARCH claims USING PRIMARY KEY (camera=?)") {
		t.Error(plan)
	}
}

func TestNamesOfCamerasAreThoseOfTheLastStart(t *testing.T) {
	b := newBench(t)
	must(t, b.SetCameraNames(t.Context(), map[access.Camera]string{cam(1): "door", cam(2): "yard"}))
	for n := range byte(2) {
		must(t, b.SetClaim(t.Context(), Claim{Camera: cam(n + 1), Stream: "main", Evidence: `{}`, Since: b.clock.now()}))
	}
	must(t, b.SetCameraNames(t.Context(), map[access.Camera]string{cam(3): "door", cam(2): "yard"}))
	names, err := b.again(t).CameraNames(t.Context())
	must(t, err)
	claims, err := b.Claims(t.Context())
	must(t, err)
	if len(names) != 2 || names[cam(3)] != "door" || names[cam(2)] != "yard" || len(claims) != 1 || claims[0].Camera != cam(2) {
		t.Errorf("names %v, claims %+v", names, claims)
	}
}
