package accounts

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/sqlite/sqlitetest"
)

// cheap is an argon2id cost for tests that are not about cost.
var cheap = HashCost{MemoryKiB: 8, Passes: 1, Lanes: 1}

const (
	goodPassword = "correct horse battery"
	home         = "192.168.1.50"
)

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

type bench struct {
	*Directory
	clock *clock
	log   *lockedBuffer
	path  string
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

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{
		clock: &clock{t: time.Date(2026, 11, 22, 13, 5, 20, 0, time.UTC)},
		log:   &lockedBuffer{},
		path:  filepath.Join(t.TempDir(), "accounts.db"),
	}
	b.Directory = b.again(t)
	return b
}

// again opens the same database another time, as another process would.
func (b *bench) again(t testing.TB) *Directory {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(b.log, nil))
	d, err := Open(context.Background(), Options{Path: b.path, Now: b.clock.now, Logger: logger, Hash: cheap,
		Anchor: filepath.Join(filepath.Dir(b.path), "record.anchor")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) user(t testing.TB, name string, admin bool) {
	t.Helper()
	must(t, b.AddUser(context.Background(), name, goodPassword, admin))
}

func (b *bench) session(t testing.TB, name string) (secret string, v access.Viewer) {
	t.Helper()
	secret, err := b.Login(context.Background(), Attempt{Username: name, Password: goodPassword, Address: home})
	must(t, err)
	v, err = b.BySession(context.Background(), secret)
	must(t, err)
	return secret, v
}

func (b *bench) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	must(t, b.db.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}))
}

func cam(n byte) access.Camera { return access.Camera{0: n, 15: 1} }

func TestOpeningNamesWhatIsWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "accounts.db")
	if _, err := Open(t.Context(), Options{Path: path}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("missing folder: %v", err)
	}
}

func TestClosingTwiceIsHarmless(t *testing.T) {
	b := newBench(t)
	must(t, errors.Join(b.Close(), b.Close()))
}

// TestNoSecretIsInTheDatabase looks for every secret in the bytes of the files and of the log.
func TestNoSecretIsInTheDatabase(t *testing.T) {
	b := newBench(t)
	code, _, err := b.SetupCode(t.Context())
	must(t, err)
	must(t, b.Setup(t.Context(), code, "alice", goodPassword))
	session, _ := b.session(t, "alice")
	token, err := b.NewToken(t.Context(), "alice", EveryToken("home assistant"))
	must(t, err)
	if _, err := b.Login(t.Context(), Attempt{Username: "alice", Password: "another secret word", Address: home}); !errors.Is(err, ErrBadLogin) {
		t.Fatal(err)
	}
	must(t, b.Close())
	secrets := []string{code, strings.ReplaceAll(code, "-", ""), goodPassword, "another secret word", session, token,
		strings.TrimPrefix(session, sessionPrefix), strings.TrimPrefix(token, tokenPrefix)}
	names, err := filepath.Glob(b.path + "*")
	must(t, err)
	if len(names) == 0 {
		t.Fatal("no database file")
	}
	for _, name := range names {
		content, err := os.ReadFile(name) // closed before
		must(t, err)
		if !bytes.Contains(content, []byte("$argon2id$v=19$")) {
			t.Errorf("%s holds no password hash: the test looks in the wrong place", name)
		}
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) || strings.Contains(b.log.String(), secret) {
				t.Errorf("%s or the log holds %q", name, secret)
			}
		}
	}
}

func TestTheRightsQueryStaysOnItsIndexes(t *testing.T) {
	b := newBench(t)
	c := cam(1)
	plan := sqlitetest.Plan(t, b.db, rightsOnCamera, 1, 1, 1, 1, c[:])
	for line := range strings.Lines(plan) { // s, t, a, l, p, c: sessions and shares, tokens, accounts, links, shares passed on, cameras of tokens
		if slices.Contains([]string{"SCAN s", "SCAN t", "SCAN a", "SCAN l", "SCAN p", "SCAN c"}, strings.TrimSpace(line)) {
			t.Errorf("the query reads a whole table:\n%s", plan)
		}
	}
	if !strings.Contains(plan, "SEARCH o USING PRIMARY KEY (camera=?)") {
		t.Errorf("owners are not found by camera:\n%s", plan)
	}
}

func TestADatabaseThatFailsGivesNoPermit(t *testing.T) {
	failures := map[string]func(*bench, context.CancelFunc){
		"cancelled request": func(_ *bench, cancel context.CancelFunc) { cancel() },
		"broken schema":     func(b *bench, _ context.CancelFunc) { b.exec(t, "DROP TABLE ownership") },
		"closed":            func(b *bench, _ context.CancelFunc) { must(t, b.Close()) },
	}
	for name, fail := range failures {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.user(t, "alice", true)
			must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1)}}))
			_, v := b.session(t, "alice")
			if _, err := b.Authorize(t.Context(), v, access.Live, cam(1)); err != nil {
				t.Fatal("before: ", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			fail(b, cancel)
			p, err := b.Authorize(ctx, v, access.Live, cam(1))
			if err != access.ErrDenied || p != (access.Permit{}) {
				t.Errorf("got %v, %v", p, err)
			}
			if rights, err := b.Rights(ctx, v); err == nil || rights != nil {
				t.Errorf("rights %v, %v", rights, err)
			}
			wantLog := name != "cancelled request"
			if logged := strings.Contains(b.log.String(), "rights cannot be read"); logged != wantLog {
				t.Errorf("logged: %v, want %v: %s", logged, wantLog, b.log)
			}
		})
	}
}

func TestAKeyOfOddLengthGivesNoRightsAtAll(t *testing.T) {
	b := newBench(t)
	b.user(t, "alice", true)
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1)}}))
	_, v := b.session(t, "alice")
	b.exec(t, "PRAGMA ignore_check_constraints = ON")
	b.exec(t, "INSERT INTO ownership VALUES (x'00', '')")
	if rights, err := b.Rights(t.Context(), v); err == nil || rights != nil {
		t.Errorf("rights %v, %v", rights, err)
	}
}

func TestRepeatedTroubleIsCountedNotRepeated(t *testing.T) {
	b := newBench(t)
	b.exec(t, "DROP TABLE ownership")
	v := access.Viewer{Kind: access.AccountView, AccountID: 1, GrantID: 1}
	for range 100 {
		if _, err := b.Authorize(t.Context(), v, access.Live, cam(1)); err != access.ErrDenied {
			t.Fatal(err)
		}
	}
	b.clock.advance(failureLogPeriod)
	_, _ = b.Authorize(t.Context(), v, access.Live, cam(1))
	if lines := strings.Count(b.log.String(), "\n"); lines != 2 || !strings.Contains(b.log.String(), "held_back=99") {
		t.Errorf("%d lines: %s", lines, b.log)
	}
}

func TestSeveralProcessesSeeEachOthersChangesAtOnce(t *testing.T) {
	b := newBench(t)
	other := b.again(t)
	must(t, other.AddUser(t.Context(), "alice", goodPassword, true))
	must(t, other.AddUser(t.Context(), "bob", goodPassword, false))
	must(t, b.SetOwners(t.Context(), []Ownership{{Camera: cam(1), Owners: []string{"bob"}}}))
	session, v := b.session(t, "bob")
	if _, err := b.Authorize(t.Context(), v, access.Live, cam(1)); err != nil {
		t.Fatal(err)
	}
	if _, needed, err := b.SetupCode(t.Context()); needed || err != nil {
		t.Errorf("set-up still needed: %v, %v", needed, err)
	}
	must(t, other.RemoveUser(t.Context(), "bob"))
	if _, err := b.Authorize(t.Context(), v, access.Live, cam(1)); err != access.ErrDenied {
		t.Errorf("after removal elsewhere: %v", err)
	}
	if _, err := b.BySession(t.Context(), session); !errors.Is(err, ErrNobody) {
		t.Errorf("session after removal elsewhere: %v", err)
	}
}
