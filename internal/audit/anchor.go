package audit

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

// anchor is the content of the file beside the keys: the newest entry at the time of writing. A database that was cut short, or
// put back from an older copy, does not reach that entry.
type anchor struct {
	ID   int64  `json:"id"`
	Hash string `json:"hash"` // hexadecimal
	Seal string `json:"seal"` // HMAC of both under a key that is derived from the master key
}

// anchorLock serialises this process's writes of the anchor. Another process may write an older anchor, which is still true, and
// is replaced with the next entry.
type anchorLock struct {
	sync.Mutex
	newest  int64
	checked bool
}

const anchorEnd = "anchor"

// anchorAt writes the anchor.
func (l *Log) anchorAt(e end) {
	if l.o.Anchor == "" {
		return
	}
	l.anchor.Lock()
	defer l.anchor.Unlock()
	l.anchor.checked = true
	if e.id <= l.anchor.newest {
		return
	}
	b, err := json.Marshal(anchor{ID: e.id, Hash: hex.EncodeToString(e.hash), Seal: hex.EncodeToString(l.seal(anchorEnd, e))})
	if err == nil {
		err = replaceFile(l.o.Anchor, append(b, '\n'))
	}
	if err != nil {
		l.o.Trouble("the anchor of the audit log cannot be written", err)
		return
	}
	l.anchor.newest = e.id
}

// checkAnchor says how the anchor contradicts the log, whose newest entry is head; "" when it does not. It compares until the
// first entry of this process is written.
func (l *Log) checkAnchor(ctx context.Context, tx *sql.Tx, head end) (broken string, err error) {
	l.anchor.Lock()
	defer l.anchor.Unlock()
	if l.o.Anchor == "" || l.anchor.checked {
		return "", nil
	}
	return l.compareAnchor(ctx, tx, head)
}

func (l *Log) compareAnchor(ctx context.Context, tx *sql.Tx, head end) (broken string, err error) {
	a, err := l.readAnchor()
	switch {
	case errors.Is(err, fs.ErrNotExist) && head.id == 0:
		return "", nil
	case err != nil:
		return "its anchor is gone or not ours: " + err.Error(), nil
	case a.id > head.id:
		return fmt.Sprintf("it ends with entry %d, and %s knows entry %d: it was cut short or put back from a copy", head.id, l.o.Anchor, a.id), nil
	}
	const query = `SELECT hash FROM record WHERE id = ?`
	var hash []byte
	err = tx.QueryRowContext(ctx, query, a.id).Scan(&hash)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil // pruned since
	}
	if err == nil && !hmac.Equal(hash, a.hash) {
		return fmt.Sprintf("entry %d is not the one that %s knows", a.id, l.o.Anchor), nil
	}
	return "", err
}

// readAnchor returns the anchored end. It returns fs.ErrNotExist when there is no anchor, and errSeal for a forged one.
func (l *Log) readAnchor() (end, error) {
	b, err := os.ReadFile(l.o.Anchor)
	if err != nil {
		return end{}, err
	}
	var a anchor
	if err := json.Unmarshal(b, &a); err != nil {
		return end{}, fmt.Errorf("%s: %w", l.o.Anchor, err)
	}
	hash, err1 := hex.DecodeString(a.Hash)
	seal, err2 := hex.DecodeString(a.Seal)
	e := end{id: a.ID, hash: hash}
	if err1 != nil || err2 != nil || !hmac.Equal(seal, l.seal(anchorEnd, e)) {
		return end{}, fmt.Errorf("%s: %w", l.o.Anchor, errSeal)
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
