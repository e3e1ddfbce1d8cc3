package media

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"time"
)

// LabelSize is the length of a label in bytes, including the header of its box. docs/disk-format.md describes it.
const LabelSize = 120

// labelMACOffset is where the MAC begins. The MAC covers the bytes before it.
const labelMACOffset = 88

// labelVersion is the only version so far.
const labelVersion = 1

// labelType is the extended type of the label's uuid box (ISO/IEC 14496-12 4.2).
var labelType = [16]byte{0x6b, 0x65, 0x65, 0x70, 0x77, 0x61, 0x84, 0x63, 0x88, 0x01, 0x6c, 0x61, 0x62, 0x65, 0x6c, 0x31}

var (
	// ErrFormat is returned for bytes in the wrong format.
	ErrFormat = errors.New("malformed footage")
	// ErrForged is returned for a label that names another camera, or whose MAC does not fit its content under the
	// expected camera's key.
	ErrForged = errors.New("footage does not carry the label of this camera")
)

// LabelKind says what a label covers.
type LabelKind uint8

// The kinds of label. Files store their numbers, which never change.
const (
	LabelInit     LabelKind = 1 // the init header before it
	LabelFragment LabelKind = 2 // the moof and mdat after it
	LabelTable    LabelKind = 3 // the table box after it
)

// Label says which camera some bytes are from, and when they were recorded.
type Label struct {
	Kind        LabelKind
	Quality     Quality
	Random      bool // fragment: begins with a key frame
	Refresh     int  // fragment: decoding that starts here is exact after so many more frames; at most 65535
	Damaged     bool // fragment: holds a damaged unit or depends on one
	Camera      CameraID
	Run         RunID
	Seq         uint64        // fragment: number in its run; table: number of fragments in the segment
	Start       time.Time     // wall clock, whole microseconds
	Duration    time.Duration // wall clock, whole microseconds
	ContentSize uint32        // bytes that the label covers, without the label
	MAC         [sha256.Size]byte
}

// LabelKey makes and checks the labels of one camera. Nobody can make footage of that camera without it.
type LabelKey struct{ key [32]byte }

// DeriveLabelKey derives a camera's key from the store's master key with HKDF-SHA256 (RFC 5869).
func DeriveLabelKey(master [32]byte, camera CameraID) LabelKey {
	derived, err := hkdf.Key(sha256.New, master[:], nil, "keepwatch label 1 "+string(camera[:]), 32)
	if err != nil { // only for lengths that SHA-256 cannot provide
		panic(err)
	}
	return LabelKey{key: [32]byte(derived)}
}

// String keeps the key out of logs.
func (LabelKey) String() string { return "label key" }

// GoString keeps the key out of logs.
func (LabelKey) GoString() string { return "media.LabelKey{}" }

func (k LabelKey) mac() hash.Hash { return hmac.New(sha256.New, k.key[:]) }

// ParseLabel parses the label at the start of b without checking its MAC. It returns ErrFormat if there is none.
func ParseLabel(b []byte) (Label, error) {
	if len(b) < LabelSize || binary.BigEndian.Uint32(b) != LabelSize || string(b[4:8]) != "uuid" || [16]byte(b[8:24]) != labelType {
		return Label{}, fmt.Errorf("%w: no label", ErrFormat)
	}
	if b[24] != labelVersion {
		return Label{}, fmt.Errorf("%w: label version %d, this program knows %d", ErrFormat, b[24], labelVersion)
	}
	return Label{
		Kind:        LabelKind(b[25]),
		Quality:     Quality(b[26]),
		Random:      b[27]&1 != 0,
		Damaged:     b[27]&2 != 0,
		Refresh:     int(binary.BigEndian.Uint16(b[84:])),
		ContentSize: binary.BigEndian.Uint32(b[28:]),
		Camera:      CameraID(b[32:48]),
		Run:         RunID(b[48:64]),
		Seq:         binary.BigEndian.Uint64(b[64:]),
		Start:       time.UnixMicro(int64(binary.BigEndian.Uint64(b[72:]))).UTC(),
		Duration:    time.Duration(binary.BigEndian.Uint32(b[80:])) * time.Microsecond,
		MAC:         [sha256.Size]byte(b[labelMACOffset:LabelSize]),
	}, nil
}

// put writes the label, including its MAC over content, to the first LabelSize bytes of b.
func (l Label) put(b []byte, mac hash.Hash, content []byte) {
	clear(b[:LabelSize])
	binary.BigEndian.PutUint32(b, LabelSize)
	copy(b[4:], "uuid")
	copy(b[8:], labelType[:])
	b[24], b[25], b[26] = labelVersion, byte(l.Kind), byte(l.Quality)
	if l.Random {
		b[27] |= 1
	}
	if l.Damaged {
		b[27] |= 2
	}
	binary.BigEndian.PutUint32(b[28:], uint32(len(content)))
	copy(b[32:], l.Camera[:])
	copy(b[48:], l.Run[:])
	binary.BigEndian.PutUint64(b[64:], l.Seq)
	binary.BigEndian.PutUint64(b[72:], uint64(l.Start.UnixMicro()))
	binary.BigEndian.PutUint32(b[80:], uint32(l.Duration.Microseconds()))
	binary.BigEndian.PutUint16(b[84:], uint16(l.Refresh))
	mac.Reset()
	mac.Write(b[:labelMACOffset])
	mac.Write(content)
	mac.Sum(b[labelMACOffset:labelMACOffset])
}

// VerifyFragment checks that b is exactly one labelled fragment of the camera: its label names the camera and covers all of
// b, and its MAC fits. Bytes from the disk may be served only after this check. It returns ErrFormat or ErrForged.
func (k LabelKey) VerifyFragment(camera CameraID, b []byte) (Label, error) {
	l, err := ParseLabel(b)
	if err != nil {
		return Label{}, err
	}
	return l, k.verify(camera, LabelFragment, b[:LabelSize], b[LabelSize:])
}

// verify checks that label is of the given kind and camera, and fits content.
func (k LabelKey) verify(camera CameraID, kind LabelKind, label, content []byte) error {
	l, err := ParseLabel(label)
	if err != nil {
		return err
	}
	if l.Kind != kind || int64(l.ContentSize) != int64(len(content)) {
		return fmt.Errorf("%w: label of kind %d for %d bytes, wanted kind %d for %d", ErrFormat, l.Kind, l.ContentSize, kind, len(content))
	}
	mac := k.mac()
	mac.Write(label[:labelMACOffset])
	mac.Write(content)
	if camera.IsZero() || l.Camera != camera || !hmac.Equal(mac.Sum(nil), l.MAC[:]) {
		return ErrForged
	}
	return nil
}
