package accounts

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"keepwatch.internal/internal/access"
)

const (
	pairTries    = 5  // failures of one address at one account before it has to wait
	hotPairTries = 1  // the same while the account is under attack from many addresses
	addressTries = 20 // failures of one address at all accounts
	codeTries    = 20 // codes of the second factor that an account is asked, from addresses that it does not know
	hotFailures  = 50 // failures at one account, from all addresses, that make it hot

	firstWait   = time.Second
	longestWait = time.Minute
	memory      = time.Hour // a failure is forgotten after so long without another

	maxTracked = 8192 // per table; the one without failure for longest is forgotten first
)

// throttle slows down the guessing of passwords. Per account and address, and per address over all accounts, waits double up to a
// minute. Failures from other addresses make an address wait sooner. They never refuse its first try, and do not count against an
// address from which the account logged in recently, so nobody can lock the owner out. The throttle is in memory and bounded, and
// treats names without an account like accounts.
type throttle struct {
	mu        sync.Mutex
	pairs     tally[pair]
	addresses tally[netip.Addr]
	accounts  tally[string]
	codes     tally[string]
}

type pair struct {
	name    string
	address netip.Addr
}

func newThrottle() *throttle {
	return &throttle{pairs: tally[pair]{}, addresses: tally[netip.Addr]{}, accounts: tally[string]{}, codes: tally[string]{}}
}

// admit counts an attempt and returns zero, or returns how long to wait and does not count it. Attempts are counted before their
// outcome is known, so that many at the same time cannot pass on one free try.
func (t *throttle) admit(name, address string, now time.Time) time.Duration {
	p := pairOf(name, address)
	t.mu.Lock()
	defer t.mu.Unlock()
	known := t.pairs.get(p, now)
	wait := known.wait(pairTries, now)
	if !known.trusted {
		tries := pairTries
		if t.accounts.get(p.name, now).failures >= hotFailures {
			tries = hotPairTries
		}
		wait = max(known.wait(tries, now), t.addresses.get(p.address, now).wait(addressTries, now))
	}
	if wait > 0 {
		return wait
	}
	t.pairs.add(p, now)
	t.addresses.add(p.address, now)
	t.accounts.add(p.name, now)
	return 0
}

// succeeded takes back the count of a successful attempt, and forgets the failures of that address at that account.
func (t *throttle) succeeded(name, address string, now time.Time) {
	p := pairOf(name, address)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pairs.put(p, count{last: now, trusted: true}, now)
	t.addresses.takeBack(p.address, now)
	t.accounts.takeBack(p.name, now)
	t.codes.takeBack(p.name, now)
}

// admitCode counts a code of six digits for an account whose password was right, as admit counts attempts. The limit
// is per account, for all addresses together: a million codes are few. It does not hold up recovery codes, or an address from
// which the account logged in recently, so that somebody who knows the password cannot keep the owner out.
func (t *throttle) admitCode(name, address string, now time.Time) time.Duration {
	p := pairOf(name, address)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pairs.get(p, now).trusted {
		return 0
	}
	if wait := t.codes.get(p.name, now).wait(codeTries, now); wait > 0 {
		return wait
	}
	t.codes.add(p.name, now)
	return 0
}

// takeBack takes back the count of an attempt whose password was right.
func (t *throttle) takeBack(name, address string, now time.Time) {
	p := pairOf(name, address)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pairs.takeBack(p, now)
	t.addresses.takeBack(p.address, now)
	t.accounts.takeBack(p.name, now)
}

// pairOf makes the key for an attempt: names that cannot exist count as one, and so does what is no address.
func pairOf(name, address string) pair {
	if checkName(name) != nil {
		name = ""
	}
	return pair{name: name, address: access.CallerAddress(address)}
}

// count is the failures of one key.
type count struct {
	failures int
	last     time.Time
	trusted  bool // its last attempt was right
}

// wait returns how long to wait after so many free tries: a second after the first beyond them, then twice as long each.
func (c count) wait(tries int, now time.Time) time.Duration {
	if c.failures < tries {
		return 0
	}
	wait := longestWait
	if over := c.failures - tries; over < 6 {
		wait = min(firstWait<<over, longestWait)
	}
	return min(max(c.last.Add(wait).Sub(now), 0), longestWait) // the clock may have stepped back
}

// tally remembers counts for a while.
type tally[K comparable] map[K]count

func (t tally[K]) get(k K, now time.Time) count {
	c := t[k]
	if now.Sub(c.last) > memory {
		return count{trusted: c.trusted}
	}
	return c
}

func (t tally[K]) add(k K, now time.Time) {
	c := t.get(k, now)
	c.failures++
	c.last = now
	t.put(k, c, now)
}

func (t tally[K]) takeBack(k K, now time.Time) {
	c := t.get(k, now)
	c.failures = max(c.failures-1, 0)
	t.put(k, c, now)
}

func (t tally[K]) put(k K, c count, now time.Time) {
	if _, known := t[k]; !known && len(t) >= maxTracked {
		t.forget(now)
	}
	t[k] = c
}

// forget drops expired counts or, when there are none, the eighth that had no failure for longest.
func (t tally[K]) forget(now time.Time) {
	oldest := make([]time.Time, 0, len(t))
	for k, c := range t {
		if now.Sub(c.last) > memory {
			delete(t, k)
			continue
		}
		oldest = append(oldest, c.last)
	}
	if len(t) < maxTracked {
		return
	}
	slices.SortFunc(oldest, time.Time.Compare)
	limit := oldest[len(oldest)/8]
	for k, c := range t {
		if !c.last.After(limit) {
			delete(t, k)
		}
	}
}
