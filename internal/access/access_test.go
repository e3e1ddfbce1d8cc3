package access

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

var (
	now    = time.Date(2026, 11, 22, 13, 5, 20, 0, time.UTC)
	camera = Camera{1}
	alice  = Viewer{Kind: AccountView, AccountID: 1, GrantID: 2, Name: "alice"}
	all    = []Action{Live, Playback, Export, Audio, Share, Manage}
)

func TestActionsReadBackAsWritten(t *testing.T) {
	for _, a := range all {
		if got, err := ParseAction(a.String()); err != nil || got != a {
			t.Errorf("%s reads as %s, %v", a, got, err)
		}
	}
	for _, s := range []string{"", "Live", "live ", "invalid", "ptz"} {
		if a, err := ParseAction(s); err == nil || a != 0 {
			t.Errorf("%q reads as %s", s, a)
		}
	}
	if Action(0).String() != "invalid" || (Live|Export).String() != "invalid" || (Manage<<1).String() != "invalid" {
		t.Error("what is no action has a name")
	}
}

// TestNumbersOfActionsStay guards what stands in databases.
func TestNumbersOfActionsStay(t *testing.T) {
	for i, a := range all {
		if a != 1<<i {
			t.Errorf("%s is %d, want %d", a, a, 1<<i)
		}
	}
	if Owned != 63 {
		t.Errorf("owners hold %d", Owned)
	}
}

func TestASetHoldsItsActionsAndNoOther(t *testing.T) {
	for r := range Owned + 1 {
		var names []string
		for _, a := range all {
			want := r>>slices.Index(all, a)&1 == 1
			if r.Has(a) != want {
				t.Errorf("%06b has %s: %v", r, a, !want)
			}
			if want {
				names = append(names, a.String())
			}
		}
		if !slices.Equal(r.Names(), names) || r.Has(0) || r.Has(Manage<<1) {
			t.Errorf("%06b: names %v", r, r.Names())
		}
	}
}

func TestAPermitOpensOneActionOnOneCameraForItsTime(t *testing.T) {
	expires := now.Add(time.Second)
	for _, a := range all {
		p, err := Decide(alice, camera, Owned, a, expires)
		if err != nil {
			t.Fatal(err)
		}
		if p.Viewer() != alice || p.Camera() != camera || p.Action() != a || !p.Audio() || !p.Expires().Equal(expires) {
			t.Errorf("permit %+v", p)
		}
		for _, b := range all {
			if err := p.Check(now, b); (err == nil) != (a == b) {
				t.Errorf("a permit to %s allows to %s: %v", a, b, err)
			}
		}
		if p.Check(expires.Add(-1), a) != nil || p.Check(expires, a) == nil || p.Check(now) == nil {
			t.Errorf("%s: the time or the empty question is not minded", a)
		}
		if p.Check(now, all...) != nil {
			t.Errorf("%s is not among all", a)
		}
	}
}

func TestHearingIsARightOfItsOwn(t *testing.T) {
	p, err := Decide(alice, camera, Rights(Live|Playback), Live, now)
	if err != nil || p.Audio() {
		t.Errorf("hears without the right: %+v, %v", p, err)
	}
}

func TestNothingIsDecidedForNobodyOrNoCamera(t *testing.T) {
	for name, try := range map[string]func() (Permit, error){
		"nobody":       func() (Permit, error) { return Decide(Viewer{AccountID: 1, GrantID: 1}, camera, Owned, Live, now) },
		"no camera":    func() (Permit, error) { return Decide(alice, Camera{}, Owned, Live, now) },
		"no rights":    func() (Permit, error) { return Decide(alice, camera, 0, Live, now) },
		"no action":    func() (Permit, error) { return Decide(alice, camera, Owned, 0, now) },
		"other rights": func() (Permit, error) { return Decide(alice, camera, Owned&^Rights(Export), Export, now) },
		"some of two":  func() (Permit, error) { return Decide(alice, camera, Rights(Live), Live|Export, now) },
		"unknown":      func() (Permit, error) { return Decide(alice, camera, Owned, Manage<<1, now) },
	} {
		if p, err := try(); !errors.Is(err, ErrDenied) || p != (Permit{}) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestThePermitOfNobodyAllowsNothing(t *testing.T) {
	for _, a := range append(all, 0) {
		if err := (Permit{}).Check(time.Time{}, a); !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v", a, err)
		}
	}
}

// TestAPermitCannotBeForgedOutside holds the fields unexported: with one that is not, any package could make a permit.
func TestAPermitCannotBeForgedOutside(t *testing.T) {
	for field := range reflect.TypeFor[Permit]().Fields() {
		if field.IsExported() {
			t.Errorf("field %s can be set from outside", field.Name)
		}
	}
}

func TestDecideGrantsExactlyWhatIsHeld(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		held, a := Rights(r.IntN(int(Owned)+1)), all[r.IntN(len(all))]
		p, err := Decide(alice, camera, held, a, now.Add(1))
		want := slices.Contains(held.Names(), a.String())
		if (err == nil) != want || (p.Check(now, a) == nil) != want {
			t.Fatalf("%v, %s: %+v, %v", held.Names(), a, p, err)
		}
	}
}
