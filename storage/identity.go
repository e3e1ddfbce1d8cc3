package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"keepwatch.internal/storage/disk"
)

const (
	identityName    = "store.json"
	identityVersion = 1
	lockName        = "store.lock"
	maxSmallFile    = 1 << 20
)

// identity is the content of store.json. The same is remembered in the data folder, so that neither another store nor
// the empty folder below a disk that is not mounted is taken for this one.
type identity struct {
	Version int       `json:"version"`
	Store   string    `json:"store"` // a UUID
	Created time.Time `json:"created"`
	// KeyCheck tells whether a master key is the one whose labels the footage carries, without telling the key.
	KeyCheck string `json:"key_check"`
}

func keyCheck(master [32]byte) string {
	mac := hmac.New(sha256.New, master[:])
	mac.Write([]byte("keepwatch store key check 1"))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRefused, fmt.Errorf(format, args...))
}

// identify finds out whether recordings is the store that the data folder knows, and returns its identity. It makes a
// store of an empty folder only when the data folder knows none.
func identify(recordings, data disk.Folder, o Options) (identity, error) {
	known, err := readIdentity(data, o.Data)
	if err != nil {
		return identity{}, err
	}
	found, err := readIdentity(recordings, o.Recordings)
	if err != nil {
		return identity{}, err
	}
	if found == nil && known == nil {
		return newIdentity(recordings, data, o)
	}
	if err := o.sameStore(found, known); err != nil {
		return identity{}, err
	}
	if known == nil {
		return *found, found.write(data)
	}
	return *found, nil
}

// sameStore refuses the store found in the recordings folder, nil when there is none, unless it is the one that the data folder
// knows, and labelled with the master key. known is nil when the data folder knows none.
func (o Options) sameStore(found, known *identity) error {
	switch {
	case found == nil && known == nil:
		return refuse("%s holds no store yet: start nvr run first", o.Recordings)
	case found == nil:
		return refuse("%s has no %s: expected the store %s made on %s; is its disk mounted there?",
			o.Recordings, identityName, known.Store, known.Created.Format(time.DateOnly))
	case known != nil && known.Store != found.Store:
		return refuse("%s holds the store %s, expected %s: mount the right disk, or use the data folder of this store instead of %s",
			o.Recordings, found.Store, known.Store, o.Data)
	case found.KeyCheck != keyCheck(o.MasterKey):
		return refuse("the footage in %s was labelled with another master key: restore the one that belongs to the store %s",
			o.Recordings, found.Store)
	}
	return nil
}

func newIdentity(recordings, data disk.Folder, o Options) (identity, error) {
	entries, err := recordings.List(".")
	if err != nil {
		return identity{}, err
	}
	for _, e := range entries {
		if name := e.Name(); !IsStoreFile(name) {
			return identity{}, refuse("%s is not empty (it has %q) and is no store, since %s is missing: expected a store or an empty folder",
				o.Recordings, name, identityName)
		}
	}
	id := identity{Version: identityVersion, Store: uuid.NewString(), Created: o.Now().UTC().Truncate(time.Second), KeyCheck: keyCheck(o.MasterKey)}
	// The store's own file first: a crash in between leaves a store that the data folder has yet to get to know.
	if err := id.write(recordings); err != nil {
		return identity{}, err
	}
	return id, id.write(data)
}

func (id identity) write(d disk.Folder) error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	return disk.WriteFile(d, identityName, append(b, '\n'))
}

func readIdentity(d disk.Folder, folder string) (*identity, error) {
	b, err := disk.ReadFile(d, identityName, maxSmallFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var id identity
	if err := json.Unmarshal(b, &id); err != nil {
		return nil, refuse("%s: %w", filepath.Join(folder, identityName), err)
	}
	if id.Version != identityVersion {
		return nil, refuse("%s has version %d, this program knows %d", filepath.Join(folder, identityName), id.Version, identityVersion)
	}
	if _, err := uuid.Parse(id.Store); err != nil {
		return nil, refuse("%s names no store: %w", filepath.Join(folder, identityName), err)
	}
	return &id, nil
}

// prepareFolders makes the folders that may be made. A recordings folder that is missing is made only while the data
// folder knows no store: later its absence means that a disk is.
func prepareFolders(o Options) error {
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if _, err := os.Stat(o.Recordings); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(filepath.Join(o.Data, identityName)); err == nil {
		return refuse("%s does not exist, but a store is expected there; is its disk mounted?", o.Recordings)
	}
	if err := os.MkdirAll(o.Recordings, disk.FolderMode); err != nil {
		return ExplainDiskError(o.Recordings, err)
	}
	return nil
}

// warnOfNetwork says what can go wrong when the data folder is on a file system of the given kind, unless that is "".
func (s *Store) warnOfNetwork(kind string) {
	if kind == "" {
		return
	}
	s.log.Warn("the data folder is not on a disk of this computer", "path", s.o.Data, "kind", kind)
	s.raise(AlarmNetworkDisk, fmt.Sprintf("The data folder %s is on a file system of the kind %s, not on a disk of this computer. Databases there can be damaged, "+
		"since locks and syncs may not be kept. Move the data folder to a local disk; the recordings may stay where they are.", s.o.Data, kind))
}

// bare returns the cause of an error without the name of a file, for those who may not know which cameras there are.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// ExplainDiskError turns the errors that people can fix into sentences.
func ExplainDiskError(path string, err error) error {
	switch {
	case err == nil, errors.Is(err, ErrRefused):
		return err
	case disk.IsReadOnly(err):
		return refuse("%s is on a read-only file system; recording needs to write there (%w)", path, err)
	case errors.Is(err, fs.ErrPermission):
		return refuse("%s may not be written by this user (%w)", path, err)
	case disk.IsFull(err):
		return refuse("%s is on a full disk; recording needs space there (%w)", path, err)
	}
	return fmt.Errorf("recordings %s: %w", path, err)
}

// Identify returns the UUID of the store that two folders belong to. It refuses those that Open refuses, and one without a store,
// and changes nothing.
func Identify(recordings, data disk.Folder, o Options) (string, error) {
	known, err := readIdentity(data, o.Data)
	if err != nil {
		return "", err
	}
	found, err := readIdentity(recordings, o.Recordings)
	if err == nil {
		err = o.sameStore(found, known)
	}
	if err != nil {
		return "", err
	}
	return found.Store, nil
}

// IsStoreFile reports whether a name in the recordings folder is that of a file of the store as a whole, or one that any disk has.
func IsStoreFile(name string) bool {
	return name == identityName || name == lockName || name == identityName+".new" || name == "lost+found" || strings.HasPrefix(name, ".")
}
