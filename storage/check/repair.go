package check

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"keepwatch.internal/storage"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// repair notes an integrity issue about everything that was found, and has them resolved: by the server that holds the store, or here.
func (k *checker) repair(ctx context.Context) error {
	var all []*Problem
	for _, list := range [][]Problem{k.report.Errors, k.report.Warnings} {
		for i := range list {
			if list[i].subject != "" {
				all = append(all, &list[i])
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	s, err := storage.Open(ctx, k.o.Store)
	if errors.Is(err, storage.ErrInUse) {
		return k.repairBeside(ctx, all)
	}
	if err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	return errors.Join(s.ResolveAll(ctx, k.issues(all), k.pace), k.outcomes(ctx, all), s.Close())
}

// issues are the integrity issues to note about what was found.
func (k *checker) issues(all []*Problem) []index.IntegrityIssue {
	var out []index.IntegrityIssue
	for _, f := range all {
		out = append(out, index.IntegrityIssue{Found: k.now(), Source: index.SourceCheck, Subject: f.subject, Problem: f.Text})
	}
	return out
}

// repairBeside has the running server resolve the integrity issues, and waits for it.
func (k *checker) repairBeside(ctx context.Context, all []*Problem) error {
	db, err := index.Open(ctx, filepath.Join(k.o.Data, index.FileName))
	if err != nil {
		return err
	}
	err = db.Write(ctx, func(tx *index.Tx) error {
		for _, x := range k.issues(all) {
			if err := tx.NoteIssue(ctx, x); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("note what is to be repaired: %w", err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for before, since := int64(-1), time.Now(); ; {
		left, err := k.index.UnresolvedCount(ctx)
		if err != nil {
			return err
		}
		k.seen.AllIssues = max(k.seen.AllIssues, left)
		k.seen.Resolved = k.seen.AllIssues - left
		k.progress()
		if left == 0 {
			return k.outcomes(ctx, all)
		}
		if left != before {
			before, since = left, time.Now()
		}
		if time.Since(since) > k.o.Patience {
			return errors.Join(k.outcomes(ctx, all), fmt.Errorf("the running server has resolved none of the %d integrity issues that are left for %v: its log says why, "+
				"or it is an older version. They stay noted, and it resolves them as soon as it can", left, k.o.Patience))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// outcomes writes into the report what was done.
func (k *checker) outcomes(ctx context.Context, all []*Problem) error {
	for _, f := range all {
		outcome, err := k.index.OutcomeSince(ctx, f.subject, k.report.Began)
		if err != nil {
			return err
		}
		f.Done = outcome
	}
	return nil
}

// rebuild has a damaged index put aside and made again from the files: here, or at the next start of the server that uses it.
func (k *checker) rebuild(ctx context.Context) error {
	data, err := disk.Open(k.o.Data)
	if err != nil {
		return err
	}
	if k.index != nil {
		err = storage.SuspectIndex(data, "nvr check found it damaged")
	}
	if err := errors.Join(err, data.Close()); err != nil {
		return err
	}
	done := "rebuilt from the files"
	s, err := storage.Open(ctx, k.o.Store)
	switch {
	case errors.Is(err, storage.ErrInUse):
		done = "noted; restart nvr to rebuild it from the files"
	case err != nil:
		return fmt.Errorf("rebuild the index: %w", err)
	default:
		if err := errors.Join(s.Reconcile(ctx), s.ResolveAll(ctx, nil, k.pace), s.Close()); err != nil {
			return fmt.Errorf("rebuild the index: %w", err)
		}
	}
	for i := range k.report.Errors {
		if f := &k.report.Errors[i]; f.Kind == ErrorIndex {
			f.Done = done
		}
	}
	return nil
}
