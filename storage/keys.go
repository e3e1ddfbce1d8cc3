package storage

import (
	"encoding/binary"
	"errors"
	"slices"

	"keepwatch.internal/internal/media"
)

// keyFrame is where a fragment that begins with a key frame stands in its segment.
type keyFrame struct {
	at     int64  // wall clock of the picture, µs
	offset int64  // of the fragment's label in the file
	size   uint32 // 0 when only the label tells
}

// errKeys is returned for a packed table of key frames that is not one.
var errKeys = errors.New("malformed table of key frames in the index")

// packedKeys begins a packed table of this form. The one before it, which had sizes and began with an even number, is still
// read: see unpackSizedKeys.
const packedKeys = 1

// packKeys packs the key frames of a segment that begins at start: the time since the one before, less what that time was
// the last time; and the bytes since the one before. The size stands in the fragment's label. A steady camera takes four bytes
// a key frame.
func packKeys(start int64, keys []keyFrame) []byte {
	b := append(make([]byte, 0, 1+5*len(keys)), packedKeys)
	last, step, offset := start, int64(0), int64(0)
	for _, k := range keys {
		b = binary.AppendVarint(b, k.at-last-step)
		b = binary.AppendUvarint(b, uint64(k.offset-offset))
		last, step, offset = k.at, k.at-last, k.offset
	}
	return b
}

// unpackKeys reads what packKeys packed. Sizes are 0: not known.
func unpackKeys(start int64, b []byte) ([]keyFrame, error) {
	if len(b) == 0 || b[0] != packedKeys {
		return unpackSizedKeys(start, b)
	}
	var keys []keyFrame
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
		k := keyFrame{at: last + step + change, offset: offset + int64(further)}
		keys = append(keys, k)
		last, step, offset = k.at, k.at-last, k.offset
		b = b[n+m:]
	}
	return keys, nil
}

// unpackSizedKeys reads the form of before, in which a key frame had its distance from the end of the one before, and its
// size.
func unpackSizedKeys(start int64, b []byte) ([]keyFrame, error) {
	var keys []keyFrame
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
		k := keyFrame{at: last + step + change, offset: end + int64(between), size: uint32(size)}
		keys = append(keys, k)
		last, step, end = k.at, k.at-last, k.offset+int64(k.size)
		b = b[n+m+o:]
	}
	return keys, nil
}

// sameKeys reports whether two packed tables of a segment list the same key frames.
func sameKeys(start int64, a, b []byte) bool {
	x, errX := unpackKeys(start, a)
	y, errY := unpackKeys(start, b)
	return errX == nil && errY == nil && slices.EqualFunc(x, y, func(x, y keyFrame) bool { return x.at == y.at && x.offset == y.offset })
}

// keysOf lists the key frames among the fragments of a segment.
func keysOf(entries []media.Entry) []keyFrame {
	var keys []keyFrame
	for i := range entries {
		if e := &entries[i]; e.Random {
			keys = append(keys, keyFrame{micros(e.Start), e.Offset, e.Size})
		}
	}
	return keys
}

// keyBefore returns the last key frame that is not after the time at.
func keyBefore(keys []keyFrame, at int64) (keyFrame, bool) {
	for i := len(keys) - 1; i >= 0; i-- {
		if keys[i].at <= at {
			return keys[i], true
		}
	}
	return keyFrame{}, false
}
