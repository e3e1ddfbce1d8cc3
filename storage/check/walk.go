package check

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// checkCameras compares the rows of cameras with their folders and manifests.
func (k *checker) checkCameras(ctx context.Context) error {
	rows, err := k.index.Cameras(ctx)
	if err != nil {
		return err
	}
	for _, row := range rows {
		c := &camera{Camera: row, key: media.DeriveLabelKey(k.o.MasterKey, row.ID)}
		if !storage.Synthetic(c.Name) {
			k.report.Cameras++
		}
		if err := k.checkManifest(c); err != nil {
			return err
		}
		k.cameras = append(k.cameras, c)
	}
	k.seen.AllSegments, k.seen.AllBytes, err = k.index.Total(ctx)
	return err
}

// checkManifest opens the camera's folder, where it can be, and reads its manifest.
func (k *checker) checkManifest(c *camera) error {
	f := Problem{Kind: ErrorManifest, Camera: c.Name, File: path.Join(c.Folder, storage.ManifestName), Remedy: "writes it again", subject: c.Folder}
	var err error
	c.files, err = k.disk.Sub(c.Folder)
	switch {
	case disk.IsMissing(err):
		c.files = nil
		k.fail(Problem{Kind: ErrorFolder, Camera: c.Name, File: c.Folder, Text: "the camera's folder is not there",
			Remedy: "the next start of nvr creates it; the footage that its rows list becomes gaps", subject: c.Folder})
		return nil
	case err != nil:
		return err
	}
	_, id, err := storage.ReadManifest(c.files)
	switch {
	case disk.IsMissing(err):
		f.Text = "the file is not there"
	case err != nil:
		f.Text = err.Error()
	case id != c.ID:
		f.Text, f.Remedy = fmt.Sprintf("the folder belongs to camera %s, expected %s", id, c.ID), "nothing: stop nvr and restore the right folder"
		f.subject = ""
	default:
		return nil
	}
	k.fail(f)
	return nil
}

// checkStreams walks over all streams: sums, ledger, and then the files of each day, the newest last.
func (k *checker) checkStreams(ctx context.Context) error {
	for _, c := range k.cameras {
		for _, q := range [...]media.Quality{media.Main, media.Sub} {
			if err := k.checkStream(ctx, c, q); err != nil {
				return fmt.Errorf("%s %s: %w", c.Name, q, err)
			}
			if c.files == nil {
				continue
			}
			days, err := storage.Days(ctx, k.index.Reader, c.files, index.Stream{Camera: c.Row, Quality: q})
			if err != nil {
				return fmt.Errorf("%s %s: %w", c.Name, q, err)
			}
			for _, day := range days {
				if err := k.checkDay(ctx, c, q, day); err != nil {
					return fmt.Errorf("%s %s %s: %w", c.Name, q, day.Format(index.DayLayout), err)
				}
			}
		}
	}
	return nil
}

// lookAgain is how often, and when, a stream that a server may be changing is looked at again before it is reported.
const (
	lookAgain      = 3
	lookAgainAfter = 300 * time.Millisecond
)

// checkStream compares sums and ledger of a stream with its segments.
func (k *checker) checkStream(ctx context.Context, c *camera, q media.Quality) error {
	st := index.Stream{Camera: c.Row, Quality: q}
	var sums index.StreamSums
	var wrong []index.LedgerFlaw
	for n := 0; ; n++ {
		err := k.index.View(ctx, func(q index.Reader) (err error) {
			if sums, err = q.Sums(ctx, st); err != nil {
				return err
			}
			wrong, err = q.LedgerFlaws(ctx, st)
			return err
		})
		if err != nil {
			return err
		}
		if !sums.Wrong() && len(wrong) == 0 {
			return nil
		}
		if n == lookAgain {
			break
		}
		timer := time.NewTimer(lookAgainAfter)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
	f := Problem{Camera: c.Name, Stream: q.String(), subject: path.Join(c.Folder, q.String())}
	if sums.Wrong() {
		f.Kind, f.Remedy = ErrorSums, "recalculates them"
		f.Text = fmt.Sprintf("the index counts %d segments of %d bytes, there are %d of %d", sums.Counted, sums.CountedBytes, sums.Segments, sums.Bytes)
		k.fail(f)
	}
	for _, x := range wrong {
		f.Kind, f.From, f.To = ErrorLedger, moment(x.From), moment(x.To)
		switch {
		case x.Segment == 0:
			f.Text, f.Remedy, f.Seconds = "the timeline shows footage where there is no segment", "makes it a gap", 0
		case x.Ledger == 0:
			f.Text, f.Remedy, f.Seconds = "the timeline shows a gap where there is a segment", "adds the footage to the timeline", seconds(x.To-x.From)
		default:
			f.Text, f.Remedy, f.Seconds = "the timeline names another run than the segment", "corrects the timeline", 0
		}
		k.fail(f)
	}
	return nil
}

// checkDay compares the files of a day with its rows. The files are listed first: one that was made since has its row by then,
// and one that was deleted since has none or is looked at again.
func (k *checker) checkDay(ctx context.Context, c *camera, q media.Quality, day time.Time) error {
	folder := path.Join(q.String(), day.Format(index.DayLayout))
	entries, err := c.files.List(folder)
	if err != nil && !disk.IsMissing(err) {
		return err
	}
	rows, err := k.index.BeginningIn(ctx, index.Stream{Camera: c.Row, Quality: q}, index.Interval{From: index.Micros(day), To: index.Micros(day.Add(24 * time.Hour))})
	if err != nil {
		return err
	}
	noted := make(map[string]bool, len(rows))
	for _, r := range rows {
		noted[r.Name()] = true
		if err := k.checkSegment(ctx, c, r); err != nil {
			return err
		}
		k.progress()
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		switch {
		case noted[name]:
		case !isSegment(e.Name()) || !disk.IsRegular(e):
			k.warn(Problem{Kind: WarningForeign, Camera: c.Name, Stream: q.String(), File: path.Join(c.Folder, name),
				Text: "not a file of Keepwatch", Remedy: "nothing: it is left unchanged"})
		case strings.HasSuffix(name, ".mp4"):
			if err := k.checkStray(ctx, c, q, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRest lists what else lies in the recordings folder: cameras that the index does not know, files of others, quarantine.
func (k *checker) checkRest(ctx context.Context) error {
	entries, err := k.disk.List(".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		switch c := k.cameraIn(name); {
		case c != nil:
			err = k.checkFolder(c)
		case name == storage.QuarantineFolder && e.IsDir():
			err = k.checkQuarantine(ctx)
		case storage.IsStoreFile(name):
		default:
			k.checkUnknown(e)
		}
		if err != nil {
			return err
		}
	}
	pending, err := k.index.Unresolved(ctx, 0, maxReported)
	for _, d := range pending {
		k.warn(Problem{Kind: WarningIssue, File: d.Subject, Text: d.Problem, Remedy: "resolves it", subject: d.Subject})
	}
	return err
}

// checkUnknown tells a camera's folder that the index does not know from what is none of ours.
func (k *checker) checkUnknown(e fs.DirEntry) {
	foreign := Problem{Kind: WarningForeign, File: e.Name(), Text: "not a file of Keepwatch", Remedy: "nothing: it is left unchanged"}
	if !e.IsDir() {
		k.warn(foreign)
		return
	}
	d, err := k.disk.Sub(e.Name())
	if err != nil {
		k.warn(foreign)
		return
	}
	defer d.Close()
	name, id, err := storage.ReadManifest(d)
	if err != nil {
		k.warn(foreign)
		return
	}
	f := Problem{Kind: ErrorFolder, Camera: name, File: e.Name(), Text: "the index does not list this camera",
		Remedy: "the next start of nvr adds it to the index, with all its footage"}
	if i := slices.IndexFunc(k.cameras, func(c *camera) bool { return c.ID == id }); i >= 0 {
		c := k.cameras[i]
		f.Text = "it belongs to camera " + id.String() + ", whose folder is " + c.Folder
		f.Remedy = "nothing: move the footage to " + c.Folder + " and remove this folder"
	}
	k.fail(f)
}

// checkFolder lists what lies in a camera's folder beside its manifest, streams and kept clips.
func (k *checker) checkFolder(c *camera) error {
	if c.files == nil {
		return nil
	}
	entries, err := c.files.List(".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		_, notStream := media.ParseQuality(name)
		switch {
		case name == storage.ManifestName, name == storage.ManifestName+".new", name == storage.KeptFolder && e.IsDir():
		case notStream == nil && e.IsDir():
			err = k.checkStreamFolder(c, name)
		default:
			k.warn(Problem{Kind: WarningForeign, Camera: c.Name, File: path.Join(c.Folder, name), Text: "not a file of Keepwatch", Remedy: "nothing: it is left unchanged"})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkStreamFolder lists what in a stream's folder is no day.
func (k *checker) checkStreamFolder(c *camera, name string) error {
	entries, err := c.files.List(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := time.Parse(index.DayLayout, e.Name()); err != nil || !e.IsDir() {
			k.warn(Problem{Kind: WarningForeign, Camera: c.Name, Stream: name, File: path.Join(c.Folder, name, e.Name()),
				Text: "not a file of Keepwatch", Remedy: "nothing: it is left unchanged"})
		}
	}
	return nil
}

// checkQuarantine lists the files in quarantine, with what was last found out about each.
func (k *checker) checkQuarantine(ctx context.Context) error {
	entries, err := k.disk.List(storage.QuarantineFolder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".txt") {
			continue
		}
		f := Problem{Kind: WarningQuarantined, File: path.Join(storage.QuarantineFolder, e.Name()), Remedy: "restores what verifies in it", Text: "not examined yet"}
		f.subject = f.File
		found := f.File
		if before, settled := strings.CutSuffix(f.File, storage.ResolvedSuffix); settled {
			f.Remedy, f.Text, f.subject, found = "nothing: it stays in quarantine", "what verifies in it was restored", "", before+".mp4"
		}
		issue, noted, err := k.index.LatestIssue(ctx, found)
		if err != nil {
			return err
		}
		if noted {
			f.Text = issue.Problem + "; " + cmp.Or(issue.Outcome, "not resolved yet")
		}
		k.warn(f)
	}
	return nil
}

// cameraIn returns the camera of a folder; nil when there is none.
func (k *checker) cameraIn(folder string) *camera {
	i := slices.IndexFunc(k.cameras, func(c *camera) bool { return c.Folder == folder })
	if i < 0 {
		return nil
	}
	return k.cameras[i]
}

// isSegment reports whether a name in a day's folder is a segment's, or what is left of one that was about to be made.
func isSegment(name string) bool {
	return strings.HasSuffix(name, ".mp4") || strings.HasSuffix(name, segment.PieceSuffix)
}
