package index

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

func FuzzPackedKeyFrames(f *testing.F) {
	f.Add([]byte{packedKeys, 0, 5, 2, 9}, int64(1_000_000))
	f.Add([]byte{0, 5, 9, 1, 7, 8}, int64(-5))
	f.Add([]byte{packedKeys, 0xff}, int64(0))
	f.Fuzz(func(t *testing.T, b []byte, start int64) {
		keys, err := UnpackKeys(start, b)
		if err != nil {
			return
		}
		packed := PackKeys(start, keys)
		again, err := UnpackKeys(start, packed)
		if err != nil || !SameKeys(start, b, packed) {
			t.Fatalf("%v became %v: %v", keys, again, err)
		}
	})
}

func TestPackedKeyFramesOfBeforeAreRead(t *testing.T) {
	keys := []KeyFrame{{1_000_000, 900, 40_000}, {2_000_003, 150_000, 41_000}, {3_000_003, 300_500, 39_000}}
	var old []byte
	last, step, end := int64(1_000_000), int64(0), int64(0)
	for _, k := range keys {
		old = binary.AppendVarint(old, k.At-last-step)
		old = binary.AppendUvarint(old, uint64(k.Offset-end))
		old = binary.AppendUvarint(old, uint64(k.Size))
		last, step, end = k.At, k.At-last, k.Offset+int64(k.Size)
	}
	got, err := UnpackKeys(1_000_000, old)
	if err != nil || !slices.Equal(got, keys) {
		t.Errorf("%v, %v", got, err)
	}
	now := PackKeys(1_000_000, keys)
	if !SameKeys(1_000_000, old, now) || bytes.Equal(old, now) || SameKeys(1_000_000, now, PackKeys(1_000_000, keys[:2])) {
		t.Errorf("%x and %x", old, now)
	}
	if len(now) > 1+5*len(keys) {
		t.Errorf("%d bytes for %d key frames", len(now), len(keys))
	}
}
