package storage

import (
	"testing"
	"time"
)

// oldFootage is a store with three days of footage and a limit of two days, which ran until the end of that footage.
func oldFootage(t *testing.T) (k *kit, moment, end time.Time) {
	t.Helper()
	k = newKit(t, "front-door")
	for day := range 3 {
		k.record(k.ids["front-door"], film{start: epoch.AddDate(0, 0, day), seconds: 30})
	}
	k.limit(Retain{Age: 48 * time.Hour})
	moment, end = time.Now(), epoch.AddDate(0, 0, 2).Add(time.Minute)
	k.clock.set(end)
	k.lookAtClock(moment)
	return k, moment, end
}

// left is how many days of footage retention leaves.
func (k *kit) left() int {
	k.Helper()
	ok(k, k.retain(k.Context()))
	return len(k.timeline(k.ids["front-door"], epoch, epoch.AddDate(0, 0, 3)).Spans)
}

func TestAClockSetAheadByAYearDeletesNothingForADay(t *testing.T) {
	k, moment, end := oldFootage(t)
	if n := k.left(); n != 2 {
		t.Fatalf("%d days are left before the clock is set", n)
	}
	k.clock.set(end.AddDate(1, 0, 0))
	k.lookAtClock(moment)
	if n := k.left(); n != 2 {
		t.Errorf("%d days are left when the clock was set", n)
	}
	k.clock.set(end.Add(23 * time.Hour)) // and is set right again
	k.lookAtClock(moment.Add(23 * time.Hour))
	if n := k.left(); n != 2 || !k.ageNow().Equal(end.Add(23*time.Hour)) {
		t.Errorf("%d days are left; retention believes that it is %v", n, k.ageNow())
	}
	k.clock.set(end.AddDate(1, 0, 1))
	k.lookAtClock(moment.Add(24 * time.Hour))
	if n := k.left(); n != 1 { // the second has become old by any clock
		t.Errorf("%d days are left when the clock was set again", n)
	}
	k.clock.set(end.AddDate(1, 0, 2))
	k.lookAtClock(moment.Add(48 * time.Hour))
	if n := k.left(); n != 0 {
		t.Errorf("%d days are left when it stayed for a day", n)
	}
}

func TestATimeWithoutTheProgramDeletesNothingForADayEvenIfItIsRestarted(t *testing.T) {
	k, moment, end := oldFootage(t)
	ok(t, k.noteDown(t.Context()))
	for hours := range 3 {
		k.kill()
		k.clock.set(end.AddDate(0, 1, 0).Add(time.Duration(hours*10) * time.Hour))
		k.openAgain()
		if n := k.left(); n != 2 {
			t.Fatalf("%d days are left at start %d", n, hours+1)
		}
		k.lookAtClock(moment)
		k.clock.set(k.clock.Now().Add(9*time.Hour + 30*time.Minute))
		k.lookAtClock(moment.Add(9*time.Hour + 30*time.Minute))
		ok(t, k.noteDown(t.Context()))
	}
	if n := k.left(); n != 0 {
		t.Errorf("%d days are left after a day of running", n)
	}
}

func TestFootageOfAClockThatWasNeverSetIsKeptLikeOther(t *testing.T) {
	k := newKit(t, "front-door")
	k.clock.set(time.Unix(0, 0))
	if !k.now().Equal(Earliest()) {
		t.Fatalf("the store reads 1970 as %v", k.now())
	}
	k.record(k.ids["front-door"], film{start: Earliest(), seconds: 30})
	k.limit(Retain{Age: 48 * time.Hour})
	moment := time.Now()
	k.clock.set(Earliest().Add(time.Minute))
	k.lookAtClock(moment)
	k.clock.set(epoch)
	k.lookAtClock(moment.Add(time.Second))
	ok(t, k.retain(t.Context()))
	if tl := k.timeline(k.ids["front-door"], Earliest(), Earliest().Add(time.Minute)); len(tl.Spans) != 1 {
		t.Errorf("it was deleted at once: %+v", tl)
	}
}
