package storage

import (
	"bytes"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"

	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// cut returns what a power cut could leave of the disk: everything that was synced, and a random part of the rest. Changes of
// names survive one by one, a rename as a whole. Each block of a file has its content from some moment since the last sync,
// and so has its length. The medium itself is not changed.
func (m *medium) cut(r *rand.Rand) *medium {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := tear{r: r, block: []int64{512, 4096}[r.IntN(2)], nodes: map[*node]*node{}}
	left := newMedium(m.now)
	left.room, left.log = m.room, m.log
	left.root = t.node(m.root)
	mood := r.IntN(4) // keep none of what is pending, all, the first of it, or any
	first := r.IntN(len(m.pending) + 1)
	for i, x := range m.pending {
		if mood == 1 || mood == 2 && i < first || mood == 3 && r.IntN(2) == 0 {
			naming{place{t.node(x.from.dir), x.from.name}, place{t.node(x.to.dir), x.to.name}, t.node(x.n)}.keep()
		}
	}
	for _, n := range t.nodes {
		n.names = maps.Clone(n.kept)
	}
	return left
}

// writeBack writes everything, as a system does after half a minute.
func (m *medium) writeBack() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range m.pending {
		x.keep()
	}
	m.pending = nil
	m.root.writeBack()
}

func (n *node) writeBack() {
	n.synced, n.writes = bytes.Clone(n.content), nil
	for _, x := range n.names {
		x.writeBack()
	}
}

// tear makes copies of nodes as a power cut leaves them.
type tear struct {
	r     *rand.Rand
	block int64
	nodes map[*node]*node
}

func (t *tear) node(n *node) *node {
	if n == nil || t.nodes[n] != nil {
		return t.nodes[n]
	}
	left := &node{changed: n.changed}
	t.nodes[n] = left
	if n.kept != nil {
		left.kept = map[string]*node{}
		for _, name := range slices.Sorted(maps.Keys(n.kept)) { // in order, so that r is deterministic
			left.kept[name] = t.node(n.kept[name])
		}
		return left
	}
	left.synced = t.content(n)
	left.content = bytes.Clone(left.synced)
	return left
}

// content returns the content of a file after a cut.
func (t *tear) content(n *node) []byte {
	if len(n.writes) == 0 {
		return bytes.Clone(n.synced)
	}
	moments := [][]byte{n.synced}
	for _, w := range n.writes {
		moments = append(moments, w.apply(bytes.Clone(moments[len(moments)-1])))
	}
	any := func() []byte { return moments[t.r.IntN(len(moments))] }
	whole := any()
	if t.r.IntN(3) == 0 { // the blocks came to the disk in the order of the writes
		return bytes.Clone(whole)
	}
	left := make([]byte, len(whole))
	for at := int64(0); at < int64(len(left)); at += t.block {
		if from := any(); int64(len(from)) > at {
			copy(left[at:min(at+t.block, int64(len(left)))], from[at:])
		}
	}
	return left
}

// copyIndex copies the index of an open store, as it would be if the process died now. The store must not write afterwards, since
// closing a database's file drops the locks of this process.
func copyIndex(from, to string) error {
	for _, end := range []string{"", "-wal"} {
		b, err := os.ReadFile(filepath.Join(from, index.FileName+end))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, index.FileName+end), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// cutIndex loses the end of the index's write-ahead log, as a power cut may: SQLite syncs the log before moving it into the
// database, and not at each commit (synchronous=NORMAL). Data after the cut may survive in part. The part that was synced,
// according to the mark, stays.
func cutIndex(r *rand.Rand, folder string, m logMark) error {
	path := filepath.Join(folder, index.LogName)
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return nil //nolint:nilerr // no log: everything is in the database
	}
	if r.IntN(4) == 0 {
		return nil
	}
	least := 0
	if m.size > 0 && logOf(b).salts == m.salts {
		least = min(m.size, len(b))
	}
	at := least + r.IntN(len(b)-least+1)
	switch block := []int{512, 4096}[r.IntN(2)]; r.IntN(3) {
	case 0:
		b = b[:at]
	case 1: // the length survives, the bytes do not
		clear(b[at:])
	default: // one block is lost
		clear(b[at:min(at+block, len(b))])
	}
	return os.WriteFile(path, b, 0o600)
}

// onMedium opens disks in memory instead of the folders of o. The data folder is real, but the medium records how much of the
// index's log was synced.
func onMedium(recordings *medium, o Options, x *faults) func(string) (disk.Folder, error) {
	return func(name string) (disk.Folder, error) {
		if name == o.Recordings {
			return faulty{recordings.files(), x}, nil
		}
		d, err := disk.Open(name)
		return noting{d, recordings, filepath.Join(name, index.LogName)}, err
	}
}

// logMark says how much of the index's log was synced. SQLite restarts a log with new salts once all of it is in the database.
type logMark struct {
	salts [8]byte
	size  int
}

// logOf returns the salts of a log, and the length of the part with these salts. https://www.sqlite.org/fileformat2.html#walformat
func logOf(b []byte) (m logMark) {
	const header, frame = 32, 24
	if len(b) < header {
		return m
	}
	copy(m.salts[:], b[16:24])
	page := int(binary.BigEndian.Uint32(b[8:]))
	for m.size = header; m.size+frame+page <= len(b) && bytes.Equal(b[m.size+8:m.size+16], m.salts[:]); {
		m.size += frame + page
	}
	return m
}

// noting is a data folder that tells the medium when the log of the index is synced.
type noting struct {
	disk.Folder
	m   *medium
	log string
}

func (d noting) Edit(name string) (disk.File, error) {
	f, err := d.Folder.Edit(name)
	if name != index.LogName || err != nil {
		return f, err
	}
	return notingLog{f, d}, nil
}

type notingLog struct {
	disk.File
	d noting
}

func (f notingLog) Sync() error {
	b, err := os.ReadFile(f.d.log)
	f.d.m.mu.Lock()
	defer f.d.m.mu.Unlock()
	f.d.m.log = logOf(b)
	return err
}
