package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"keepwatch.internal/internal/access"
)

// PermitTTL is how long a permit lasts. A stream renews it before.
const PermitTTL = time.Second

// The rights of one viewer and of everybody come from one statement. It begins with the holders in question: an account or the
// share of a link; the actions that a token is limited to; and the token whose list of cameras applies, NULL without a list.
const (
	withHolders = `WITH holder (account_id, link_id, mask, listed) AS (`

	// holdersByViewer finds the holder behind a session, token or link: ?1 kind, ?2 grant, ?3 account, ?4 now. A session, token,
	// link or account that is removed or expired has no row, and so no rights.
	holdersByViewer = `
	SELECT s.account_id, NULL, 63, NULL FROM sessions s JOIN accounts a ON a.id = s.account_id
		WHERE ?1 = 1 AND s.id = ?2 AND s.account_id = ?3 AND s.until_us > ?4
	UNION ALL
	SELECT t.account_id, NULL, t.actions, iif(t.every_camera, NULL, t.id) FROM tokens t JOIN accounts a ON a.id = t.account_id
		WHERE ?1 = 2 AND t.id = ?2 AND t.account_id = ?3 AND (t.until_us IS NULL OR t.until_us > ?4)
	UNION ALL
	SELECT NULL, l.id, 15, NULL FROM shares l
		WHERE ?1 = 3 AND l.id = ?2 AND ?3 = 0 AND l.link_hash IS NOT NULL`

	// holdersAll are all accounts and links; ?1 to ?3 are not used.
	holdersAll = `
	SELECT a.id, NULL, 63, NULL FROM accounts a WHERE ?1 IS NOT NULL AND ?2 IS NOT NULL AND ?3 IS NOT NULL
	UNION ALL
	SELECT NULL, l.id, 15, NULL FROM shares l WHERE l.link_hash IS NOT NULL`

	// whatTheyHold goes from holders to what they hold at the time ?4: as owners, by shares from owners, and by shares that were
	// passed on under a share with the action Share (16), within the limits of that one. share is 0 for owners.
	whatTheyHold = `
), held (account_id, link_id, listed, share, camera, actions, from_us, to_us) AS (
	SELECT h.account_id, NULL, h.listed, 0, o.camera, 63 & h.mask, NULL, NULL
		FROM holder h JOIN owners o ON o.account_id = h.account_id
	UNION ALL
	SELECT h.account_id, h.link_id, h.listed, s.id, s.camera, s.actions & h.mask, s.from_us, s.to_us FROM holder h
		JOIN shares s ON s.account_id = h.account_id OR s.id = h.link_id
		JOIN owners g ON g.camera = s.camera AND g.account_id = s.granted_by
		WHERE s.until_us IS NULL OR s.until_us > ?4
	UNION ALL
	SELECT h.account_id, h.link_id, h.listed, s.id, s.camera, s.actions & p.actions & 15 & h.mask, s.from_us, s.to_us FROM holder h
		JOIN shares s ON s.account_id = h.account_id OR s.id = h.link_id
		JOIN shares p ON p.account_id = s.granted_by AND p.camera = s.camera AND p.actions & 16
		JOIN owners g ON g.camera = p.camera AND g.account_id = p.granted_by
		WHERE (s.until_us IS NULL OR s.until_us > ?4) AND (p.until_us IS NULL OR p.until_us > ?4)
)
SELECT account_id, link_id, share, camera, actions, from_us, to_us FROM held h
	WHERE actions <> 0 AND (listed IS NULL OR EXISTS (SELECT 1 FROM token_cameras c WHERE c.token_id = h.listed AND c.camera = h.camera))`

	onCamera = ` AND camera = ?5`

	rightsOfViewer = withHolders + holdersByViewer + whatTheyHold
	rightsOnCamera = rightsOfViewer + onCamera
	rightsOfAll    = withHolders + holdersAll + whatTheyHold
	rightsOfAllOn  = rightsOfAll + onCamera
)

// permits makes permits, out of prepared statements.
type permits struct {
	*core
	authorize *sql.Stmt // rightsOnCamera
	rights    *sql.Stmt // rightsOfViewer
}

func newPermits(ctx context.Context, c *core) (p *permits, err error) {
	p = &permits{core: c}
	if p.authorize, err = c.db.Read().PrepareContext(ctx, rightsOnCamera); err != nil {
		return nil, err
	}
	if p.rights, err = c.db.Read().PrepareContext(ctx, rightsOfViewer); err != nil {
		return nil, errors.Join(err, p.authorize.Close())
	}
	return p, nil
}

func (p *permits) close() error { return errors.Join(p.authorize.Close(), p.rights.Close()) }

// Authorize returns a permit for one action on one camera if the viewer has the right to it now. It is the only place that makes
// permits. In all other cases, including a database that fails, it returns access.ErrDenied.
func (p *permits) Authorize(ctx context.Context, v access.Viewer, a access.Action, c access.Camera) (access.Permit, error) {
	now := p.now() // before the read: the permit must not outlast what was read by more than PermitTTL
	rows, err := p.authorize.QueryContext(ctx, v.Kind, v.GrantID, v.AccountID, micros(now), c[:])
	held, err := readHoldings(rows, err)
	grants := map[access.Camera]access.Grant{}
	if err == nil {
		grants, err = fold(held)
	}
	if err != nil {
		if ctx.Err() == nil {
			p.failures.report(p.log, "rights cannot be read, so nothing is shown", err, now)
		}
		return access.Permit{}, access.ErrDenied
	}
	return access.Decide(v, c, grants[c], a, now.Add(PermitTTL))
}

// Grants returns what the viewer may do now, and for which time, by camera. Cameras without any right are left out. It reads what
// Authorize reads, but makes no permit.
func (p *permits) Grants(ctx context.Context, v access.Viewer) (map[access.Camera]access.Grant, error) {
	rows, err := p.rights.QueryContext(ctx, v.Kind, v.GrantID, v.AccountID, micros(p.now()))
	held, err := readHoldings(rows, err)
	if err != nil {
		return nil, fmt.Errorf("read rights: %w", err)
	}
	return fold(held)
}

// Rights is Grants without the time that links are limited to.
func (p *permits) Rights(ctx context.Context, v access.Viewer) (map[access.Camera]access.Rights, error) {
	grants, err := p.Grants(ctx, v)
	if err != nil {
		return nil, err
	}
	rights := make(map[access.Camera]access.Rights, len(grants))
	for c, g := range grants {
		rights[c] = g.Rights
	}
	return rights, nil
}

// holding is one row of what somebody holds: an account or the holder of a link, as owner or by a share.
type holding struct {
	account, link int64 // one of them is 0
	share         int64 // 0: as owner
	camera        access.Camera
	grant         access.Grant
}

// readHoldings returns an error unless every row could be read.
func readHoldings(rows *sql.Rows, err error) ([]holding, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []holding
	for rows.Next() {
		var h holding
		var camera []byte
		var account, link, from, to sql.NullInt64
		if err := rows.Scan(&account, &link, &h.share, &camera, &h.grant.Rights, &from, &to); err != nil {
			return nil, err
		}
		if len(camera) != len(access.Camera{}) {
			return nil, fmt.Errorf("a camera's key has %d bytes", len(camera))
		}
		h.account, h.link, h.camera = account.Int64, link.Int64, access.Camera(camera)
		h.grant.Rights &= access.Owned
		if from.Valid != to.Valid {
			return nil, errors.New("a share has only one end of its window")
		}
		if from.Valid {
			h.grant.Window = access.Window{From: fromMicros(from.Int64), To: fromMicros(to.Int64)}
			h.grant.Rights &= access.Rights(access.Playback | access.Export | access.Audio)
		}
		all = append(all, h)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	return all, nil
}

// fold adds up what one holder holds. Grants for different times do not add up: a link has one time, accounts have none.
func fold(held []holding) (map[access.Camera]access.Grant, error) {
	grants := map[access.Camera]access.Grant{}
	for _, h := range held {
		g, known := grants[h.camera]
		if known && g.Window != h.grant.Window {
			return nil, errors.New("grants of different times for one viewer")
		}
		g.Window = h.grant.Window
		g.Rights |= h.grant.Rights
		grants[h.camera] = g
	}
	return grants, nil
}
