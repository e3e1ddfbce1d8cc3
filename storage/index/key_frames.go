package index

import (
	"encoding/binary"
	"errors"
	"slices"

	"keepwatch.internal/internal/media"
)

// KeyFrame is where a fragment that begins with a key frame stands in its segment.
type KeyFrame struct {
	At     int64  // wall clock of the picture, µs
	Offset int64  // of the fragment's label in the file
	Size   uint32 // 0 when only the label tells
}

// errKeys is returned for a packed table of key frames that is not one.
var errKeys = errors.New("malformed table of key frames in the index")

// packedKeys begins a packed table of this form. The one before it, which had sizes and began with an even number, is still
// read: see unpackSizedKeys.
const packedKeys = 1

// PackKeys packs the key frames of a segment that begins at start: the time since the one before, less what that time was
// the last time; and the bytes since the one before. The size stands in the fragment's label. A steady camera takes four bytes
// a key frame.
func PackKeys(start int64, keys []KeyFrame) []byte {
	b := append(make([]byte, 0, 1+5*len(keys)), packedKeys)
	last, step, offset := start, int64(0), int64(0)
	for _, k := range keys {
		b = binary.AppendVarint(b, k.At-last-step)
		b = binary.AppendUvarint(b, uint64(k.Offset-offset))
		last, step, offset = k.At, k.At-last, k.Offset
	}
	return b
}

// UnpackKeys reads what PackKeys packed. Sizes are 0: not known.
func UnpackKeys(start int64, b []byte) ([]KeyFrame, error) {
	if len(b) == 0 || b[0] != packedKeys {
		return unpackSizedKeys(start, b)
	}
	var keys []KeyFrame
	last, step, offset := start, int64(0), int64(0)
	for b = b[1:]; len(b) > 0; {
		change, n := binary.Varint(b)
		if n <= 0 {
			return nil, errKeys
		}
		further, m := binary.Uvarint(b[n:])
		if m <= 0 || further > 1<<62 {
			return nil, errKeys
		}
		k := KeyFrame{At: last + step + change, Offset: offset + int64(further)}
		keys = append(keys, k)
		last, step, offset = k.At, k.At-last, k.Offset
		b = b[n+m:]
	}
	return keys, nil
}

// unpackSizedKeys reads the older format: for each key frame its size and its distance from the end of the one before.
func unpackSizedKeys(start int64, b []byte) ([]KeyFrame, error) {
	var keys []KeyFrame
	last, step, end := start, int64(0), int64(0)
	for len(b) > 0 {
		change, n := binary.Varint(b)
		if n <= 0 {
			return nil, errKeys
		}
		between, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return nil, errKeys
		}
		size, o := binary.Uvarint(b[n+m:])
		if o <= 0 || size > 1<<32-1 || between > 1<<62 {
			return nil, errKeys
		}
		k := KeyFrame{At: last + step + change, Offset: end + int64(between), Size: uint32(size)}
		keys = append(keys, k)
		last, step, end = k.At, k.At-last, k.Offset+int64(k.Size)
		b = b[n+m+o:]
	}
	return keys, nil
}

// SameKeys reports whether two packed tables of a segment list the same key frames.
func SameKeys(start int64, a, b []byte) bool {
	x, errX := UnpackKeys(start, a)
	y, errY := UnpackKeys(start, b)
	return errX == nil && errY == nil && slices.EqualFunc(x, y, func(x, y KeyFrame) bool { return x.At == y.At && x.Offset == y.Offset })
}

// KeysOf lists the key frames among the fragments of a segment.
func KeysOf(entries []media.Entry) []KeyFrame {
	var keys []KeyFrame
	for i := range entries {
		if e := &entries[i]; e.Random {
			keys = append(keys, KeyFrame{Micros(e.Start), e.Offset, e.Size})
		}
	}
	return keys
}

// KeyBefore returns the last key frame that is not after the time at.
func KeyBefore(keys []KeyFrame, at int64) (KeyFrame, bool) {
	for i := len(keys) - 1; i >= 0; i-- {
		if keys[i].At <= at {
			return keys[i], true
		}
	}
	return KeyFrame{}, false
}
