// Package layout keeps how each account has arranged its live page: how many tiles, in which order, in which groups.
//
// A layout names cameras and opens none: whoever shows it leaves out those that are not the account's to see now. Its table is
// in accounts.db; package schema has it.
package layout

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/sqlite"
)

// The bounds of a layout.
const (
	MaxGroups    = 24  // of an account
	MaxGroupName = 32  // characters
	MaxCameras   = 256 // in the order, and in each group
	maxBytes     = 64 << 10
	maxMentions  = 1024 // of cameras, in all of a layout
)

// Layout is how an account has arranged its live page.
type Layout struct {
	Shape  string          // how many tiles a page shows, in words that the page knows; "" for none chosen
	Order  []access.Camera // those that were moved, in their order; others follow
	Groups []Group
}

// Store keeps the layouts of all accounts. Its methods may be called from several goroutines.
type Store struct {
	db  *sqlite.DB
	now func() time.Time
}

// New returns the store in db, which has the tables of package schema, and which the caller closes.
func New(db *sqlite.DB, now func() time.Time) *Store { return &Store{db: db, now: now} }

// Group is some cameras under a name.
type Group struct {
	Name    string
	Cameras []access.Camera // in their order
}

// Group returns the group of that name.
func (l Layout) Group(name string) (g Group, found bool) {
	for _, g := range l.Groups {
		if g.Name == name {
			return g, true
		}
	}
	return Group{}, false
}

// storedLayout is a Layout in the database.
type storedLayout struct {
	Shape  string        `json:"shape,omitempty"`
	Order  []uuid.UUID   `json:"order,omitempty"`
	Groups []storedGroup `json:"groups,omitempty"`
}

type storedGroup struct {
	Name    string      `json:"name"`
	Cameras []uuid.UUID `json:"cameras"`
}

// Of returns what the viewer's account has arranged; the zero value for one that has arranged nothing, and for links
// and tokens, which have no page.
func (s *Store) Of(ctx context.Context, v access.Viewer) (Layout, error) {
	if v.Kind != access.AccountView {
		return Layout{}, nil
	}
	const query = `SELECT layout FROM layouts WHERE account_id = ?`
	var text string
	err := s.db.Read().QueryRowContext(ctx, query, v.AccountID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return Layout{}, nil
	}
	var stored storedLayout
	if err == nil {
		err = json.Unmarshal([]byte(text), &stored)
	}
	if err != nil {
		return Layout{}, fmt.Errorf("read the layout: %w", err)
	}
	l := Layout{Shape: stored.Shape, Order: listOf(stored.Order)}
	for _, g := range stored.Groups {
		l.Groups = append(l.Groups, Group{Name: g.Name, Cameras: listOf(g.Cameras)})
	}
	return l, nil
}

// Set replaces what the viewer's account has arranged. It returns access.ErrDenied for links and tokens, *accounts.InvalidError
// for a layout beyond the bounds, and accounts.ErrNobody when the account or its session is not there any more.
func (s *Store) Set(ctx context.Context, v access.Viewer, l Layout) error {
	if v.Kind != access.AccountView {
		return access.ErrDenied
	}
	if err := l.check(); err != nil {
		return err
	}
	stored := storedLayout{Shape: l.Shape, Order: uuidsOf(l.Order)}
	for _, g := range l.Groups {
		stored.Groups = append(stored.Groups, storedGroup{Name: g.Name, Cameras: uuidsOf(g.Cameras)})
	}
	text, err := json.Marshal(stored)
	if err != nil {
		return fmt.Errorf("save the layout: %w", err)
	}
	if len(text) > maxBytes {
		return &accounts.InvalidError{Field: "groups", Sentence: "the layout is too large: name fewer cameras in fewer groups"}
	}
	return s.db.Write(ctx, func(tx *sql.Tx) error {
		const save = `INSERT INTO layouts (account_id, layout, saved_us)
			SELECT account_id, ?2, ?3 FROM sessions WHERE id = ?4 AND account_id = ?1 AND until_us > ?3
			ON CONFLICT (account_id) DO UPDATE SET layout = excluded.layout, saved_us = excluded.saved_us`
		done, err := tx.ExecContext(ctx, save, v.AccountID, string(text), s.now().UnixMicro(), v.GrantID)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, accounts.ErrNobody)
		}
		return nil
	})
}

func (l Layout) check() error {
	if len(l.Shape) > 8 {
		return &accounts.InvalidError{Field: "shape", Sentence: "there is no such layout"}
	}
	if len(l.Groups) > MaxGroups {
		return &accounts.InvalidError{Field: "groups", Sentence: fmt.Sprintf("there are too many groups: at most %d", MaxGroups)}
	}
	mentions := len(l.Order)
	if twice(l.Order) || mentions > MaxCameras {
		return &accounts.InvalidError{Field: "order", Sentence: fmt.Sprintf("a camera may be in the order once, and at most %d cameras in all", MaxCameras)}
	}
	names := map[string]bool{}
	for _, g := range l.Groups {
		if err := CheckGroupName(g.Name); err != nil {
			return err
		}
		if names[g.Name] {
			return &accounts.InvalidError{Field: "groups", Sentence: fmt.Sprintf("there is already a group named %s", g.Name)}
		}
		names[g.Name] = true
		if twice(g.Cameras) || len(g.Cameras) > MaxCameras {
			return &accounts.InvalidError{Field: "groups", Sentence: fmt.Sprintf("a camera may be in a group once, and at most %d cameras in all", MaxCameras)}
		}
		mentions += len(g.Cameras)
	}
	if mentions > maxMentions {
		return &accounts.InvalidError{Field: "groups", Sentence: "the layout is too large: name fewer cameras in fewer groups"}
	}
	return nil
}

// CheckGroupName returns *accounts.InvalidError for what cannot be the name of a group: it is one line that can be read.
func CheckGroupName(name string) error {
	if name == "" || strings.TrimSpace(name) != name {
		return &accounts.InvalidError{Field: "groups", Sentence: "a group needs a name, without spaces around it"}
	}
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxGroupName {
		return &accounts.InvalidError{Field: "groups", Sentence: fmt.Sprintf("the name of the group is too long: at most %d characters", MaxGroupName)}
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return &accounts.InvalidError{Field: "groups", Sentence: "the name of a group must not contain invisible characters"}
	}
	return nil
}

func twice(cameras []access.Camera) bool {
	for i, c := range cameras {
		if slices.Contains(cameras[:i], c) {
			return true
		}
	}
	return false
}

func listOf(ids []uuid.UUID) []access.Camera {
	var list []access.Camera
	for _, id := range ids {
		list = append(list, access.Camera(id))
	}
	return list
}

func uuidsOf(cameras []access.Camera) []uuid.UUID {
	list := make([]uuid.UUID, len(cameras))
	for i, c := range cameras {
		list[i] = uuid.UUID(c)
	}
	return list
}
