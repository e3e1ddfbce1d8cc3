package storage

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

const (
	KeptFolder  = "kept" // in the camera's folder
	keptVersion = 1
	keptSuffix  = ".json"
	maxKeptFile = 16 << 10
)

// errKeptFile is returned for a file that does not say what is kept, or whose MAC is not the camera's.
var errKeptFile = errors.New("not a kept clip of this camera")

// keptFile is the content of kept/<id>.json, as docs/disk-format.md describes it.
type keptFile struct {
	Version int      `json:"version"`
	Kept    string   `json:"kept"`   // its id, a UUID
	Camera  string   `json:"camera"` // the UUID
	From    string   `json:"from"`   // times: RFC 3339, UTC, at most microseconds
	To      string   `json:"to"`
	Streams []string `json:"streams"`
	Note    string   `json:"note"`
	By      string   `json:"by"`
	Created string   `json:"created"`
	MAC     string   `json:"mac"`
}

func keptName(id KeptID) string { return KeptFolder + "/" + id.String() + keptSuffix }

// keptKey returns the key of the camera's kept files. It is not that of the labels, so that neither can be taken for the
// other.
func (x *keptClips) keptKey(camera media.CameraID) []byte {
	key, err := hkdf.Key(sha256.New, x.o.MasterKey[:], nil, "keepwatch kept 1 "+string(camera[:]), 32)
	if err != nil { // only for lengths that SHA-256 cannot give
		panic(err)
	}
	return key
}

// mac is over the fields as they stand in the file, one a line; no field but the last may hold a line break.
func (f keptFile) mac(key []byte) string {
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%d\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s", f.Version, f.Kept, f.Camera, f.From, f.To, f.Created,
		strings.Join(f.Streams, ","), f.By, f.Note)
	return hex.EncodeToString(h.Sum(nil))
}

// writeKept makes the file of a kept span so that it survives a power cut.
func (c *camera) writeKept(key []byte, k Kept) error {
	f := keptFile{Version: keptVersion, Kept: k.ID.String(), Camera: k.Camera.String(), From: microText(k.Span.From), To: microText(k.Span.To),
		Note: k.Note, By: k.By, Created: microText(k.Created)}
	for _, quality := range qualities {
		if k.Streams.Has(quality) {
			f.Streams = append(f.Streams, quality.String())
		}
	}
	f.MAC = f.mac(key)
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	// A folder that is there already may have been made by a process that died before it was synced.
	if err := errors.Join(c.files.Mkdir(KeptFolder), c.files.SyncDir(".")); err != nil {
		return err
	}
	return disk.WriteFile(c.files, keptName(k.ID), append(b, '\n'))
}

func microText(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z07:00") }

// readKept reads the file of a kept span; it returns errKeptFile for one that is not to be believed.
func (c *camera) readKept(key []byte, id KeptID) (Kept, error) {
	b, err := disk.ReadFile(c.files, keptName(id), maxKeptFile)
	if err != nil {
		return Kept{}, err
	}
	var f keptFile
	if err := json.Unmarshal(b, &f); err != nil {
		return Kept{}, fmt.Errorf("%w: %w", errKeptFile, err)
	}
	if f.Version != keptVersion {
		return Kept{}, fmt.Errorf("%w: version %d, this program knows %d", errKeptFile, f.Version, keptVersion)
	}
	if !hmac.Equal([]byte(f.mac(key)), []byte(f.MAC)) || f.Kept != id.String() || f.Camera != c.id.String() {
		return Kept{}, fmt.Errorf("%w: its MAC does not fit", errKeptFile)
	}
	return f.parse(id, c.id)
}

func (f keptFile) parse(id KeptID, camera media.CameraID) (Kept, error) {
	k := Kept{ID: id, Camera: camera, Note: f.Note, By: f.By}
	for _, name := range f.Streams {
		quality, err := media.ParseQuality(name)
		if err != nil {
			return k, fmt.Errorf("%w: %w", errKeptFile, err)
		}
		k.Streams |= Streams(quality)
	}
	var errs [3]error
	k.Span.From, errs[0] = time.Parse(time.RFC3339Nano, f.From)
	k.Span.To, errs[1] = time.Parse(time.RFC3339Nano, f.To)
	k.Created, errs[2] = time.Parse(time.RFC3339Nano, f.Created)
	if err := errors.Join(append(errs[:], k.Span.check(MaxKept))...); err != nil {
		return k, fmt.Errorf("%w: %w", errKeptFile, err)
	}
	return k, nil
}

// knowKept is loadKept for readers: it waits for nobody once the camera's files have been read.
func (x *keptClips) knowKept(ctx context.Context, c *camera) error {
	if x.keptKnown(c.id) {
		return nil
	}
	x.keeping.Lock()
	defer x.keeping.Unlock()
	return x.loadKept(ctx, c)
}

func (x *keptClips) keptKnown(id media.CameraID) bool {
	x.reading.RLock()
	defer x.reading.RUnlock()
	_, known := x.keptRead[id]
	return known
}

// loadKept makes the index say of the camera what its files say, once a start: a crash may have come between the two,
// the index may have been lost or be an old one. Nothing of a camera is deleted before. keeping is held.
func (x *keptClips) loadKept(ctx context.Context, c *camera) error {
	if x.keptKnown(c.id) {
		return nil
	}
	files, err := c.listKept()
	if err == nil {
		err = c.syncKept()
	}
	if err != nil {
		return fmt.Errorf("kept clips of %s: %w", c.name, err)
	}
	var gone []KeptID
	ids, err := x.db.index.KeptIDs(ctx, c.row)
	for _, id := range ids {
		if !files[id] {
			gone = append(gone, id)
		}
		delete(files, id)
	}
	if err != nil {
		return fmt.Errorf("kept clips of %s: %w", c.name, err)
	}
	if err := x.settleKept(ctx, c, files, gone); err != nil {
		return fmt.Errorf("kept clips of %s: %w", c.name, err)
	}
	x.reading.Lock()
	defer x.reading.Unlock()
	if x.keptRead == nil {
		x.keptRead = map[media.CameraID]struct{}{}
	}
	x.keptRead[c.id] = struct{}{}
	return nil
}

// settleKept adds the rows of files that have none, and drops those that have no file.
func (x *keptClips) settleKept(ctx context.Context, c *camera, files map[KeptID]bool, gone []KeptID) error {
	var found []Kept
	for id := range files {
		k, err := c.readKept(x.keptKey(c.id), id)
		if errors.Is(err, errKeptFile) || disk.IsMissing(err) {
			x.log.Error("a file in the folder of kept clips is left alone", "camera", c.name, "file", keptName(id), "err", err)
			continue
		}
		if err != nil {
			return err
		}
		found = append(found, k)
	}
	if len(found)+len(gone) == 0 {
		return nil
	}
	if len(found) > 0 { // who made the files may have died before their folder was synced
		if err := errors.Join(c.files.SyncDir(KeptFolder), c.files.SyncDir(".")); err != nil {
			return err
		}
	}
	x.log.Info("kept clips were compared with their files", "camera", c.name, "found", len(found), "gone", len(gone))
	return x.db.write(ctx, func(tx *index.Tx) error {
		for _, k := range found {
			if err := tx.InsertKept(ctx, c.row, k.row()); err != nil {
				return err
			}
		}
		for _, id := range gone {
			if err := tx.DeleteKept(ctx, c.row, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// syncKept makes what there is of kept files, and what there is no more, survive a power cut: the last process may have died
// before it did, and what is listed from now on must stay.
func (c *camera) syncKept() error {
	if _, err := c.files.Stat(KeptFolder); err != nil {
		if disk.IsMissing(err) {
			return nil
		}
		return err
	}
	return errors.Join(c.files.SyncDir(KeptFolder), c.files.SyncDir("."))
}

// listKept lists the kept spans that have a file in the camera's folder.
func (c *camera) listKept() (map[KeptID]bool, error) {
	entries, err := c.files.List(KeptFolder)
	if err != nil && !disk.IsMissing(err) {
		return nil, err
	}
	found := map[KeptID]bool{}
	for _, e := range entries {
		if half, ok := strings.CutSuffix(e.Name(), keptSuffix+".new"); ok && len(half) == 36 { // a crash left it
			if err := c.files.Remove(path.Join(KeptFolder, e.Name())); err != nil {
				return nil, err
			}
			continue
		}
		name, isKept := strings.CutSuffix(e.Name(), keptSuffix)
		if id, err := ParseKeptID(name); isKept && err == nil && e.Type()&fs.ModeType == 0 && name == id.String() {
			found[id] = true
		}
	}
	return found, nil
}
