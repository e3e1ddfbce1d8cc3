package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
)

const (
	maxShares = 200 // of one granter on one camera
	maxSame   = 16  // of them, those that count for the same account: each multiplies with what it passes on
	maxWindow = 31 * 24 * time.Hour

	shareable = access.Rights(access.Live | access.Playback | access.Export | access.Audio | access.Share)
	linkable  = shareable &^ access.Rights(access.Share)
)

// shares keeps what owners share with other accounts and through links.
type shares struct {
	*core
	permits *permits
}

// ShareSpec says what is shared with whom.
type ShareSpec struct {
	Camera  access.Camera
	Account string        // the grantee's name; "" for a link, which opens for whoever holds it
	Actions access.Rights // live, playback, export, audio; share for accounts alone. Manage is the owner's
	Until   time.Time     // zero: until it is revoked
	Window  access.Window // recorded time that a link opens; without live then. Open: all of time
	Label   string        // for the granter, and on the link's page
}

func (s ShareSpec) check(now time.Time) error {
	if err := checkLabel(s.Label); err != nil {
		return err
	}
	invalid := func(field, sentence string) error { return &InvalidError{Field: field, Sentence: sentence} }
	most := shareable
	if s.Account == "" {
		most = linkable
	}
	w := s.Window
	switch {
	case s.Actions&^most != 0:
		return invalid("actions", "only "+strings.Join(most.Names(), ", ")+" can be shared like this")
	case s.Actions&access.Watching == 0:
		return invalid("actions", "a share needs something to see: one of "+strings.Join(access.Watching.Names(), ", "))
	case !s.Until.IsZero() && !s.Until.After(now):
		return invalid("until", "the share would have expired already")
	case !w.Open() && s.Account != "":
		return invalid("window", "only a link can be bound to a recorded time")
	case !w.Open() && s.Actions.Has(access.Live):
		return invalid("actions", "a link that is bound to a recorded time cannot show what happens now")
	case !w.Open() && (!w.Covers(w.From, w.To) || w.From.IsZero() || w.To.Sub(w.From) > maxWindow):
		return invalid("window", "the recorded time must begin before it ends, and be at most 31 days long")
	}
	return nil
}

// Share is a grant as it is listed.
type Share struct {
	ID int64
	ShareSpec
	AccountID int64  // 0 for a link
	By        string // who granted it
	ByID      int64
	Created   time.Time
}

// IsLink reports whether the share is a link.
func (s Share) IsLink() bool { return s.AccountID == 0 }

// NewShare grants actions that the viewer, an account or its token, may pass on. An owner may pass on everything but Manage. The
// holder of a share with the action Share may pass on the others that it holds. For a link it returns the secret, which is shown
// only now. It returns access.ErrDenied for what the viewer may not pass on, and *InvalidError for a grantee without an account.
func (ss *shares) NewShare(ctx context.Context, v access.Viewer, s ShareSpec) (id int64, link string, err error) {
	now := ss.now()
	if v.Kind != access.AccountView && v.Kind != access.TokenView {
		return 0, "", access.ErrDenied
	}
	if err := s.check(now); err != nil {
		return 0, "", err
	}
	var hash []byte
	if s.Account == "" {
		secret, h := newSecret(linkPrefix)
		link, hash = secret, h[:]
	}
	err = ss.amend(ctx, v, func(a *amendment) error {
		if err := mayPassOn(ctx, a, v, s); err != nil {
			return err
		}
		id, err = insertShare(ctx, a, v, shareRow{s, hash})
		return err
	})
	if err != nil {
		return 0, "", err
	}
	return id, link, nil
}

// mayPassOn reads what the viewer holds as Authorize does.
func mayPassOn(ctx context.Context, a *amendment, v access.Viewer, s ShareSpec) error {
	rows, err := a.QueryContext(ctx, rightsOnCamera, v.Kind, v.GrantID, v.AccountID, micros(a.now), s.Camera[:])
	held, err := readHoldings(rows, err)
	if err != nil {
		return err
	}
	var most access.Rights
	for _, h := range held {
		switch {
		case !h.grant.Rights.Has(access.Share):
		case h.share == 0: // the owner, or a token of it: no more than the token is for
			most |= h.grant.Rights & shareable
		default:
			most |= h.grant.Rights & linkable
		}
	}
	if s.Actions&^most != 0 {
		return access.ErrDenied
	}
	return nil
}

type shareRow struct {
	ShareSpec
	hash []byte // of a link
}

func insertShare(ctx context.Context, a *amendment, v access.Viewer, s shareRow) (id int64, err error) {
	const count = `SELECT count(*) FROM shares WHERE camera = ? AND granted_by = ?`
	var n int
	if err := a.QueryRowContext(ctx, count, s.Camera[:], v.AccountID).Scan(&n); err != nil {
		return 0, err
	}
	if n >= maxShares {
		return 0, &InvalidError{Field: "label", Sentence: fmt.Sprintf("this camera has %d shares already: revoke some first", n)}
	}
	var grantee sql.NullInt64
	to := "a link"
	if s.Account != "" {
		grantee.Int64, _, err = findAccount(ctx, a.Tx, s.Account)
		if errors.Is(err, ErrNoUser) {
			return 0, &InvalidError{Field: "account", Sentence: "there is no account with that name"}
		}
		if err != nil {
			return 0, err
		}
		if grantee.Int64 == v.AccountID {
			return 0, &InvalidError{Field: "account", Sentence: "you cannot share with yourself"}
		}
		grantee.Valid = true
		to = s.Account
		const same = `SELECT count(*) FROM shares WHERE camera = ? AND granted_by = ? AND account_id = ? AND (until_us IS NULL OR until_us > ?)`
		if err := a.QueryRowContext(ctx, same, s.Camera[:], v.AccountID, grantee.Int64, micros(a.now)).Scan(&n); err != nil {
			return 0, err
		}
		if n >= maxSame {
			return 0, &InvalidError{Field: "account", Sentence: fmt.Sprintf("there are %d shares of this camera with %s already: revoke some first", n, s.Account)}
		}
		if err := endLapsed(ctx, a, s.ShareSpec, grantee.Int64); err != nil {
			return 0, err
		}
	}
	var hash any
	if s.hash != nil {
		hash = s.hash
	}
	from, end := orNull(s.Window.From), orNull(s.Window.To)
	const insert = `INSERT INTO shares (camera, actions, granted_by, account_id, link_hash, label, created_us, until_us, from_us, to_us)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`
	err = a.QueryRowContext(ctx, insert, s.Camera[:], s.Actions, v.AccountID, grantee, hash, s.Label, micros(a.now),
		orNull(s.Until), from, end).Scan(&id)
	if err != nil {
		return 0, err
	}
	a.note("share given", describeShare(to, s.ShareSpec), grantee.Int64, &s.Camera)
	return id, nil
}

// lapsed removes what an account passed on of a camera and may no longer pass on: ?1 the camera, ?2 the account, ?3 now.
const lapsed = `DELETE FROM shares WHERE camera = ?1 AND granted_by = ?2
	AND NOT EXISTS (SELECT 1 FROM owners o WHERE o.camera = ?1 AND o.account_id = ?2)
	AND NOT EXISTS (SELECT 1 FROM shares p JOIN owners g ON g.camera = p.camera AND g.account_id = p.granted_by
		WHERE p.account_id = ?2 AND p.camera = ?1 AND p.actions & 16 AND (p.until_us IS NULL OR p.until_us > ?3))
	RETURNING ifnull(account_id, 0), label, actions`

// endLapsed ends for good what the grantee had passed on under an earlier share that is over. A new share therefore brings
// nobody back.
func endLapsed(ctx context.Context, a *amendment, s ShareSpec, grantee int64) error {
	if !s.Actions.Has(access.Share) {
		return nil
	}
	rows, err := a.QueryContext(ctx, lapsed, s.Camera[:], grantee, micros(a.now))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var old ShareSpec
		var to int64
		if err := rows.Scan(&to, &old.Label, &old.Actions); err != nil {
			return err
		}
		a.note("share revoked", describeShare("passed on by "+s.Account, old), to, &s.Camera)
	}
	return errors.Join(rows.Err(), rows.Close())
}

// describeShare describes a share for the audit log.
func describeShare(to string, s ShareSpec) string {
	text := to + ": " + strings.Join(s.Actions.Names(), ", ")
	if !s.Until.IsZero() {
		text += ", until " + s.Until.UTC().Format(time.RFC3339)
	}
	if !s.Window.Open() {
		text += ", of " + s.Window.From.UTC().Format(time.RFC3339) + " to " + s.Window.To.UTC().Format(time.RFC3339)
	}
	if s.Label != "" {
		text += fmt.Sprintf(", %q", s.Label)
	}
	return text
}

// sharesQuery lists shares with their names. ?1 the share, ?2 the camera, ?3 the granter, ?4 the grantee; NULL for any.
const sharesQuery = `SELECT s.id, s.camera, s.actions, ifnull(s.account_id, 0), ifnull(t.name, ''), s.granted_by, g.name, s.label,
	s.created_us, s.until_us, s.from_us, s.to_us
	FROM shares s JOIN accounts g ON g.id = s.granted_by LEFT JOIN accounts t ON t.id = s.account_id
	WHERE (?1 IS NULL OR s.id = ?1) AND (?2 IS NULL OR s.camera = ?2) AND (?3 IS NULL OR s.granted_by = ?3)
		AND (?4 IS NULL OR s.account_id = ?4) ORDER BY s.id`

// sharesFilter says which shares; nil for any.
type sharesFilter struct{ share, camera, granter, grantee any }

func listShares(ctx context.Context, tx *sql.Tx, f sharesFilter) ([]Share, error) {
	rows, err := tx.QueryContext(ctx, sharesQuery, f.share, f.camera, f.granter, f.grantee)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Share{}
	for rows.Next() {
		var s Share
		var camera []byte
		var created int64
		var until, from, to sql.NullInt64
		if err := rows.Scan(&s.ID, &camera, &s.Actions, &s.AccountID, &s.Account, &s.ByID, &s.By, &s.Label, &created, &until, &from, &to); err != nil {
			return nil, err
		}
		if len(camera) != len(s.Camera) {
			return nil, fmt.Errorf("a camera's key has %d bytes", len(camera))
		}
		s.Camera, s.Created, s.Until = access.Camera(camera), fromMicros(created), orZero(until)
		s.Window = access.Window{From: orZero(from), To: orZero(to)}
		all = append(all, s)
	}
	return all, rows.Err()
}

// SharesBy lists what the viewer's account has granted, expired shares included. It returns ErrNobody.
func (ss *shares) SharesBy(ctx context.Context, v access.Viewer) (all []Share, err error) {
	err = ss.readOwn(ctx, v, func(tx *sql.Tx) error {
		all, err = listShares(ctx, tx, sharesFilter{granter: v.AccountID})
		return err
	})
	return all, err
}

// SharesWith lists what was granted to the viewer's account, expired shares included. It returns ErrNobody.
func (ss *shares) SharesWith(ctx context.Context, v access.Viewer) (all []Share, err error) {
	err = ss.readOwn(ctx, v, func(tx *sql.Tx) error {
		all, err = listShares(ctx, tx, sharesFilter{grantee: v.AccountID})
		return err
	})
	return all, err
}

// RevokeShare ends a share, for the account that granted it, the camera's owners, and the account that it was granted to. It
// returns access.ErrDenied for everybody else. What the share had opened ends within PermitTTL.
func (ss *shares) RevokeShare(ctx context.Context, v access.Viewer, share int64) error {
	if v.Kind != access.AccountView && v.Kind != access.TokenView {
		return access.ErrDenied
	}
	return ss.amend(ctx, v, func(a *amendment) error {
		found, err := listShares(ctx, a.Tx, sharesFilter{share: share})
		if err != nil {
			return err
		}
		if len(found) != 1 {
			return access.ErrDenied
		}
		s := found[0]
		if err := mayRevoke(ctx, a, v, s); err != nil {
			return err
		}
		const revoke = `DELETE FROM shares WHERE id = ?`
		if _, err := a.ExecContext(ctx, revoke, s.ID); err != nil {
			return err
		}
		to := s.Account
		if s.IsLink() {
			to = "a link"
		}
		a.note("share revoked", describeShare(to, s.ShareSpec), s.AccountID, &s.Camera)
		return nil
	})
}

func mayRevoke(ctx context.Context, a *amendment, v access.Viewer, s Share) error {
	rows, err := a.QueryContext(ctx, rightsOnCamera, v.Kind, v.GrantID, v.AccountID, micros(a.now), s.Camera[:])
	held, err := readHoldings(rows, err)
	if err != nil {
		return err
	}
	for _, h := range held {
		if h.grant.Rights.Has(access.Manage) {
			return nil
		}
	}
	if v.Kind != access.AccountView || s.ByID != v.AccountID && s.AccountID != v.AccountID {
		return access.ErrDenied
	}
	// The share names the account, but its session may be over.
	return lasts(ctx, a, v)
}

func lasts(ctx context.Context, a *amendment, v access.Viewer) error {
	if err := fresh(ctx, a.Tx, v, a.now); err != nil && !errors.Is(err, ErrNotFresh) {
		return err
	}
	return nil
}

// ByLink returns the viewer who holds a share link. It returns ErrNobody for a link that is malformed, unknown, expired or
// revoked, and for one whose granter may no longer grant it; or the database's error.
func (ss *shares) ByLink(ctx context.Context, link string) (access.Viewer, error) {
	hash, ok := hashSecret(linkPrefix, link)
	if !ok {
		return access.Viewer{}, ErrNobody
	}
	const query = `SELECT id, label FROM shares WHERE link_hash = ?1 AND (until_us IS NULL OR until_us > ?2)`
	v := access.Viewer{Kind: access.LinkView}
	switch err := ss.db.Read().QueryRowContext(ctx, query, hash[:], micros(ss.now())).Scan(&v.GrantID, &v.Name); {
	case errors.Is(err, sql.ErrNoRows):
		return access.Viewer{}, ErrNobody
	case err != nil:
		return access.Viewer{}, fmt.Errorf("find the viewer: %w", err)
	}
	grants, err := ss.permits.Grants(ctx, v)
	if err != nil {
		return access.Viewer{}, err
	}
	if len(grants) == 0 {
		return access.Viewer{}, ErrNobody
	}
	return v, nil
}

// LinkShare returns the share behind the viewer's link. It returns ErrNobody when it is gone.
func (ss *shares) LinkShare(ctx context.Context, v access.Viewer) (s Share, err error) {
	if v.Kind != access.LinkView {
		return Share{}, access.ErrDenied
	}
	err = ss.db.View(ctx, func(tx *sql.Tx) error {
		found, err := listShares(ctx, tx, sharesFilter{share: v.GrantID})
		if err != nil {
			return err
		}
		if len(found) != 1 || !found[0].IsLink() || !found[0].Until.IsZero() && !found[0].Until.After(ss.now()) {
			return ErrNobody
		}
		s = found[0]
		return nil
	})
	return s, err
}
