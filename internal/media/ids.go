package media

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// CameraID is the identity of a physical camera: a random UUID (RFC 9562, version 4) that never changes and is never
// reused. The zero value is never valid. Everything is keyed by this ID, never by a camera's name.
type CameraID [16]byte

// ErrBadID is returned for a text that is not a valid identifier.
var ErrBadID = errors.New("not a valid identifier")

// NewCameraID returns a new random ID.
func NewCameraID() CameraID { return CameraID(uuid.New()) }

// ParseCameraID parses the 36-character form. It returns ErrBadID for the zero UUID.
func ParseCameraID(s string) (CameraID, error) {
	id, err := parseUUID(s)
	return CameraID(id), err
}

// String returns the 36-character form, lower case.
func (id CameraID) String() string { return uuid.UUID(id).String() }

// IsZero reports whether id is the invalid zero value.
func (id CameraID) IsZero() bool { return id == CameraID{} }

// RunID is the identity of a run: a random UUID.
type RunID [16]byte

// NewRunID returns a new random ID.
func NewRunID() RunID { return RunID(uuid.New()) }

// ParseRunID parses the 36-character form. It returns ErrBadID for the zero UUID.
func ParseRunID(s string) (RunID, error) {
	id, err := parseUUID(s)
	return RunID(id), err
}

// String returns the 36-character form, lower case.
func (id RunID) String() string { return uuid.UUID(id).String() }

func parseUUID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil || len(s) != 36 || id == uuid.Nil {
		return uuid.Nil, fmt.Errorf("%w: %q is not a UUID", ErrBadID, s)
	}
	return id, nil
}

// Quality is one of the two streams of a camera. The zero value is never valid.
type Quality uint8

// The qualities. Files and databases store their numbers, which never change.
const (
	Main Quality = 1 // full quality, for recordings and the full view
	Sub  Quality = 2 // low resolution, for the tiles of the live page
)

// ParseQuality parses "main" or "sub".
func ParseQuality(s string) (Quality, error) {
	switch s {
	case "main":
		return Main, nil
	case "sub":
		return Sub, nil
	}
	return 0, fmt.Errorf("%w: stream %q is neither main nor sub", ErrBadID, s)
}

// Valid reports whether q is one of the known qualities.
func (q Quality) Valid() bool { return q == Main || q == Sub }

// String returns "main", "sub", or "invalid" for anything else.
func (q Quality) String() string {
	switch q {
	case Main:
		return "main"
	case Sub:
		return "sub"
	}
	return "invalid"
}

// StreamID identifies one stream of one camera.
type StreamID struct {
	Camera  CameraID
	Quality Quality
}

// String returns "<camera uuid>/<quality>", for logs.
func (id StreamID) String() string { return id.Camera.String() + "/" + id.Quality.String() }

// Valid reports whether both parts are valid.
func (id StreamID) Valid() bool { return !id.Camera.IsZero() && id.Quality.Valid() }
