package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"keepwatch.internal/internal/accounts"
)

// recordReport is what -json prints of the audit log. Its fields keep their names and meanings.
type recordReport struct {
	Views    int        `json:"views"`
	Changes  int        `json:"changes"`
	Since    *time.Time `json:"since"`     // time of its first entry; null if there is none
	FirstBad int64      `json:"first_bad"` // 0 if every entry is intact
	Problems []string   `json:"problems"`
}

// checkViews verifies the audit log. It cannot be repaired, since a log that can be rewritten proves nothing.
func checkViews(ctx context.Context, call *checkCall) (err error) {
	c := call.conf
	if _, err := os.Stat(filepath.Join(c.Data, "accounts.db")); errors.Is(err, fs.ErrNotExist) {
		return nil // nobody could have watched yet
	}
	key, err := masterKey(c.Data, c.Recordings)
	if err != nil {
		return err
	}
	o := accountsOptions(c, key, slog.New(slog.DiscardHandler))
	o.ReadOnly = true
	people, err := accounts.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, people.Close()) }()
	found, err := people.Audit().Verify(ctx)
	if err != nil {
		return explainCheck(err)
	}
	call.record = &recordReport{Views: found.Views, Changes: found.Changes, FirstBad: found.FirstBad, Problems: found.Problems}
	if !found.Since.IsZero() {
		call.record.Since = &found.Since
	}
	if !call.json {
		for _, p := range found.Problems {
			fmt.Fprintf(call.t.out, "audit log: %s\n", p)
		}
		fmt.Fprintf(call.t.out, "checked the audit log, %d views and %d changes: ", found.Views, found.Changes)
		if len(found.Problems) == 0 {
			fmt.Fprintln(call.t.out, "it is intact")
		} else {
			fmt.Fprintln(call.t.out, "it was changed after it was written and cannot be repaired; keep a copy of the data folder")
		}
	}
	if len(found.Problems) > 0 {
		return errSaid
	}
	return nil
}
