package accounts

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC)

func TestFailuresOfOneAddressWaitLongerAndNeverBeyondAMinute(t *testing.T) {
	th := newThrottle()
	now := start
	for i := range pairTries {
		if wait := th.admit("alice", home, now); wait != 0 {
			t.Fatalf("attempt %d has to wait %s", i, wait)
		}
	}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		wait := th.admit("alice", home, now)
		if wait != want*time.Second {
			t.Fatalf("wait %d is %s, want %ds", i, wait, want)
		}
		if early := th.admit("alice", home, now.Add(wait-1)); early == 0 {
			t.Fatalf("wait %d ended early", i)
		}
		now = now.Add(wait)
		if again := th.admit("alice", home, now); again != 0 {
			t.Fatalf("wait %d did not end: %s", i, again)
		}
	}
	if wait := th.admit("alice", home, now.Add(memory+2*time.Minute)); wait != 0 {
		t.Errorf("failures were not forgotten: %s", wait)
	}
}

func TestARightPasswordClearsTheFailuresOfItsAddress(t *testing.T) {
	th := newThrottle()
	for range 100 * pairTries {
		for range pairTries - 1 {
			if wait := th.admit("alice", home, start); wait != 0 {
				t.Fatal(wait)
			}
			th.addresses.takeBack(netip.MustParseAddr(home), start) // that limit is not the subject
		}
		if wait := th.admit("alice", home, start); wait != 0 {
			t.Fatal(wait)
		}
		th.succeeded("alice", home, start)
	}
}

func TestOneAddressCannotTryAllAccounts(t *testing.T) {
	th := newThrottle()
	admitted := 0
	for i := range 1000 {
		if th.admit(fmt.Sprintf("user%d", i), home, start) == 0 {
			admitted++
		}
	}
	if admitted != addressTries {
		t.Errorf("%d attempts at once, want %d", admitted, addressTries)
	}
}

func TestAddressesThatOneMachineCanMakeUpAreOne(t *testing.T) {
	same := []string{"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "[2001:db8:1:2::7]:443", "2001:db8:1:2::1%eth0"}
	for _, a := range same {
		if pairOf("alice", a) != pairOf("alice", same[0]) {
			t.Errorf("%s is another one", a)
		}
	}
	if pairOf("alice", "::ffff:192.168.1.5") != pairOf("alice", "192.168.1.5:80") {
		t.Error("an IPv4 address has two keys")
	}
	if pairOf("alice", "2001:db8:1:3::1") == pairOf("alice", same[0]) || pairOf("alice", "10.0.0.1") == pairOf("alice", "10.0.0.2") {
		t.Error("two addresses have one key")
	}
	if pairOf("alice", "nonsense") != pairOf("alice", "") || pairOf("x y", home) != pairOf("{}", home) {
		t.Error("what cannot exist has several keys")
	}
}

// TestNobodyCanLockTheOwnerOut attacks one account from thousands of addresses and lets the owner log in from a new address,
// and from one that was used before.
func TestNobodyCanLockTheOwnerOut(t *testing.T) {
	th := newThrottle()
	now := start
	if th.admit("alice", home, now) != 0 {
		t.Fatal("first login refused")
	}
	th.succeeded("alice", home, now)
	for i := range 5000 {
		now = now.Add(time.Millisecond)
		th.admit("alice", fmt.Sprintf("10.%d.%d.%d", i%7, i/7%250, i%250), now)
	}
	if wait := th.admit("alice", "192.168.1.77", now); wait != 0 {
		t.Errorf("a new address has to wait %s for its first try", wait)
	}
	if wait := th.admit("alice", "192.168.1.77", now); wait == 0 || wait > time.Second {
		t.Errorf("its second try while the account is under attack waits %s, want up to a second", wait)
	}
	for i := range pairTries { // mistyping at home
		if wait := th.admit("alice", home, now); wait != 0 {
			t.Errorf("try %d from home has to wait %s", i, wait)
		}
	}
}

// TestNeighboursOfOneAddressDoNotHoldEachOtherUp has somebody guess names from the address that everybody has, as behind a
// proxy that is not declared.
func TestNeighboursOfOneAddressDoNotHoldEachOtherUp(t *testing.T) {
	th := newThrottle()
	now := start
	th.admit("alice", home, now)
	th.succeeded("alice", home, now)
	for i := range 1000 {
		now = now.Add(time.Second)
		th.admit(fmt.Sprintf("user%d", i), home, now)
	}
	if wait := th.admit("alice", home, now); wait != 0 {
		t.Errorf("alice, who logged in from there, has to wait %s", wait)
	}
	if th.admit("carol", home, now) == 0 {
		t.Error("somebody who did not may guess on")
	}
}

func TestTheThrottleForgetsTheOldestWhenItIsFull(t *testing.T) {
	tl := tally[int]{}
	for i := range 10 * maxTracked {
		tl.add(i, start.Add(time.Duration(i)*time.Millisecond))
		if len(tl) > maxTracked {
			t.Fatalf("%d keys", len(tl))
		}
	}
	newest := 10*maxTracked - 1
	if tl[newest].failures != 1 || tl[newest-maxTracked/2].failures != 1 || tl[0].failures != 0 {
		t.Error("not the oldest were forgotten")
	}
}

func TestAClockThatStepsBackLocksNobodyOut(t *testing.T) {
	th := newThrottle()
	for range pairTries + 1 {
		th.admit("alice", home, start)
	}
	if wait := th.admit("alice", home, start.Add(-24*time.Hour)); wait > longestWait {
		t.Errorf("wait %s", wait)
	}
}

func TestGuessesAtTheSameTimeShareOneBudget(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	var bad, throttled atomic.Int32
	var running sync.WaitGroup
	for range 200 {
		running.Go(func() {
			_, err := b.Login(t.Context(), Attempt{Username: "alice", Password: "wrong password", Address: home})
			if _, ok := errors.AsType[*ThrottledError](err); ok {
				throttled.Add(1)
			} else if errors.Is(err, ErrBadLogin) {
				bad.Add(1)
			}
		})
	}
	running.Wait()
	if bad.Load() > pairTries || bad.Load()+throttled.Load() != 200 {
		t.Errorf("%d of 200 were checked, %d throttled; want at most %d checked", bad.Load(), throttled.Load(), pairTries)
	}
	if _, err := b.Login(t.Context(), Attempt{Username: "alice", Password: goodPassword, Address: home}); err == nil {
		t.Error("the right password came through during the wait")
	}
	b.clock.advance(longestWait)
	b.session(t, "alice")
}
