package storage

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// checkCameras compares the rows of cameras with their folders and cards.
func (k *checker) checkCameras(ctx context.Context) error {
	rows, err := camerasOf(ctx, k.index.Reader)
	if err != nil {
		return err
	}
	for _, c := range rows {
		if !Synthetic(c.name) {
			k.report.Cameras++
		}
		c.key = media.DeriveLabelKey(k.o.MasterKey, c.id)
		if err := k.checkManifest(c); err != nil {
			return err
		}
		k.cameras = append(k.cameras, c)
		k.look.cameras[c.id] = c
	}
	k.seen.AllSegments, k.seen.AllBytes, err = k.index.Total(ctx)
	return err
}

// checkManifest opens the camera's folder, where it can be, and reads its manifest.
func (k *checker) checkManifest(c *camera) error {
	f := Finding{Kind: FindingCard, Camera: c.name, File: path.Join(c.folder, manifestName), Remedy: "writes it again", subject: c.folder}
	var err error
	c.files, err = k.disk.Sub(c.folder)
	switch {
	case disk.IsMissing(err):
		c.files = nil
		k.find(Finding{Kind: FindingFolder, Camera: c.name, File: c.folder, Problem: "the camera's folder is not there",
			Remedy: "the next start of nvr makes it anew; what its rows claim becomes gaps", subject: c.folder})
		return nil
	case err != nil:
		return err
	}
	_, id, err := readManifest(c.files)
	switch {
	case disk.IsMissing(err):
		f.Problem = "the file is not there"
	case err != nil:
		f.Problem = err.Error()
	case id != c.id:
		f.Problem, f.Remedy = fmt.Sprintf("it says that the folder is camera %s's, expected %s", id, c.id), "nothing: stop nvr and put back the right folder"
		f.subject = ""
	default:
		return nil
	}
	k.find(f)
	return nil
}

// checkStreams walks over all streams: sums, ledger, and then the files of each day, the newest last.
func (k *checker) checkStreams(ctx context.Context) error {
	for _, c := range k.cameras {
		for _, q := range qualities {
			if err := k.checkStream(ctx, c, q); err != nil {
				return fmt.Errorf("%s %s: %w", c.name, q, err)
			}
			if c.files == nil {
				continue
			}
			days, err := k.look.daysOf(ctx, c, q)
			if err != nil {
				return fmt.Errorf("%s %s: %w", c.name, q, err)
			}
			for _, day := range days {
				if err := k.checkDay(ctx, c, q, day); err != nil {
					return fmt.Errorf("%s %s %s: %w", c.name, q, day.Format(index.DayLayout), err)
				}
			}
		}
	}
	return nil
}

// lookAgain is how often, and when, a stream that a server may be changing is looked at again before it is doubted.
const (
	lookAgain      = 3
	lookAgainAfter = 300 * time.Millisecond
)

// checkStream compares sums and ledger of a stream with its segments.
func (k *checker) checkStream(ctx context.Context, c *camera, q media.Quality) error {
	st := index.Stream{Camera: c.row, Quality: q}
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
	f := Finding{Camera: c.name, Stream: q.String(), subject: streamFolder(c, q)}
	if sums.Wrong() {
		f.Kind, f.Remedy = FindingSums, "adds them up anew"
		f.Problem = fmt.Sprintf("the index counts %d segments of %d bytes, there are %d of %d", sums.Counted, sums.CountedBytes, sums.Segments, sums.Bytes)
		k.find(f)
	}
	for _, x := range wrong {
		f.Kind, f.From, f.To = FindingLedger, moment(x.From), moment(x.To)
		switch {
		case x.Segment == 0:
			f.Problem, f.Remedy, f.Seconds = "the timeline says footage where there is no segment", "makes it a gap", 0
		case x.Ledger == 0:
			f.Problem, f.Remedy, f.Seconds = "the timeline says a gap where there is a segment", "puts the footage on the timeline", seconds(x.To-x.From)
		default:
			f.Problem, f.Remedy, f.Seconds = "the timeline names another run than the segment", "corrects the timeline", 0
		}
		k.find(f)
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
	rows, err := k.index.BeginningIn(ctx, index.Stream{Camera: c.row, Quality: q}, dayOf(day))
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
		case !ours(e.Name()) || !regular(e):
			k.note(Finding{Kind: NoteForeign, Camera: c.name, Stream: q.String(), File: path.Join(c.folder, name),
				Problem: "it is none of ours", Remedy: "nothing: it is left alone"})
		case strings.HasSuffix(name, ".mp4"):
			if err := k.checkStray(ctx, c, q, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSegment looks at one segment, and again when its row has changed meanwhile.
func (k *checker) checkSegment(ctx context.Context, c *camera, r index.Segment) error {
	if !Synthetic(c.name) {
		k.report.Segments++
		k.report.Bytes += r.Size
	}
	k.seen.Segments++
	k.seen.Bytes += r.Size
	for range lookAgain {
		f, err := k.inspect(ctx, c, r)
		if err != nil {
			return err
		}
		if f == nil {
			return nil
		}
		now, noted, err := k.look.rowOf(ctx, c, r.Name())
		switch {
		case err != nil:
			return err
		case !noted: // deleted meanwhile
			return nil
		case now != r: // closed, repaired or marked meanwhile
			r = now
			continue
		}
		f.Camera, f.Stream, f.File, f.Row = c.name, r.Stream.Quality.String(), path.Join(c.folder, r.Name()), moment(r.Start)
		if strings.HasPrefix(f.Kind, "segment-open") || f.Kind == NoteDeleting {
			k.note(*f)
		} else {
			k.find(*f)
		}
		return nil
	}
	return nil
}

// inspect looks at a segment once. It returns nil for one that is in order.
func (k *checker) inspect(ctx context.Context, c *camera, r index.Segment) (*Finding, error) {
	subject := path.Join(c.folder, r.Name())
	switch r.State {
	case index.StateOpen:
		return &Finding{Kind: NoteOpen, Problem: "it is being written, or was when the program ended", Remedy: "nothing: it is closed, or recovered at the next start"}, nil
	case index.StateDeleting:
		return &Finding{Kind: NoteDeleting, Problem: "it is marked to be deleted", Remedy: "nothing: retention finishes it"}, nil
	case index.StateQuarantined:
		return &Finding{Kind: FindingSetAside, Problem: "it did not verify when it was to be served", Seconds: seconds(r.End - r.Start),
			Remedy: remedyDamaged, subject: subject}, nil
	}
	keys, err := k.index.PackedKeys(ctx, r)
	if err != nil {
		return nil, err
	}
	x := inspection{c: c, row: r, keys: keys, deep: k.o.ReadData, pace: k.pace}
	_, bad, err := x.inspect(ctx)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return &Finding{Kind: FindingUnreadable, Problem: err.Error(), Seconds: seconds(r.End - r.Start), Remedy: "nothing: see to the disk, and check again"}, nil
	case bad == nil:
		return nil, nil
	}
	remedies := map[string]string{
		FindingMissing: "makes its time a gap", FindingShort: "keeps what is left of it, and makes the rest a gap",
		FindingDamaged: remedyDamaged, FindingKeys: "takes them from the file",
	}
	return &Finding{Kind: bad.kind, Problem: bad.problem, Seconds: seconds(bad.lostUS), Remedy: remedies[bad.kind], subject: subject}, nil
}

const remedyDamaged = "moves the file to quarantine, complete, and takes back from it what verifies"

// checkStray looks at a file without a row, unless it got one meanwhile.
func (k *checker) checkStray(ctx context.Context, c *camera, q media.Quality, name string) error {
	res, err := segment.Scan(ctx, c.owner(), name, k.pace)
	_, noted, known := k.look.rowOf(ctx, c, name)
	switch {
	case known != nil:
		return known
	case noted || disk.IsMissing(err):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if _, err := c.files.Stat(name); disk.IsMissing(err) { // it and its row were deleted meanwhile
		return nil
	}
	f := Finding{Camera: c.name, Stream: q.String(), File: path.Join(c.folder, name), subject: path.Join(c.folder, name)}
	var entries []media.Entry
	if err == nil {
		entries = res.Table.Entries
	}
	switch {
	case err != nil && !segment.IsDamage(err):
		f.Kind, f.Problem, f.Remedy, f.subject = FindingUnreadable, err.Error(), "nothing: see to the disk, and check again", ""
	case err != nil:
		f.Kind, f.Problem, f.Remedy = FindingForeign, "it is no segment of this camera: "+err.Error(), "moves it to quarantine"
	case len(entries) == 0:
		f.Kind, f.Problem, f.Remedy = FindingStray, "the index does not know it, and it begins with nothing that verifies", "takes what verifies into the archive, and moves the rest to quarantine"
	case res.Run.Stream.Quality != q || index.SegmentName(q, index.Micros(entries[0].Start)) != name:
		f.Kind, f.Remedy = FindingForeign, "moves it to quarantine, and from there to its place when that is free"
		f.Problem = "its labels say that it is " + index.SegmentName(res.Run.Stream.Quality, index.Micros(entries[0].Start))
	default:
		f.Kind, f.Problem, f.Remedy = FindingStray, "the index does not know it", "takes it into the archive"
		f.Seconds = entries[len(entries)-1].End().Sub(entries[0].Start).Seconds()
	}
	k.find(f)
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
		switch c := k.look.cameraIn(name); {
		case c != nil:
			err = k.checkFolder(c)
		case name == quarantineName && e.IsDir():
			err = k.checkQuarantine(ctx)
		case name == identityName, name == lockName, name == identityName+".new", name == "lost+found", strings.HasPrefix(name, "."):
		default:
			k.checkUnknown(e)
		}
		if err != nil {
			return err
		}
	}
	pending, err := k.index.Unresolved(ctx, 0, maxReported)
	for _, d := range pending {
		k.note(Finding{Kind: NoteDoubt, File: d.Subject, Problem: d.Problem, Remedy: "resolves it", subject: d.Subject})
	}
	return err
}

// checkUnknown tells a camera's folder that the index does not know from what is none of ours.
func (k *checker) checkUnknown(e fs.DirEntry) {
	foreign := Finding{Kind: NoteForeign, File: e.Name(), Problem: "it is none of ours", Remedy: "nothing: it is left alone"}
	if !e.IsDir() {
		k.note(foreign)
		return
	}
	d, err := k.disk.Sub(e.Name())
	if err != nil {
		k.note(foreign)
		return
	}
	defer d.Close()
	m, id, err := readManifest(d)
	if err != nil {
		k.note(foreign)
		return
	}
	f := Finding{Kind: FindingFolder, Camera: m.Name, File: e.Name(), Problem: "the index does not know this camera",
		Remedy: "the next start of nvr takes it into the index, with all its footage"}
	if c := k.look.cameras[id]; c != nil {
		f.Problem = "it says that it is camera " + id.String() + ", whose folder is " + c.folder
		f.Remedy = "nothing: move the footage to " + c.folder + " and remove this folder"
	}
	k.find(f)
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
		case name == manifestName, name == manifestName+".new", name == keptFolder && e.IsDir():
		case notStream == nil && e.IsDir():
			err = k.checkStreamFolder(c, name)
		default:
			k.note(Finding{Kind: NoteForeign, Camera: c.name, File: path.Join(c.folder, name), Problem: "it is none of ours", Remedy: "nothing: it is left alone"})
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
			k.note(Finding{Kind: NoteForeign, Camera: c.name, Stream: name, File: path.Join(c.folder, name, e.Name()),
				Problem: "it is none of ours", Remedy: "nothing: it is left alone"})
		}
	}
	return nil
}

// checkQuarantine lists the files in quarantine, with what was last found out about each.
func (k *checker) checkQuarantine(ctx context.Context) error {
	entries, err := k.disk.List(quarantineName)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".txt") {
			continue
		}
		f := Finding{Kind: NoteQuarantined, File: path.Join(quarantineName, e.Name()), Remedy: "takes back what verifies", Problem: "nobody has looked into it yet"}
		f.subject = f.File
		found := f.File
		if before, settled := strings.CutSuffix(f.File, resolvedSuffix); settled {
			f.Remedy, f.Problem, f.subject, found = "nothing: it stays there", "what verifies of it was taken back", "", before+".mp4"
		}
		issue, noted, err := k.index.LatestIssue(ctx, found)
		if err != nil {
			return err
		}
		if noted {
			f.Problem = issue.Problem + "; " + cmp.Or(issue.Outcome, "not resolved yet")
		}
		k.note(f)
	}
	return nil
}
