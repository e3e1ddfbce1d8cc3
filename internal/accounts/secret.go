package accounts

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"keepwatch.internal/internal/access"
)

const (
	sessionPrefix = "kws_"
	tokenPrefix   = "kwt_"
	linkPrefix    = "kwl_"
	secretBytes   = 32
)

// newSecret returns a new random secret of 256 bits, and the hash under which it is stored.
func newSecret(prefix string) (secret string, hash [sha256.Size]byte) {
	raw := random(secretBytes)
	return prefix + base64.RawURLEncoding.EncodeToString(raw), sha256.Sum256(raw)
}

// hashSecret returns the hash under which a secret is stored, and false for text that newSecret cannot have made. A secret has
// only one spelling.
func hashSecret(prefix, secret string) (hash [sha256.Size]byte, ok bool) {
	encoded, found := strings.CutPrefix(secret, prefix)
	if !found || len(encoded) != base64.RawURLEncoding.EncodedLen(secretBytes) || strings.ContainsAny(encoded, "\r\n") {
		return hash, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != secretBytes {
		return hash, false
	}
	return sha256.Sum256(raw), true
}

// resolution says how a secret becomes a viewer. query takes hash and now, touch takes the row, now and the end of a session;
// tokens, which have no end, mention theirs in conditions that always hold.
type resolution struct {
	kind  access.ViewerKind
	hash  [sha256.Size]byte
	query string
	touch string
}

func (c *core) resolve(ctx context.Context, r resolution) (access.Viewer, error) {
	now := c.now()
	v := access.Viewer{Kind: r.kind}
	var used int64
	row := c.db.Read().QueryRowContext(ctx, r.query, r.hash[:], micros(now))
	switch err := row.Scan(&v.GrantID, &used, &v.AccountID, &v.Name, &v.Admin, &v.Metrics); {
	case errors.Is(err, sql.ErrNoRows):
		return access.Viewer{}, ErrNobody
	case err != nil:
		return access.Viewer{}, fmt.Errorf("find the viewer: %w", err)
	}
	if micros(now)-used >= touchEvery.Microseconds() {
		c.touch(ctx, r.touch, v.GrantID, now)
	}
	return v, nil
}

// touch notes a use. Failing to note it does not turn anybody away.
func (c *core) touch(ctx context.Context, update string, id int64, now time.Time) {
	short, cancel := context.WithTimeout(ctx, touchPatience)
	defer cancel()
	err := c.db.Write(short, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(short, update, id, micros(now), micros(now.Add(SessionTTL)))
		return err
	})
	if err != nil && ctx.Err() == nil {
		c.failures.report(c.log, "the use of a session or token could not be noted", err, now)
	}
}
