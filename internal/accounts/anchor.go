package accounts

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// anchor is what stands in the file beside the keys: the newest entry that was written when the file was. A database that
// was cut short, or put back from an older copy, does not reach it.
type anchor struct {
	ID   int64  `json:"id"`
	Hash string `json:"hash"` // hexadecimal
	Seal string `json:"seal"` // HMAC of both under a key that is derived from the master key
}

// anchorLock keeps this process's writers of the anchor apart. Another process's may put back an older anchor, which
// still holds, and is replaced with the next entry.
type anchorLock struct {
	sync.Mutex
	newest  int64
	checked bool
}

const anchorEnd = "anchor"

// anchorAt writes the anchor. That it cannot be written is told, and stops nothing: the entry is in the database.
func (d *Directory) anchorAt(e end) {
	if d.anchorPath == "" {
		return
	}
	d.anchor.Lock()
	defer d.anchor.Unlock()
	d.anchor.checked = true
	if e.id <= d.anchor.newest {
		return
	}
	b, err := json.Marshal(anchor{ID: e.id, Hash: hex.EncodeToString(e.hash), Seal: hex.EncodeToString(d.seal(anchorEnd, e))})
	if err == nil {
		err = replaceFile(d.anchorPath, append(b, '\n'))
	}
	if err != nil {
		d.failures.report(d.log, "the anchor of the record cannot be written", err, d.now())
		return
	}
	d.anchor.newest = e.id
}

// checkAnchor says what is wrong between the anchor and the record, whose newest entry is head, or nothing. It looks until
// the first entry of this process is written.
func (d *Directory) checkAnchor(ctx context.Context, tx *sql.Tx, head end) (broken string, err error) {
	d.anchor.Lock()
	defer d.anchor.Unlock()
	if d.anchorPath == "" || d.anchor.checked {
		return "", nil
	}
	return d.compareAnchor(ctx, tx, head)
}

func (d *Directory) compareAnchor(ctx context.Context, tx *sql.Tx, head end) (broken string, err error) {
	a, err := d.readAnchor()
	switch {
	case errors.Is(err, fs.ErrNotExist) && head.id == 0:
		return "", nil
	case err != nil:
		return "its anchor is gone or not ours: " + err.Error(), nil
	case a.id > head.id:
		return fmt.Sprintf("it ends with entry %d, and %s knows entry %d: it was cut short or put back from a copy", head.id, d.anchorPath, a.id), nil
	}
	const query = `SELECT hash FROM record WHERE id = ?`
	var hash []byte
	err = tx.QueryRowContext(ctx, query, a.id).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil // let go since
	}
	if err == nil && !hmac.Equal(hash, a.hash) {
		return fmt.Sprintf("entry %d is not the one that %s knows", a.id, d.anchorPath), nil
	}
	return "", err
}

// readAnchor returns the anchored end. It returns fs.ErrNotExist when there is no anchor, and errSeal for a forged one.
func (d *Directory) readAnchor() (end, error) {
	b, err := os.ReadFile(d.anchorPath)
	if err != nil {
		return end{}, err
	}
	var a anchor
	if err := json.Unmarshal(b, &a); err != nil {
		return end{}, fmt.Errorf("%s: %w", d.anchorPath, err)
	}
	hash, err1 := hex.DecodeString(a.Hash)
	seal, err2 := hex.DecodeString(a.Seal)
	e := end{id: a.ID, hash: hash}
	if err1 != nil || err2 != nil || !hmac.Equal(seal, d.seal(anchorEnd, e)) {
		return end{}, fmt.Errorf("%s: %w", d.anchorPath, errSeal)
	}
	return e, nil
}

// replaceFile puts content in the place of a file, or leaves the file as it is.
func replaceFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			if gone := os.Remove(f.Name()); !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
