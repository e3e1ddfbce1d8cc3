package storage

import (
	"context"
	"errors"
	"fmt"

	"keepwatch.internal/internal/sqlite"
	"keepwatch.internal/storage/index"
)

// gap is what the ledger says of a span without footage.
func gap(reason string) index.LedgerEntry { return index.Gap(CodeOf(reason), reason) }

// write runs f in a writing transaction, after the changes that are owed from when the index could not be written.
func (s *Store) write(ctx context.Context, f func(*index.Tx) error) error {
	if err := s.settleOwed(ctx); err != nil {
		return err
	}
	err := s.index.Write(ctx, f)
	if s.rescue(err) {
		err = s.index.Write(ctx, f)
	}
	return s.suspect(err)
}

// writeFirst is write for a change that must not be lost when what is done to files after it is not: it returns when the
// change survives a power cut. Other commits wait for the next checkpoint. Syncing the log makes all commits in it
// safe; SQLite holds no lock on that file, so that closing it here drops none.
// https://www.sqlite.org/wal.html
func (s *Store) writeFirst(ctx context.Context, f func(*index.Tx) error) error {
	if err := s.write(ctx, f); err != nil {
		return err
	}
	log, err := s.data.Edit(index.LogName)
	if err != nil {
		return fmt.Errorf("sync the index: %w", err)
	}
	if err := errors.Join(log.Sync(), log.Close(), s.data.SyncDir(".")); err != nil {
		return fmt.Errorf("sync the index: %w", err)
	}
	return nil
}

// owedChange is a change to the index that could not be written when it happened.
type owedChange struct {
	what  string
	apply func(context.Context, *index.Tx) error
}

// maxOwed bounds what is remembered while the index cannot be written. What comes later is dropped; the next start then
// finds the truth in the files.
const maxOwed = 512

// writeOrOwe makes a change now, or as soon as the index can be written again. It returns an error only when the change
// is forgotten.
func (s *Store) writeOrOwe(ctx context.Context, what string, apply func(context.Context, *index.Tx) error) error {
	err := s.write(ctx, func(tx *index.Tx) error { return apply(ctx, tx) })
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.owed) >= maxOwed || sqlite.IsConstraint(err) {
		return err
	}
	s.owed = append(s.owed, owedChange{what, apply})
	s.log.Warn("the index cannot be written; will try again", "what", what, "err", err)
	return nil
}

func (s *Store) owedNow() []owedChange {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.owed
}

// settleOwed makes the owed changes in their order.
func (s *Store) settleOwed(ctx context.Context) error {
	if len(s.owedNow()) == 0 {
		return nil
	}
	s.settling.Lock()
	defer s.settling.Unlock()
	owed, done := s.owedNow(), 0
	var err error
	for _, change := range owed {
		err = s.suspect(s.index.Write(ctx, func(tx *index.Tx) error { return change.apply(ctx, tx) }))
		if sqlite.IsConstraint(err) { // it will never fit, and must not keep the others from being made
			s.log.Error("a change that was owed to the index does not fit it any more", "what", change.what, "err", err)
			err = nil
		}
		if err != nil {
			break
		}
		done++
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owed = s.owed[min(done, len(s.owed)):]
	return err
}
