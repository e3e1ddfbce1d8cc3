package media

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// tableType is the extended type of the table's uuid box.
var tableType = [16]byte{0x6b, 0x65, 0x65, 0x70, 0x77, 0x61, 0x84, 0x63, 0x88, 0x01, 0x74, 0x61, 0x62, 0x6c, 0x65, 0x31}

const (
	// tableVersion is that of a table in which decoding is exact at once from each key frame on, and refreshVersion of any other.
	tableVersion   = 1
	refreshVersion = 2
	// tableGuess is how much is read from the end of a file at first; usually the table is in it.
	tableGuess = 64 << 10
	// maxTable bounds the memory for reading a table.
	maxTable = 64 << 20
)

// Entry describes one fragment of a segment: its position, its time and its samples.
type Entry struct {
	Offset               int64  // of the label, in the file
	Size                 uint32 // of label, moof and mdat
	Payload              uint32 // where the mdat's payload begins, from Offset
	Seq                  uint64
	Start                time.Time
	Duration             time.Duration
	Random, Damaged      bool
	Refresh              int    // decoding that starts here is exact after so many more frames; 0 if at once
	VideoBase, AudioBase uint64 // decoding time of the first sample in the run, ticks of the track
	Video, Audio         []Sample
}

// End returns the wall time at which the fragment ends.
func (e *Entry) End() time.Time { return e.Start.Add(e.Duration) }

// VideoBytes returns the size of all frames, which are at the start of the payload; the audio follows.
func (e *Entry) VideoBytes() int64 { return int64(total(e.Video)) }

// AudioBytes returns the size of all audio.
func (e *Entry) AudioBytes() int64 { return int64(total(e.Audio)) }

// Table lists the fragments of a segment, with everything that the header of a clip needs, so that the fragments need not be
// read for it. It is packed at the end of each closed segment.
type Table struct{ Entries []Entry }

// Append adds the labelled fragment b at offset in the segment's file. It returns ErrFormat if b is not a labelled
// fragment. It does not check the MAC.
func (t *Table) Append(offset int64, frag []byte) error {
	c, payload, err := parseFragment(frag)
	if err != nil {
		return err
	}
	if c.label.Kind != LabelFragment || int(c.label.ContentSize) != len(frag)-LabelSize {
		return fmt.Errorf("%w: label of kind %d for %d bytes", ErrFormat, c.label.Kind, c.label.ContentSize)
	}
	t.Entries = append(t.Entries, Entry{
		Offset: offset, Size: uint32(len(frag)), Payload: uint32(payload),
		Seq: c.label.Seq, Start: c.label.Start, Duration: c.label.Duration, Random: c.label.Random, Damaged: c.label.Damaged, Refresh: c.label.Refresh,
		VideoBase: c.videoBase, AudioBase: c.audioBase, Video: c.video, Audio: c.audio,
	})
	return nil
}

// Box returns the labelled box that closes a segment of the run. Its last four bytes are its total length, so that a reader
// finds it from the end of the file.
func (t *Table) Box(run *Run, key LabelKey) []byte {
	w := &boxes{b: make([]byte, LabelSize, 4096)}
	w.box("uuid", func() {
		w.bytes(tableType[:])
		w.u8(t.version())
		w.b = t.pack(w.b)
		w.u32(uint32(len(w.b) + 4))
	})
	label := Label{Kind: LabelTable, Quality: run.Stream.Quality, Camera: run.Stream.Camera, Run: run.ID, Seq: uint64(len(t.Entries)), Start: run.Start}
	if n := len(t.Entries); n > 0 {
		label.Start = t.Entries[0].Start
		label.Duration = t.Entries[n-1].End().Sub(label.Start)
	}
	label.put(w.b, key.mac(), w.b[LabelSize:])
	return w.b
}

// version returns the version of the box.
func (t *Table) version() byte {
	if slices.ContainsFunc(t.Entries, func(e Entry) bool { return e.Refresh > 0 }) {
		return refreshVersion
	}
	return tableVersion
}

// expected returns the usual values of the entry after e. Only differences from them are stored.
func (e *Entry) expected() Entry {
	n := Entry{Offset: e.Offset + int64(e.Size), Seq: e.Seq + 1, Start: e.End(), VideoBase: e.VideoBase, AudioBase: e.AudioBase}
	for _, s := range e.Video {
		n.VideoBase += uint64(s.Duration)
	}
	for _, s := range e.Audio {
		n.AudioBase += uint64(s.Duration)
	}
	return n
}

// pack appends the entries as varints (as encoding/binary defines them).
func (t *Table) pack(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(t.Entries)))
	want := Entry{Start: time.UnixMicro(0)}
	for i := range t.Entries {
		e := &t.Entries[i]
		var flags uint64
		if e.Random {
			flags |= 1
		}
		if e.Damaged {
			flags |= 2
		}
		if e.Refresh > 0 {
			flags |= 4
		}
		if b = binary.AppendUvarint(b, flags); e.Refresh > 0 {
			b = binary.AppendUvarint(b, uint64(e.Refresh))
		}
		b = binary.AppendVarint(b, e.Offset-want.Offset)
		b = binary.AppendUvarint(b, uint64(e.Size))
		b = binary.AppendUvarint(b, uint64(e.Payload))
		b = binary.AppendVarint(b, int64(e.Seq-want.Seq))
		b = binary.AppendVarint(b, e.Start.UnixMicro()-want.Start.UnixMicro())
		b = binary.AppendVarint(b, e.Duration.Microseconds())
		b = binary.AppendVarint(b, int64(e.VideoBase-want.VideoBase))
		b = binary.AppendVarint(b, int64(e.AudioBase-want.AudioBase))
		b = packSamples(b, e.Video)
		b = packSamples(b, e.Audio)
		want = e.expected()
	}
	return b
}

func packSamples(b []byte, samples []Sample) []byte {
	b = binary.AppendUvarint(b, uint64(len(samples)))
	last := Sample{}
	for _, s := range samples {
		random := uint64(0)
		if s.Random {
			random = 1
		}
		b = binary.AppendUvarint(b, uint64(s.Size)<<1|random)
		b = binary.AppendVarint(b, int64(s.Duration)-int64(last.Duration))
		b = binary.AppendVarint(b, int64(s.Offset)-int64(last.Offset))
		last = s
	}
	return b
}

// varints reads what pack wrote; the first error sticks.
type varints struct {
	b   []byte
	bad bool
}

func (v *varints) unsigned() uint64 {
	x, n := binary.Uvarint(v.b)
	if n <= 0 {
		v.b, v.bad = nil, true
		return 0
	}
	v.b = v.b[n:]
	return x
}

func (v *varints) signed() int64 {
	x, n := binary.Varint(v.b)
	if n <= 0 {
		v.b, v.bad = nil, true
		return 0
	}
	v.b = v.b[n:]
	return x
}

// count reads a number of items of at least each bytes, and refuses more than fit in the rest.
func (v *varints) count(each int) int {
	n := v.unsigned()
	if n > uint64(len(v.b)/each) {
		v.b, v.bad = nil, true
		return 0
	}
	return int(n)
}

func (v *varints) samples() []Sample {
	n := v.count(3)
	if n == 0 {
		return nil
	}
	samples := make([]Sample, n)
	last := Sample{}
	for i := range samples {
		size := v.unsigned()
		samples[i] = Sample{Size: uint32(size >> 1), Random: size&1 != 0,
			Duration: uint32(int64(last.Duration) + v.signed()), Offset: int32(int64(last.Offset) + v.signed())}
		last = samples[i]
	}
	return samples
}

func unpackTable(b []byte) (*Table, error) {
	v := &varints{b: b}
	t := &Table{Entries: make([]Entry, v.count(11))}
	want := Entry{Start: time.UnixMicro(0)}
	for i := range t.Entries {
		flags := v.unsigned()
		e := Entry{Random: flags&1 != 0, Damaged: flags&2 != 0}
		if flags&4 != 0 {
			e.Refresh = int(min(v.unsigned(), math.MaxUint16))
		}
		e.Offset = want.Offset + v.signed()
		e.Size, e.Payload = uint32(v.unsigned()), uint32(v.unsigned())
		e.Seq = want.Seq + uint64(v.signed())
		e.Start = time.UnixMicro(want.Start.UnixMicro() + v.signed()).UTC()
		e.Duration = time.Duration(v.signed()) * time.Microsecond
		e.VideoBase, e.AudioBase = want.VideoBase+uint64(v.signed()), want.AudioBase+uint64(v.signed())
		e.Video, e.Audio = v.samples(), v.samples()
		t.Entries[i], want = e, e.expected()
	}
	if v.bad || len(v.b) != 0 {
		return nil, fmt.Errorf("%w: segment table", ErrFormat)
	}
	return t, nil
}

// openTable checks and parses a labelled table box, the result of Box.
func openTable(b []byte, camera CameraID, key LabelKey) (*Table, error) {
	const head = LabelSize + 8 + 16 + 1
	if len(b) < head+4 {
		return nil, fmt.Errorf("%w: segment table of %d bytes", ErrFormat, len(b))
	}
	if err := key.verify(camera, LabelTable, b[:LabelSize], b[LabelSize:]); err != nil {
		return nil, err
	}
	if [16]byte(b[LabelSize+8:head-1]) != tableType || b[head-1] != tableVersion && b[head-1] != refreshVersion {
		return nil, fmt.Errorf("%w: segment table of unknown version", ErrFormat)
	}
	return unpackTable(b[head : len(b)-4])
}

// ReadTable reads the table at the end of a closed segment file of size bytes, in one read unless it is unusually long.
// It returns ErrFormat if the file does not end in a table, and ErrForged if the table is not the camera's.
func ReadTable(r io.ReaderAt, size int64, camera CameraID, key LabelKey) (*Table, error) {
	b := make([]byte, min(size, tableGuess))
	if _, err := r.ReadAt(b, size-int64(len(b))); err != nil {
		return nil, fmt.Errorf("read segment table: %w", err)
	}
	if len(b) < 4 {
		return nil, fmt.Errorf("%w: file of %d bytes", ErrFormat, size)
	}
	n := int64(binary.BigEndian.Uint32(b[len(b)-4:]))
	if n > size || n > maxTable {
		return nil, fmt.Errorf("%w: segment does not end in a table", ErrFormat)
	}
	if n > int64(len(b)) {
		b = make([]byte, n)
		if _, err := r.ReadAt(b, size-n); err != nil {
			return nil, fmt.Errorf("read segment table: %w", err)
		}
	}
	return openTable(b[int64(len(b))-n:], camera, key)
}
