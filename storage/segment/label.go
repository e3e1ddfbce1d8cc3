package segment

import (
	"bytes"
	"fmt"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
)

// longestUnclosed bounds what a label at the end of an unfinished file may claim.
const longestUnclosed = 24 * time.Hour

// LastLabel finds the last complete label in a segment's file that can belong to the segment. The label need not verify. It
// returns media.ErrFormat when there is none. Of x, Stream, Run and Start count.
func LastLabel(d disk.Folder, name string, x Expected) (media.Label, error) {
	f, err := d.Open(name)
	if err != nil {
		return media.Label{}, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return media.Label{}, err
	}
	const step = 512 << 10
	for end := size; end > 0; end -= step - media.LabelSize {
		from := max(0, end-step)
		b := make([]byte, end-from)
		if _, err := f.ReadAt(b, from); err != nil {
			return media.Label{}, err
		}
		if label, ok := lastLabelIn(b, x); ok {
			return label, nil
		}
		if from == 0 {
			break
		}
	}
	return media.Label{}, fmt.Errorf("%w: no label of a fragment", media.ErrFormat)
}

func lastLabelIn(b []byte, x Expected) (media.Label, bool) {
	for end := len(b); ; {
		at := bytes.LastIndex(b[:end], []byte("uuid"))
		if at < 4 {
			return media.Label{}, false
		}
		label, err := media.ParseLabel(b[at-4:])
		claims := micros(label.Start) - x.Start
		if err == nil && label.Run == x.Run && label.Quality == x.Stream.Quality && label.Kind != media.LabelInit &&
			claims >= 0 && claims < longestUnclosed.Microseconds() && label.Duration < longestUnclosed {
			return label, true
		}
		end = at
	}
}

// OfAnotherRun reports whether the file certainly is a segment of the owner and of another run.
func OfAnotherRun(o Owner, name string, run media.RunID) bool {
	f, err := o.Folder.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return false
	}
	label, err := media.FirstLabel(f, size)
	if err != nil || label.Kind != media.LabelInit || label.ContentSize > maxInit {
		return false
	}
	head := make([]byte, label.ContentSize+media.LabelSize)
	if _, err := f.ReadAt(head, 0); err != nil {
		return false
	}
	found, err := media.OpenRun(head, o.Camera, o.Key)
	return err == nil && found.ID != run
}
