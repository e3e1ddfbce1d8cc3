package storage

import (
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/segment"
)

// Clip is a file over a stretch of footage that exists only while it is read: an io.ReadSeekCloser of known size whose
// bytes are read from the segments, and verified, as they are asked for. While it is open its segments stay on the disk.
//
// A clip belongs to one reader: its methods are called by one goroutine, except for Renew, which any may call. It shares
// no buffer with any other. Every Read asks the permit. Once that has expired, Read returns access.ErrDenied until Renew,
// also in the middle of the clip. Read returns ErrQuarantined for footage that does not verify, and no byte of it. It returns
// ErrGone when a file vanished or the owner deleted the footage. After these two errors the clip is over.
type Clip struct {
	r      *reader
	hold   *hold
	layout segment.Layout
	parts  []part // without their entries

	permit clipPermit

	pos    int64
	file   disk.File // of the part that was read last
	opened int       // its number
	buffer []byte    // this clip's own, for one fragment after the other
	bytes  []byte    // what the piece shares of the fragment
	loaded int       // number of the piece that bytes holds
	failed error
	closed bool
}

// Start returns the wall clock of the clip's first picture.
func (c *Clip) Start() time.Time { return c.layout.Start }

// End returns the wall clock at which its last picture ends.
func (c *Clip) End() time.Time { return c.layout.End }

// Run returns the run of its first picture.
func (c *Clip) Run() media.RunID { return c.layout.Run }

// MIME returns its type with the codecs parameter.
func (c *Clip) MIME() string { return c.layout.MIME }

// Size returns its length in bytes.
func (c *Clip) Size() int64 { return c.layout.Size }

// Seek sets where the next Read begins, as io.Seeker says.
func (c *Clip) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.pos
	case io.SeekEnd:
		offset += c.layout.Size
	}
	if offset < 0 || whence < io.SeekStart || whence > io.SeekEnd {
		return 0, errors.New("seek before the start of a clip")
	}
	c.pos = offset
	return offset, nil
}

// Read reads from where the last one ended, as io.Reader says.
func (c *Clip) Read(b []byte) (int, error) {
	if c.closed {
		return 0, errors.New("read from a closed clip")
	}
	if err := c.allowed(); err != nil {
		return 0, err
	}
	if c.failed == nil && c.hold != nil && c.r.l.holdBroken(c.hold) {
		c.failed = ErrGone
	}
	if c.failed != nil {
		return 0, c.failed
	}
	if len(b) == 0 {
		return 0, nil
	}
	if c.pos >= c.layout.Size {
		return 0, io.EOF
	}
	if c.pos < int64(len(c.layout.Head)) {
		n := copy(b, c.layout.Head[c.pos:])
		c.pos += int64(n)
		return n, nil
	}
	i := sort.Search(len(c.layout.Pieces), func(i int) bool { return c.layout.Pieces[i].At > c.pos }) - 1
	if i != c.loaded {
		if err := c.load(i); err != nil {
			c.failed = err
			return 0, err
		}
	}
	n := copy(b, c.bytes[c.pos-c.layout.Pieces[i].At:])
	c.pos += int64(n)
	return n, nil
}

// load reads and verifies the fragment of a piece.
func (c *Clip) load(i int) error {
	c.loaded, c.bytes = -1, nil
	p := c.layout.Pieces[i]
	x := c.parts[p.Part]
	if err := c.openPart(int(p.Part)); err != nil {
		return c.r.explain(x.row, err)
	}
	b, label, err := c.r.expected(x.row).Fragment(c.file, p.Place(), c.buffer)
	if err == nil && label.Seq != p.Seq {
		err = fmt.Errorf("fragment at %d: %w: another fragment than expected", p.Offset, media.ErrForged)
	}
	if err != nil {
		return c.r.explain(x.row, err)
	}
	c.buffer = b
	share, err := c.layout.Cut(p, b, c.r.key)
	if err != nil {
		return c.r.explain(x.row, err)
	}
	c.bytes, c.loaded = share, i
	return nil
}

func (c *Clip) openPart(i int) error {
	if c.file != nil && c.opened == i {
		return nil
	}
	if err := c.closeFile(); err != nil {
		return err
	}
	f, err := c.r.c.files.Open(c.parts[i].row.Name())
	if err != nil {
		return err
	}
	c.file, c.opened = f, i
	return nil
}

func (c *Clip) closeFile() error {
	if c.file == nil {
		return nil
	}
	err := c.file.Close()
	c.file = nil
	return err
}

// Close lets go of the segments. Closing twice is harmless.
func (c *Clip) Close() error {
	if c.closed {
		return nil
	}
	c.closed, c.buffer, c.bytes, c.layout.Pieces = true, nil, nil, nil
	if c.hold != nil {
		c.r.l.endHold(c.hold)
	}
	return c.closeFile()
}
