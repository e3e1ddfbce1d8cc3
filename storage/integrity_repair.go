package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// repairSubject examines the subject of an issue and repairs it. It returns a description of what it did.
func (s *integrity) repairSubject(ctx context.Context, subject string, p *disk.Pace) (string, error) {
	if _, err := readIdentity(s.disk, s.o.Recordings); err != nil { // the whole disk is in trouble
		return "", err
	}
	s.repairing.Lock()
	defer s.repairing.Unlock()
	folder, name, inside := strings.Cut(subject, "/")
	if folder == QuarantineFolder {
		return s.salvageQuarantined(ctx, subject, p)
	}
	c := s.cameraIn(folder)
	switch parts := strings.Count(name, "/"); {
	case c == nil || !fs.ValidPath(subject):
		return "it belongs to no camera of this store; left unchanged", nil
	case !inside:
		return s.repairManifest(c)
	case parts == 0:
		quality, err := media.ParseQuality(name)
		if err != nil {
			return "it is not a stream; left unchanged", nil
		}
		return s.repairStream(ctx, index.Stream{Camera: c.row, Quality: quality})
	}
	return s.repairFile(ctx, c, name, p)
}

// cameraIn returns the camera of a folder; nil when there is none.
func (s *integrity) cameraIn(folder string) *camera {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, c := range s.cameras {
		if c.folder == folder {
			return c
		}
	}
	return nil
}

// repairManifest writes a camera.json that is lost or unreadable.
func (s *integrity) repairManifest(c *camera) (string, error) {
	_, id, err := readManifest(c.files)
	switch {
	case err == nil && id == c.id:
		return "no error found", nil
	case err == nil:
		return fmt.Sprintf("it belongs to camera %s; left unchanged: stop nvr and restore the folder of %s", id, c.id), nil
	}
	if err := c.writeManifest(); err != nil {
		return "", err
	}
	return ManifestName + " was written again", nil
}

// rowOf returns the row of a camera's file.
func (s *integrity) rowOf(ctx context.Context, c *camera, name string) (index.Segment, bool, error) {
	row, noted, err := s.index.Named(ctx, c.row, name)
	return row, noted, s.suspect(err)
}

// repairFile repairs a file in a camera's folder. It looks for the file before it looks for the row: a
// file that exists has its row by then, unless the index does not know it.
func (s *integrity) repairFile(ctx context.Context, c *camera, name string, p *disk.Pace) (string, error) {
	_, err := c.files.Stat(name)
	if err != nil && !disk.IsMissing(err) {
		return "", err
	}
	there := err == nil
	row, noted, err := s.rowOf(ctx, c, name)
	switch {
	case err != nil:
		return "", err
	case !noted && !there:
		return "the file is gone, and the index does not list it", nil
	case !noted && !strings.HasSuffix(name, ".mp4"):
		return "not a file of Keepwatch; left unchanged", nil
	case !noted:
		return s.files.adopt(ctx, c, name, false)
	case row.State == index.StateOpen:
		return "it is being written, or will be recovered at the next start", nil
	case row.State == index.StateDeleting:
		return "it is being deleted", nil
	case !there:
		s.log.Error("a segment's file is missing", "camera", c.name, "segment", row.Name())
		return "the file is missing; its time is a gap now", errors.Join(s.files.loseMissing(ctx, c, row, ReasonMissing), s.noteQuarantined(ctx))
	}
	keys, err := s.index.PackedKeys(ctx, row)
	if err != nil {
		return "", err
	}
	packed, flaw, err := c.verify(ctx, row, p)
	switch {
	case err != nil:
		return "", err
	case flaw == nil && row.State == index.StateClosed && index.SameKeys(row.Start, keys, packed):
		return "it verifies", nil
	case flaw == nil:
		return "it verifies and is served again", s.trustAgain(ctx, row, packed)
	case flaw.Fault == segment.Short:
		if err := s.files.compare(ctx, c, row); err != nil {
			return "", err
		}
		return "what is left of it was repaired", nil
	}
	return s.takeOut(ctx, c, row, errors.New(flaw.Problem))
}

// trustAgain has a segment that verifies served again, with the key frames of its own table.
func (s *integrity) trustAgain(ctx context.Context, r index.Segment, keys []byte) error {
	return s.write(ctx, func(tx *index.Tx) error {
		restored, err := tx.Restore(ctx, r, keys)
		if err != nil || !restored {
			return err
		}
		return tx.Enter(ctx, r.Stream, r.Start, r.End, index.Footage(r.Run))
	})
}

// takeOut moves the whole file of a damaged segment to quarantine and makes its time a gap. What is good in it is restored from
// there.
func (s *integrity) takeOut(ctx context.Context, c *camera, r index.Segment, why error) (string, error) {
	out := false
	err := s.writeFirst(ctx, func(tx *index.Tx) error {
		if err := withdraw(ctx, tx, r); err != nil {
			return err
		}
		now, noted, err := tx.Named(ctx, r.Stream.Camera, r.Name())
		out = noted && now.State == index.StateQuarantined
		return err
	})
	if err != nil {
		return "", err
	}
	if !out { // its file must not outlive it in quarantine
		return "it is being deleted", nil
	}
	target, err := s.moveToQuarantine(c, r.Name(), why)
	if err != nil {
		return "", err
	}
	if err := s.files.lose(ctx, r, ReasonQuarantined); err != nil {
		return "", err
	}
	return fmt.Sprintf("moved to %s; what verifies in it is restored from there", target), nil
}

// withdraw stops serving a closed segment.
func withdraw(ctx context.Context, tx *index.Tx, r index.Segment) error {
	served, err := tx.Quarantine(ctx, r)
	if err != nil || !served {
		return err
	}
	return tx.Enter(ctx, r.Stream, r.Start, r.End, gap(ReasonQuarantined))
}

// repairStream makes the sums and the ledger of a stream agree with its segments.
func (s *integrity) repairStream(ctx context.Context, st index.Stream) (string, error) {
	done := "no error found"
	err := s.write(ctx, func(tx *index.Tx) error {
		sums, err := tx.Sums(ctx, st)
		if err != nil {
			return err
		}
		if sums.Wrong() {
			if err := tx.SetSums(ctx, st, sums); err != nil {
				return err
			}
			done = "its sums were made anew"
		}
		wrong, err := tx.LedgerFlaws(ctx, st)
		if err != nil {
			return err
		}
		for _, x := range wrong {
			h := index.Footage(x.Segment)
			if x.Segment == 0 {
				h = gap(ReasonMissing)
			}
			if err := tx.Enter(ctx, st, x.From, x.To, h); err != nil {
				return err
			}
			done = "its ledger was made to fit its segments"
		}
		return nil
	})
	return done, err
}
