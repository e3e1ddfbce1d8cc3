package check

import (
	"context"
	"path"
	"strings"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
	"keepwatch.internal/storage/segment"
)

// checkSegment looks at one segment, and again when its row has changed meanwhile.
func (k *checker) checkSegment(ctx context.Context, c *camera, r index.Segment) error {
	if !storage.Synthetic(c.Name) {
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
		now, noted, err := k.index.Named(ctx, c.Row, r.Name())
		switch {
		case err != nil:
			return err
		case !noted: // deleted meanwhile
			return nil
		case now != r: // closed, repaired or marked meanwhile
			r = now
			continue
		}
		f.Camera, f.Stream, f.File, f.Row = c.Name, r.Stream.Quality.String(), path.Join(c.Folder, r.Name()), moment(r.Start)
		if strings.HasPrefix(f.Kind, "segment-open") || f.Kind == WarningDeleting {
			k.warn(*f)
		} else {
			k.fail(*f)
		}
		return nil
	}
	return nil
}

// inspect looks at a segment once. It returns nil for one that is in order.
func (k *checker) inspect(ctx context.Context, c *camera, r index.Segment) (*Problem, error) {
	subject := path.Join(c.Folder, r.Name())
	switch r.State {
	case index.StateOpen:
		return &Problem{Kind: WarningOpen, Text: "it is being written, or was when the program ended", Remedy: "nothing: it is closed, or recovered at the next start"}, nil
	case index.StateDeleting:
		return &Problem{Kind: WarningDeleting, Text: "it is marked to be deleted", Remedy: "nothing: retention finishes it"}, nil
	case index.StateQuarantined:
		return &Problem{Kind: ErrorSetAside, Text: "it did not verify when it was to be served", Seconds: seconds(r.End - r.Start),
			Remedy: remedyDamaged, subject: subject}, nil
	}
	keys, err := k.index.PackedKeys(ctx, r)
	if err != nil {
		return nil, err
	}
	bad, err := k.compare(ctx, c, r, keys)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return &Problem{Kind: ErrorUnreadable, Text: err.Error(), Seconds: seconds(r.End - r.Start), Remedy: "nothing: examine the disk, then check again"}, nil
	case bad == nil:
		return nil, nil
	}
	remedies := map[string]string{
		ErrorMissing: "makes its time a gap", ErrorShort: "keeps what is left of it, and makes the rest a gap",
		ErrorDamaged: remedyDamaged, ErrorKeys: "takes them from the file",
	}
	bad.Remedy, bad.subject = remedies[bad.Kind], subject
	return bad, nil
}

// compare compares a closed segment's file with its row, whose packed key frames are given. It returns nil when they agree.
func (k *checker) compare(ctx context.Context, c *camera, r index.Segment, keys []byte) (*Problem, error) {
	x := segment.Expected{Stream: media.StreamID{Camera: c.ID, Quality: r.Stream.Quality}, Key: c.key, Run: r.RunID,
		Start: r.Start, End: r.End, Size: r.Size, Init: r.Init}
	entries, bad, err := segment.Verify(ctx, c.files, r.Name(), x, segment.Verification{Fragments: k.o.ReadData, Pace: k.pace})
	switch {
	case err != nil:
		return nil, err
	case bad != nil:
		kind := [...]string{segment.Missing: ErrorMissing, segment.Short: ErrorShort, segment.Damaged: ErrorDamaged}[bad.Fault]
		return &Problem{Kind: kind, Text: bad.Problem, Seconds: seconds(bad.LostUS)}, nil
	case !index.SameKeys(r.Start, keys, index.PackKeys(r.Start, index.KeysOf(entries))):
		return &Problem{Kind: ErrorKeys, Text: "the key frames that the index lists are not those of the file"}, nil
	}
	return nil, nil
}

const remedyDamaged = "moves the file to quarantine and restores what verifies in it"

// checkStray looks at a file without a row, unless it got one meanwhile.
func (k *checker) checkStray(ctx context.Context, c *camera, q media.Quality, name string) error {
	res, err := segment.Scan(ctx, c.owner(), name, k.pace)
	_, noted, known := k.index.Named(ctx, c.Row, name)
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
	f := Problem{Camera: c.Name, Stream: q.String(), File: path.Join(c.Folder, name), subject: path.Join(c.Folder, name)}
	var entries []media.Entry
	if err == nil {
		entries = res.Table.Entries
	}
	switch {
	case err != nil && !segment.IsDamage(err):
		f.Kind, f.Text, f.Remedy, f.subject = ErrorUnreadable, err.Error(), "nothing: examine the disk, then check again", ""
	case err != nil:
		f.Kind, f.Text, f.Remedy = ErrorForeign, "it is not a segment of this camera: "+err.Error(), "moves it to quarantine"
	case len(entries) == 0:
		f.Kind, f.Text, f.Remedy = ErrorStray, "the index does not list it, and its beginning does not verify", "adds what verifies to the archive, and moves the rest to quarantine"
	case res.Run.Stream.Quality != q || index.SegmentName(q, index.Micros(entries[0].Start)) != name:
		f.Kind, f.Remedy = ErrorForeign, "moves it to quarantine, and from there to its right place when that is free"
		f.Text = "its labels say that it is " + index.SegmentName(res.Run.Stream.Quality, index.Micros(entries[0].Start))
	default:
		f.Kind, f.Text, f.Remedy = ErrorStray, "the index does not list it", "adds it to the archive"
		f.Seconds = entries[len(entries)-1].End().Sub(entries[0].Start).Seconds()
	}
	k.fail(f)
	return nil
}
