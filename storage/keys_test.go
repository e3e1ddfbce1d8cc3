package storage

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
		keys, err := unpackKeys(start, b)
		if err != nil {
			return
		}
		packed := packKeys(start, keys)
		again, err := unpackKeys(start, packed)
		if err != nil || !sameKeys(start, b, packed) {
			t.Fatalf("%v became %v: %v", keys, again, err)
		}
	})
}

func TestPackedKeyFramesOfBeforeAreRead(t *testing.T) {
	keys := []keyFrame{{1_000_000, 900, 40_000}, {2_000_003, 150_000, 41_000}, {3_000_003, 300_500, 39_000}}
	var old []byte
	last, step, end := int64(1_000_000), int64(0), int64(0)
	for _, k := range keys {
		old = binary.AppendVarint(old, k.at-last-step)
		old = binary.AppendUvarint(old, uint64(k.offset-end))
		old = binary.AppendUvarint(old, uint64(k.size))
		last, step, end = k.at, k.at-last, k.offset+int64(k.size)
	}
	got, err := unpackKeys(1_000_000, old)
	if err != nil || !slices.Equal(got, keys) {
		t.Errorf("%v, %v", got, err)
	}
	now := packKeys(1_000_000, keys)
	if !sameKeys(1_000_000, old, now) || bytes.Equal(old, now) || sameKeys(1_000_000, now, packKeys(1_000_000, keys[:2])) {
		t.Errorf("%x and %x", old, now)
	}
	if len(now) > 1+5*len(keys) {
		t.Errorf("%d bytes for %d key frames", len(now), len(keys))
	}
}
