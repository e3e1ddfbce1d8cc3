package media

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// boxes appends ISO base media boxes (ISO/IEC 14496-12 4.2) to a buffer.
type boxes struct{ b []byte }

// box appends a box of the type, with the content that fill appends.
func (w *boxes) box(kind string, fill func()) {
	at := len(w.b)
	w.u32(0)
	w.str(kind)
	fill()
	binary.BigEndian.PutUint32(w.b[at:], uint32(len(w.b)-at))
}

// full appends a full box, which begins with a version and 24 bits of flags.
func (w *boxes) full(kind string, version byte, flags uint32, fill func()) {
	w.box(kind, func() {
		w.u32(uint32(version)<<24 | flags)
		fill()
	})
}

func (w *boxes) u8(v byte)      { w.b = append(w.b, v) }
func (w *boxes) u16(v uint16)   { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *boxes) u32(v uint32)   { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *boxes) u64(v uint64)   { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *boxes) str(s string)   { w.b = append(w.b, s...) }
func (w *boxes) bytes(b []byte) { w.b = append(w.b, b...) }
func (w *boxes) zero(n int)     { w.b = append(w.b, make([]byte, n)...) }

// box is one parsed box: its type, and its content without the header.
type box struct {
	kind string
	body []byte
}

// children yields the boxes in b one after the other. A box that does not fit ends the walk with ErrFormat.
func children(b []byte) iter.Seq2[box, error] {
	return func(yield func(box, error) bool) {
		for len(b) > 0 {
			if len(b) < 8 {
				yield(box{}, fmt.Errorf("%w: %d bytes where a box should be", ErrFormat, len(b)))
				return
			}
			size := int64(binary.BigEndian.Uint32(b))
			if size < 8 || size > int64(len(b)) {
				yield(box{}, fmt.Errorf("%w: box of %d bytes in %d", ErrFormat, size, len(b)))
				return
			}
			if !yield(box{kind: string(b[4:8]), body: b[8:size]}, nil) {
				return
			}
			b = b[size:]
		}
	}
}

// find returns the content of the first box on the path, in which each element is a child of the previous one, or ErrFormat.
func find(b []byte, path ...string) ([]byte, error) {
	for _, kind := range path {
		found := false
		for c, err := range children(b) {
			if err != nil {
				return nil, err
			}
			if c.kind == kind {
				b, found = c.body, true
				break
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: no %s box", ErrFormat, kind)
		}
	}
	return b, nil
}
