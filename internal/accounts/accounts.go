// Package accounts keeps people: accounts, sessions, tokens, second factors, who owns which camera, and what owners share. It
// holds the one place that makes permits, Directory.Authorize.
//
// What it promises. A permit comes from one read of the accounts database, which joins the viewer's session, token or link with
// the account behind it and that account's rights on exactly that camera. Whatever was removed before the read gives nothing, and
// neither does a database that fails or is busy. Passwords are kept as argon2id hashes. Secrets of sessions and tokens are kept as
// SHA-256 hashes, and the set-up code only in memory. An administrator manages accounts and sees no camera. Guessing passwords is
// slowed down, without locking the owner out for long. A change of rights and its entry in the audit log are one transaction.
//
// It does not know HTTP, and it does not know footage. Fingerprints of cameras, live layouts and the audit log are kept in the same
// file by packages of their own.
//
// Read in this order:
//
//  1. accounts.go: the Directory, which assembles the concerns, and its errors.
//  2. core.go: how every concern reads and changes what belongs to somebody; secret.go: what sessions, tokens and links hold.
//  3. permits.go: rights and the only source of permits; grantees.go: the same read as lists.
//  4. people, owners, shares, tokens: what rights come from.
//  5. sessions, factors, passkeys, setup: how somebody proves who it is; canaries.go: the accounts of the self-check.
package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"keepwatch.internal/internal/accounts/schema"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/sqlite"
)

var (
	// ErrSetupDone is returned by Setup once there is an account.
	ErrSetupDone = errors.New("set-up is done: there is an account already")
	// ErrBadCode is returned by Setup for a wrong code.
	ErrBadCode = errors.New("wrong set-up code: it is printed on the console and in the log")
	// ErrBadLogin is returned by Login for an unknown name as for a wrong password.
	ErrBadLogin = errors.New("wrong name or password")
	// ErrNeedsCode is returned by Login when the password was right and the account has a second factor.
	ErrNeedsCode = errors.New("the code of the second factor is needed")
	// ErrBadFactor is returned for a wrong code of the second factor, and for one that was used before.
	ErrBadFactor = errors.New("this code is wrong or already used: wait for the next one")
	// ErrNotFresh is returned for what needs the password to have been given within the last minutes: see Confirm.
	ErrNotFresh = errors.New("enter your password again first")
	// ErrNobody is returned by BySession and ByToken for a secret that is malformed, unknown, expired or removed.
	ErrNobody = errors.New("not logged in")
	// ErrNoUser is returned for a name without an account.
	ErrNoUser = errors.New("no such account")
	// ErrLastAdmin is returned by RemoveUser for the only administrator.
	ErrLastAdmin = errors.New("the last administrator cannot be removed: create another one first")
)

// InvalidError says what is wrong with a name, a password or a label, in a sentence for people.
type InvalidError struct {
	Field    string // "username", "password" or "label"
	Sentence string
}

func (e *InvalidError) Error() string { return e.Sentence }

// ThrottledError is returned by Login and Setup when there were too many attempts.
type ThrottledError struct {
	RetryAfter time.Duration // at most a minute
}

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many attempts: try again in %s", max(e.RetryAfter.Round(time.Second), time.Second))
}

// Options says where the accounts are kept.
type Options struct {
	Path   string           // of accounts.db; its folder exists
	Now    func() time.Time // time.Now when nil
	Logger *slog.Logger     // silent when nil
	Hash   HashCost         // of new passwords

	// Key is the box's master key: the ends of the audit log are sealed, and the secrets of second factors encrypted, under
	// keys derived from it.
	Key [32]byte
	// Anchor is the file in which the newest entry of the audit log is noted, in another place than Path; "" for none.
	Anchor string
	// ReadOnly opens an existing database and runs no migration. Writing then fails.
	ReadOnly bool
}

// Directory is the open accounts database. It assembles the concerns; their methods are the directory's. Each concern is in the
// files that begin with its name. Methods may be called from several goroutines, and several processes may have the database
// open.
type Directory struct {
	*core
	*permits
	*grantees
	*sessions
	*factors
	*passkeys
	*tokens
	*shares
	*people
	*owners
	*setup
	*canaries
}

// Open opens or creates the accounts database.
func Open(ctx context.Context, o Options) (*Directory, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if info, err := os.Stat(o.Path); err == nil && info.Size() == 0 {
		return nil, fmt.Errorf("the accounts in %s are gone: the file is empty. Restore your backup of it, or delete it if there never was an account", o.Path)
	}
	open := schema.Open
	if o.ReadOnly {
		open = schema.OpenReader
	}
	db, err := open(ctx, o.Path)
	if sqlite.IsDamaged(err) || errors.Is(err, sqlite.ErrForeign) {
		return nil, fmt.Errorf("the accounts in %s are damaged or not Keepwatch's: restore your backup of that file, without any -wal or -shm "+
			"file beside it. Keepwatch creates no new one, since its first account would own every camera: %w", o.Path, err)
	}
	if err != nil {
		return nil, err
	}
	c := &core{db: db, now: o.Now, log: o.Logger}
	c.audit = audit.New(audit.Options{DB: db, Key: o.Key, Anchor: o.Anchor, Now: o.Now, Logger: o.Logger, Session: c.requireSession,
		Trouble: func(message string, err error) { c.failures.report(c.log, message, err, c.now()) }})
	rights, err := newPermits(ctx, c)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open accounts: %w", err), db.Close())
	}
	h, logins := newHasher(o.Hash), newThrottle()
	second := &factors{core: c, key: deriveKey(o.Key, "factors")}
	all := &grantees{core: c}
	made := &people{core: c, hasher: h, grantees: all}
	return &Directory{
		core:     c,
		permits:  rights,
		grantees: all,
		sessions: &sessions{core: c, hasher: h, logins: logins, factors: second},
		factors:  second,
		passkeys: &passkeys{core: c, logins: logins, ceremonies: newCeremonies()},
		tokens:   &tokens{core: c},
		shares:   &shares{core: c, permits: rights},
		people:   made,
		owners:   &owners{core: c},
		setup:    &setup{core: c, hasher: h, code: newSetupCode(rand.Text())},
		canaries: &canaries{core: c},
	}, nil
}

// Audit returns the log of who watched what and who changed whose rights, which is kept in the same database.
func (d *Directory) Audit() *audit.Log { return d.audit }

// DB returns the database, for packages that keep tables of package schema. It is closed by Close.
func (d *Directory) DB() *sqlite.DB { return d.db }

// Close closes the database. Closing twice is harmless.
func (d *Directory) Close() error {
	return errors.Join(d.permits.close(), d.db.Close())
}
