package outbound

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxRows bounds the log; later addresses are counted in one row for each protocol.
	maxRows = 1024
	// maxRefusals bounds how many of them are refusals: cameras can name as many addresses as they like.
	maxRefusals = 64
	// maxAddress bounds the text of an address.
	maxAddress = 120
	// more stands for all addresses that have no row of their own.
	more = "(others)"
)

// Connection is a row of the connection log: all connections of one protocol to one address since the start.
type Connection struct {
	Camera   string // id in the configuration
	Protocol string // rtsp, rtsps, rtp (UDP), http, https, ws-discovery (UDP) or dns
	Address  string // host:port as configured; for dns the name, for refusals what was wanted
	Remote   string // ip:port that it stands for; empty for dns and refusals
	First    time.Time
	Last     time.Time // of the newest attempt or byte
	Count    uint64    // attempts that were made
	Failed   uint64    // of them
	Refused  uint64    // attempts that were not made, since the configuration does not name the address
	Open     int       // now
	Sent     uint64    // bytes
	Received uint64    // bytes
}

// connectionLog keeps rows for as long as the process lives.
type connectionLog struct {
	now func() time.Time

	mu       sync.Mutex
	rows     map[rowKey]*row
	refusals int
}

type rowKey struct{ camera, protocol, address, remote string }

// row is what is counted. It is never taken away, so that who holds one can count without a lock.
type row struct {
	key   rowKey
	first time.Time
	now   func() time.Time

	last                    atomic.Int64 // µs since 1970
	count, failed, refusals atomic.Uint64
	sent, received          atomic.Uint64
	open                    atomic.Int64
}

func newConnectionLog(now func() time.Time) *connectionLog {
	return &connectionLog{now: now, rows: map[rowKey]*row{}}
}

// row returns the row of an address, which it makes if need be.
func (l *connectionLog) row(camera, protocol, address, remote string) *row {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rowLocked(rowKey{camera, protocol, address, remote})
}

func (l *connectionLog) rowLocked(key rowKey) *row {
	if r := l.rows[key]; r != nil {
		return r
	}
	if len(l.rows) >= maxRows && key.address != more {
		return l.rowLocked(rowKey{"", key.protocol, more, ""})
	}
	r := &row{key: key, first: l.now(), now: l.now}
	r.last.Store(r.first.UnixMicro())
	l.rows[key] = r
	return r
}

// refused counts a refusal. Addresses that come from outside have few rows of their own.
func (l *connectionLog) refused(camera, protocol, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(address) > maxAddress {
		address = strings.ToValidUTF8(address[:maxAddress], "") + "…"
	}
	key := rowKey{camera, protocol, address, ""}
	if r := l.rows[key]; r == nil && l.refusals >= maxRefusals {
		key = rowKey{camera, protocol, more, ""}
	} else if r == nil {
		l.refusals++
	}
	r := l.rowLocked(key)
	r.refusals.Add(1)
	r.last.Store(l.now().UnixMicro())
}

// used counts an attempt.
func (r *row) used(err error) {
	r.count.Add(1)
	if err != nil {
		r.failed.Add(1)
	}
	r.last.Store(r.now().UnixMicro())
}

// carried counts bytes.
func (r *row) carried(sent, received int) {
	if sent+received == 0 {
		return
	}
	r.sent.Add(uint64(sent))
	r.received.Add(uint64(received))
	r.last.Store(r.now().UnixMicro())
}

func (l *connectionLog) snapshot() []Connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Connection, 0, len(l.rows))
	for _, r := range l.rows {
		all = append(all, Connection{
			Camera: r.key.camera, Protocol: r.key.protocol, Address: r.key.address, Remote: r.key.remote,
			First: r.first, Last: time.UnixMicro(r.last.Load()), Count: r.count.Load(), Failed: r.failed.Load(), Refused: r.refusals.Load(),
			Open: int(r.open.Load()), Sent: r.sent.Load(), Received: r.received.Load(),
		})
	}
	slices.SortFunc(all, func(a, b Connection) int {
		return cmp.Or(cmp.Compare(a.Camera, b.Camera), a.First.Compare(b.First), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Address, b.Address))
	})
	return all
}
