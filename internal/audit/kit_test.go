package audit

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts/schema"
	"keepwatch.internal/internal/sqlite"
)

const home = "192.168.1.50"

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// cinema is a log of two cameras, which alice owns and bob may watch. Both hold sessions.
type cinema struct {
	*Log
	*ViewLog
	db               *sqlite.DB
	clock            *clock
	logged           *lockedBuffer
	path, anchorPath string
	alice, bob       access.Viewer
}

// changes is how many changes of rights a new cinema has on record.
const changes = 8

func newCinema(t testing.TB) *cinema {
	t.Helper()
	c := &cinema{clock: &clock{t: time.Date(2026, 11, 22, 13, 5, 20, 0, time.UTC)}, logged: &lockedBuffer{},
		path: filepath.Join(t.TempDir(), "accounts.db"), alice: account(1, "alice"), bob: account(2, "bob")}
	c.open(t)
	for range changes {
		c.change(t)
	}
	return c
}

func account(id int64, name string) access.Viewer {
	return access.Viewer{Kind: access.AccountView, AccountID: id, GrantID: id, Name: name}
}

// open opens the database at c.path, as a new process would.
func (c *cinema) open(t testing.TB) {
	t.Helper()
	db, err := schema.Open(context.Background(), c.path)
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	logger := slog.New(slog.NewTextHandler(c.logged, nil))
	c.db, c.anchorPath = db, filepath.Join(filepath.Dir(c.path), "record.anchor")
	c.Log = New(Options{DB: db, Anchor: c.anchorPath, Now: c.clock.now, Logger: logger,
		Trouble: func(message string, err error) { logger.Error(message, "err", err) },
		Session: func(_ context.Context, v access.Viewer) error {
			if v.Kind != access.AccountView {
				return access.ErrDenied
			}
			return nil
		}})
	c.ViewLog = NewViewLog(c.Log, 0)
}

// change puts a change of rights on record, as accounts does.
func (c *cinema) change(t testing.TB) {
	t.Helper()
	var head Head
	must(t, c.db.Write(context.Background(), func(tx *sql.Tx) (err error) {
		camera := cam(1)
		head, err = c.Enter(context.Background(), tx, Entry{By: c.alice, At: c.clock.now(), What: "share given", Detail: "bob: live", Subject: 2, Camera: &camera})
		return err
	}))
	c.Anchor(head)
}

func (c *cinema) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	must(t, c.db.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}))
}

func (c *cinema) permit(t testing.TB, v access.Viewer, a access.Action, camera byte) access.Permit {
	t.Helper()
	p, err := access.Decide(v, cam(camera), access.Grant{Rights: access.Owned}, a, c.clock.now().Add(time.Second))
	must(t, err)
	return p
}

// watch lets the viewer watch bytes of a recorded minute, at once.
func (c *cinema) watch(t testing.TB, v access.Viewer, camera byte, minute, bytes int) {
	t.Helper()
	from := c.clock.now().Truncate(24 * time.Hour).Add(time.Duration(minute) * time.Minute)
	w, err := c.Begin(c.permit(t, v, access.Playback, camera), Watch{Address: home, From: from, To: from.Add(time.Minute)})
	must(t, err)
	must(t, w.Wrote(bytes))
	w.End()
}

func (c *cinema) flushed(t testing.TB) {
	t.Helper()
	must(t, c.flush(t.Context(), false))
}

// seen returns the camera's views.
func (c *cinema) seen(t testing.TB, camera byte) []View {
	t.Helper()
	page, err := c.Views(t.Context(), c.permit(t, c.alice, access.Manage, camera), Query{Limit: maxPage})
	must(t, err)
	return page.List
}

func (c *cinema) intact(t testing.TB) Report {
	t.Helper()
	r, err := c.Verify(t.Context())
	must(t, err)
	if len(r.Problems) > 0 {
		t.Fatalf("the log is not intact: %q", r.Problems)
	}
	return r
}

func cam(n byte) access.Camera { return access.Camera{0: n, 15: 1} }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
