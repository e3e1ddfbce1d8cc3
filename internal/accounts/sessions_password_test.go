package accounts

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestHashesOpenForTheirPasswordAlone(t *testing.T) {
	h := newHasher(cheap)
	one, err := h.hash(t.Context(), goodPassword)
	must(t, err)
	two, err := h.hash(t.Context(), goodPassword)
	must(t, err)
	if one == two {
		t.Error("two hashes of one password are the same: no salt")
	}
	for password, want := range map[string]bool{goodPassword: true, goodPassword + " ": false, "": false, strings.ToUpper(goodPassword): false} {
		if ok, _, err := h.matches(t.Context(), one, password); err != nil || ok != want {
			t.Errorf("%q: %v, %v", password, ok, err)
		}
	}
	if ok, _, err := h.matches(t.Context(), h.decoy, ""); err != nil || ok {
		t.Errorf("the decoy matched: %v, %v", ok, err)
	}
}

// TestHashesAreArgon2idAsOthersMakeIt checks against a vector of the reference implementation.
func TestHashesAreArgon2idAsOthersMakeIt(t *testing.T) {
	const vector = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := newHasher(HashCost{})
	if ok, outdated, err := h.matches(t.Context(), vector, "password"); !ok || !outdated || err != nil {
		t.Errorf("matches %v, outdated %v, %v", ok, outdated, err)
	}
}

func TestTheDefaultCostIsWhatIsAdvised(t *testing.T) {
	h := newHasher(HashCost{})
	if h.cost.MemoryKiB < 19<<10 || h.cost.Passes < 2 || h.cost.Lanes < 1 {
		t.Errorf("cost %+v", h.cost)
	}
	if cost, _, _, err := parsePHC(h.decoy); err != nil || cost != h.cost {
		t.Errorf("unknown names cost %+v, known ones %+v, %v", cost, h.cost, err)
	}
}

func TestDamagedHashesMatchNothing(t *testing.T) {
	h := newHasher(cheap)
	good, err := h.hash(t.Context(), goodPassword)
	must(t, err)
	for _, stored := range []string{"", "x", goodPassword, good[1:], good + "$", good[:len(good)-1], strings.Replace(good, "m=8", "m=7", 1),
		strings.Replace(good, "m=8", "m=4000000", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1),
		strings.Replace(good, "p=1", "p=01", 1), strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1)} {
		if ok, _, err := h.matches(t.Context(), stored, goodPassword); ok || !errors.Is(err, errHashFormat) {
			t.Errorf("%q: %v, %v", stored, ok, err)
		}
	}
}

func FuzzPHCStringsReadBackAsWritten(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		cost, salt, key, err := parsePHC(s)
		if err == nil && phc(cost, salt, key) != s {
			t.Errorf("%q reads as %q", s, phc(cost, salt, key))
		}
	})
}

func TestHashingIsBounded(t *testing.T) {
	h := newHasher(cheap)
	for range parallelHashes { // all slots taken
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	results := make(chan error, waitingHashes+5)
	for range waitingHashes + 5 {
		running.Go(func() {
			_, err := h.hash(ctx, goodPassword)
			results <- err
		})
	}
	for range 5 { // those for whom there is no room are told at once
		err := <-results
		if _, ok := errors.AsType[*ThrottledError](err); !ok {
			t.Errorf("got %v", err)
		}
	}
	cancel()
	running.Wait()
	for range waitingHashes {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	for range parallelHashes {
		<-h.slots
	}
	if _, err := h.hash(t.Context(), goodPassword); err != nil || len(h.waiting) != 0 {
		t.Errorf("afterwards: %v, %d waiting", err, len(h.waiting))
	}
}
