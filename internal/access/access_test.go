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
	owned  = Grant{Rights: Owned}
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

// TestNumbersOfActionsStay protects the numbers in existing databases.
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
		p, err := Decide(alice, camera, owned, a, expires)
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
	p, err := Decide(alice, camera, Grant{Rights: Rights(Live | Playback)}, Live, now)
	if err != nil || p.Audio() {
		t.Errorf("hears without the right: %+v, %v", p, err)
	}
}

func TestNothingIsDecidedForNobodyOrNoCamera(t *testing.T) {
	for name, try := range map[string]func() (Permit, error){
		"nobody":    func() (Permit, error) { return Decide(Viewer{AccountID: 1, GrantID: 1}, camera, owned, Live, now) },
		"no camera": func() (Permit, error) { return Decide(alice, Camera{}, owned, Live, now) },
		"no rights": func() (Permit, error) { return Decide(alice, camera, Grant{}, Live, now) },
		"no action": func() (Permit, error) { return Decide(alice, camera, owned, 0, now) },
		"other rights": func() (Permit, error) {
			return Decide(alice, camera, Grant{Rights: Owned &^ Rights(Export)}, Export, now)
		},
		"some of two": func() (Permit, error) { return Decide(alice, camera, Grant{Rights: Rights(Live)}, Live|Export, now) },
		"unknown":     func() (Permit, error) { return Decide(alice, camera, owned, Manage<<1, now) },
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

// TestAPermitCannotBeForgedOutside checks that all fields are unexported. Otherwise any package could make a permit.
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
		p, err := Decide(alice, camera, Grant{Rights: held}, a, now.Add(1))
		want := slices.Contains(held.Names(), a.String())
		if (err == nil) != want || (p.Check(now, a) == nil) != want {
			t.Fatalf("%v, %s: %+v, %v", held.Names(), a, p, err)
		}
	}
}

func TestAGrantBoundToATimeOpensThatTimeAndNothingNow(t *testing.T) {
	w := Window{From: now.Add(-time.Hour), To: now}
	for _, a := range all {
		p, err := Decide(alice, camera, Grant{Owned, w}, a, now.Add(1))
		recorded := a == Playback || a == Export || a == Audio
		if (err == nil) != recorded || recorded && p.Window() != w {
			t.Errorf("%s: window %v, %v", a, p.Window(), err)
		}
	}
	for _, x := range []struct {
		from, to time.Duration
		in       bool
	}{{-60, 0, true}, {-30, -20, true}, {-61, 0, false}, {-60, 1, false}, {-61, 1, false}, {-30, -30, false}, {-20, -30, false}, {-90, -70, false}, {0, 1, false}} {
		from, to := now.Add(x.from*time.Minute), now.Add(x.to*time.Minute)
		if w.Covers(from, to) != x.in || (Window{}).Covers(from, to) != from.Before(to) {
			t.Errorf("%d to %d minutes: covered %v", x.from, x.to, !x.in)
		}
	}
	if !w.Holds(w.From) || w.Holds(w.To) || w.Holds(w.From.Add(-1)) || !(Window{}).Holds(w.To) {
		t.Error("the window's ends are not [From, To)")
	}
	if (Window{From: now}).Open() || (Window{To: now}).Open() || (Window{From: now}).Covers(now, now.Add(1)) {
		t.Error("a window with one end is not closed to all")
	}
}
