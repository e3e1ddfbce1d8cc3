package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// IntegrityIssue says that something in the store was not as it should be. It is only a hint: whoever resolves it looks again and
// acts on what is there then. So another process may note issues, and noting one twice does no harm.
type IntegrityIssue = index.IntegrityIssue

// integrity handles damaged and missing footage. It notes issues and resolves them, keeps damaged files in quarantine, and reads
// all footage again in a verification pass.
type integrity struct {
	*cameraList
	*database
	*storeClock
	*alarms
	o     *Options
	log   *slog.Logger
	disk  disk.Folder // recordings
	files *recovery

	repairing sync.Mutex // held while a file or row that is not as it should be is made right
}

const (
	// resolveEvery is how often the server looks for integrity issues that another process has noted.
	resolveEvery = time.Second
	// resolveAgain is how long it waits before it tries again what it could not resolve.
	resolveAgain = 30 * time.Second
	// resolveRate limits reading while footage is recorded, bytes a second.
	resolveRate = 32 << 20
)

// IntegrityIssues returns at most limit integrity issues, the newest first.
func (s *integrity) IntegrityIssues(ctx context.Context, limit int) ([]IntegrityIssue, error) {
	return s.index.Issues(ctx, limit)
}

// keepResolving resolves integrity issues as they are noted, until ctx is over.
func (s *integrity) keepResolving(ctx context.Context) {
	if err := s.noteQuarantined(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("the files in quarantine could not be listed", "err", err)
	}
	tick := time.NewTicker(resolveEvery)
	defer tick.Stop()
	var tried int64 // what has a larger number was not tried yet
	var fresh time.Time
	said := ""
	for {
		if time.Since(fresh) >= resolveAgain {
			tried, fresh = 0, time.Now()
			if err := s.ageQuarantine(); err != nil {
				s.log.Error("a file in quarantine could not be deleted", "err", err)
			}
			s.reviewQuarantine()
		}
		before := tried
		var err error
		if tried, err = s.resolveAfter(ctx, tried, &disk.Pace{Rate: resolveRate}); err != nil && ctx.Err() == nil && err.Error() != said {
			said = err.Error()
			s.log.Error("an integrity issue about footage could not be resolved; will try again", "err", err)
		}
		if tried != before {
			s.reviewQuarantine()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// reviewQuarantine raises an alarm while there are files in quarantine, and lowers it when they are gone.
func (s *integrity) reviewQuarantine() {
	entries, err := s.disk.List(QuarantineFolder)
	if err != nil && !disk.IsMissing(err) {
		return
	}
	n := 0
	for _, e := range entries {
		if disk.IsRegular(e) && strings.HasSuffix(e.Name(), ".mp4") {
			n++
		}
	}
	if n == 0 {
		s.lower(AlarmQuarantine)
		return
	}
	s.raise(AlarmQuarantine, fmt.Sprintf("Damaged footage was found. It is not shown to anybody; %d damaged files are in %s, each with a note "+
		"that says why, and \"nvr check\" lists them. If there are more every now and then, look after that disk and the memory of this computer. "+
		"Delete the files when you do not need them any more.", n, filepath.Join(s.o.Recordings, QuarantineFolder)))
}

// resolveAfter resolves the integrity issues with numbers larger than after. It returns the largest number that it tried.
func (s *integrity) resolveAfter(ctx context.Context, after int64, p *disk.Pace) (int64, error) {
	const batch = 16
	var errs []error
	for ctx.Err() == nil {
		some, err := s.index.Unresolved(ctx, after, batch)
		if err != nil {
			return after, errors.Join(append(errs, err)...)
		}
		for _, d := range some {
			if err := s.resolveIssue(ctx, d, p); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", d.Subject, err))
			}
			after = d.ID
		}
		if len(some) == 0 { // resolving one may have brought up another
			break
		}
	}
	return after, errors.Join(append(errs, ctx.Err())...)
}

// resolveIssue looks at the subject of an issue, repairs it, and notes what was done. It may be interrupted anywhere and
// repeated.
func (s *integrity) resolveIssue(ctx context.Context, d IntegrityIssue, p *disk.Pace) error {
	outcome, err := s.repairSubject(ctx, d.Subject, p)
	if err != nil {
		return err
	}
	s.log.Info("an integrity issue was resolved", "subject", d.Subject, "source", d.Source, "problem", d.Problem, "outcome", outcome)
	return s.write(ctx, func(tx *index.Tx) error {
		return tx.ResolveIssue(ctx, d.ID, s.now(), outcome)
	})
}

// ResolveAll notes the given issues and resolves all that are noted, including those that are found on the way. It is for a store
// that does not Run.
func (s *integrity) ResolveAll(ctx context.Context, issues []IntegrityIssue, p *disk.Pace) error {
	err := s.write(ctx, func(tx *index.Tx) error {
		for _, x := range issues {
			if err := tx.NoteIssue(ctx, x); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = s.noteQuarantined(ctx)
	}
	if err == nil {
		_, err = s.resolveAfter(ctx, 0, p)
	}
	return err
}
