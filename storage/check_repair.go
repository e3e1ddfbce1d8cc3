package storage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// repair notes an integrity issue about everything that was found, and has them resolved: by the server that holds the store, or here.
func (k *checker) repair(ctx context.Context) error {
	var all []*Finding
	for _, list := range [][]Finding{k.report.Findings, k.report.Notes} {
		for i := range list {
			if list[i].subject != "" {
				all = append(all, &list[i])
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	s, err := Open(ctx, k.o.Store)
	if errors.Is(err, ErrInUse) {
		return k.repairBeside(ctx, all)
	}
	if err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	err = s.write(ctx, func(tx *index.Tx) error { return k.noteAll(ctx, tx, all) })
	if err == nil {
		err = s.resolveAll(ctx, k.pace)
	}
	return errors.Join(err, k.outcomes(ctx, all), s.Close())
}

// noteAll notes the integrity issues about what was found.
func (k *checker) noteAll(ctx context.Context, tx *index.Tx, all []*Finding) error {
	for _, f := range all {
		d := IntegrityIssue{Found: k.now(), Source: index.SourceCheck, Subject: f.subject, Problem: f.Problem}
		if err := tx.NoteIssue(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// resolveAll resolves every integrity issue, also those that resolving others brings up.
func (s *Store) resolveAll(ctx context.Context, p *disk.Pace) error {
	err := s.noteQuarantined(ctx)
	if err != nil {
		return err
	}
	_, err = s.resolveAfter(ctx, 0, p)
	return err
}

// repairBeside has the running server resolve the integrity issues, and waits for it.
func (k *checker) repairBeside(ctx context.Context, all []*Finding) error {
	db, err := index.Open(ctx, filepath.Join(k.o.Data, index.FileName))
	if err != nil {
		return err
	}
	err = db.Write(ctx, func(tx *index.Tx) error { return k.noteAll(ctx, tx, all) })
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
func (k *checker) outcomes(ctx context.Context, all []*Finding) error {
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
		err = disk.WriteFile(data, suspectName, []byte("nvr check found it damaged\n"))
	}
	if err := errors.Join(err, data.Close()); err != nil {
		return err
	}
	done := "made again from the files"
	s, err := Open(ctx, k.o.Store)
	switch {
	case errors.Is(err, ErrInUse):
		done = "noted; restart nvr, which then makes it again from the files"
	case err != nil:
		return fmt.Errorf("rebuild the index: %w", err)
	default:
		if err := errors.Join(s.reconcile(ctx), s.resolveAll(ctx, k.pace), s.Close()); err != nil {
			return fmt.Errorf("rebuild the index: %w", err)
		}
	}
	for i := range k.report.Findings {
		if f := &k.report.Findings[i]; f.Kind == FindingIndex {
			f.Done = done
		}
	}
	return nil
}
