package storage

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"keepwatch.internal/storage/disk"
)

// medium is a disk in memory that knows which changes were synced, so that a power cut can lose the others: names whose folder was
// not synced, renames, and writes to a file since its last sync.
type medium struct {
	mu      sync.Mutex
	root    *node
	pending []naming // changes of names whose folder was not synced yet, in order
	locks   map[*node]bool
	room    int64 // bytes that may still be written
	total   int64 // size of the disk
	now     func() time.Time
	log     logMark // what was synced of the index's log, which is on another disk
}

// node is a file or a folder.
type node struct {
	changed time.Time

	names map[string]*node // of a folder, now
	kept  map[string]*node // of a folder, after its last sync

	content []byte // of a file, now
	synced  []byte // of a file, after its last sync
	writes  []write
}

// write is one change of a file since its last sync: bytes at an offset, or a new length if there are no bytes.
type write struct {
	at    int64
	bytes []byte
}

// place is a name in a folder.
type place struct {
	dir  *node
	name string
}

// naming is a change of names: n appears at to, disappears from from, or both at once.
type naming struct {
	from, to place
	n        *node
}

// keep marks the change as synced.
func (x naming) keep() {
	if x.from.dir != nil && x.from.dir.kept[x.from.name] == x.n {
		delete(x.from.dir.kept, x.from.name)
	}
	if x.to.dir != nil {
		x.to.dir.kept[x.to.name] = x.n
	}
}

func newMedium(now func() time.Time) *medium {
	m := &medium{locks: map[*node]bool{}, room: 1 << 40, total: 1 << 40, now: now}
	m.root = m.folder()
	return m
}

func (m *medium) folder() *node {
	return &node{names: map[string]*node{}, kept: map[string]*node{}, changed: m.now()}
}

// files returns the disk as the store sees it.
func (m *medium) files() disk.Folder { return memory{m, m.root} }

// memory is a folder of a medium.
type memory struct {
	m  *medium
	at *node
}

func (d memory) Close() error { return nil }

func notThere(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

// find returns the folder of a name, and its node if it exists.
func (d memory) find(name string) (place, *node) {
	at := d.at
	name = path.Clean(name)
	if name == "." {
		return place{}, at
	}
	dir, base := path.Split(name)
	for part := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		if part == "" {
			continue
		}
		if at = at.names[part]; at == nil || at.names == nil {
			return place{}, nil
		}
	}
	return place{at, base}, at.names[base]
}

// change changes names now and records that the change is not synced.
func (m *medium) change(x naming) {
	if x.from.dir != nil {
		delete(x.from.dir.names, x.from.name)
		x.from.dir.changed = m.now()
	}
	if x.to.dir != nil {
		x.to.dir.names[x.to.name] = x.n
		x.to.dir.changed = m.now()
	}
	m.pending = append(m.pending, x)
}

func (d memory) Create(name string) (disk.File, error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	p, n := d.find(name)
	switch {
	case n != nil:
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	case p.dir == nil:
		return nil, notThere("create", name)
	case d.m.room <= 0:
		return nil, &fs.PathError{Op: "create", Path: name, Err: syscall.ENOSPC}
	}
	n = &node{changed: d.m.now()}
	d.m.change(naming{to: p, n: n})
	return memoryFile{d.m, n, name, true}, nil
}

func (d memory) opened(op, name string, writes bool) (disk.File, error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	_, n := d.find(name)
	if n == nil || n.names != nil {
		return nil, notThere(op, name)
	}
	return memoryFile{d.m, n, name, writes}, nil
}

func (d memory) Open(name string) (disk.File, error) { return d.opened("open", name, false) }
func (d memory) Edit(name string) (disk.File, error) { return d.opened("edit", name, true) }

func (d memory) Mkdir(name string) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	for i, c := range name + "/" {
		if c != '/' {
			continue
		}
		p, n := d.find(name[:i])
		switch {
		case n == nil && p.dir == nil:
			return notThere("mkdir", name)
		case n == nil:
			d.m.change(naming{to: p, n: d.m.folder()})
		case n.names == nil:
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
	}
	return nil
}

func (d memory) Rename(from, to string) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	a, n := d.find(from)
	b, _ := d.find(to)
	if n == nil || b.dir == nil {
		return notThere("rename", from)
	}
	d.m.change(naming{a, b, n})
	return nil
}

func (d memory) Remove(name string) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	p, n := d.find(name)
	if n == nil {
		return notThere("remove", name)
	}
	if len(n.names) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	d.m.room += int64(len(n.content))
	d.m.change(naming{from: p, n: n})
	return nil
}

func (d memory) Stat(name string) (fs.FileInfo, error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	_, n := d.find(name)
	if n == nil {
		return nil, notThere("stat", name)
	}
	return n.about(path.Base(name)), nil
}

func (d memory) List(name string) ([]fs.DirEntry, error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	_, n := d.find(name)
	if n == nil || n.names == nil {
		return nil, notThere("list", name)
	}
	var all []fs.DirEntry
	for base, x := range n.names {
		all = append(all, fs.FileInfoToDirEntry(x.about(base)))
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return all, nil
}

// SyncDir syncs every change of names in the folder, including the other half of a rename.
func (d memory) SyncDir(name string) error {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	_, n := d.find(name)
	if n == nil || n.names == nil {
		return notThere("sync", name)
	}
	var left []naming
	for _, x := range d.m.pending {
		if x.from.dir != n && x.to.dir != n {
			left = append(left, x)
			continue
		}
		x.keep()
	}
	d.m.pending = left
	return nil
}

func (d memory) Sub(name string) (disk.Folder, error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	_, n := d.find(name)
	if n == nil || n.names == nil {
		return nil, notThere("open", name)
	}
	return memory{d.m, n}, nil
}

func (d memory) Lock(name string) (io.Closer, error) {
	f, err := d.Edit(name)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = d.Create(name)
	}
	if err != nil {
		return nil, err
	}
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	n := f.(memoryFile).n
	if d.m.locks[n] {
		return nil, disk.ErrLocked
	}
	d.m.locks[n] = true
	return memoryLock{d.m, n}, nil
}

type memoryLock struct {
	m *medium
	n *node
}

func (l memoryLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locks, l.n)
	return nil
}

func (d memory) Space() (free, total int64, err error) {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	return max(0, d.m.room), d.m.total, nil
}

type memoryFile struct {
	m      *medium
	n      *node
	name   string
	writes bool
}

func (f memoryFile) Close() error { return nil }

func (f memoryFile) ReadAt(b []byte, at int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return bytes.NewReader(f.n.content).ReadAt(b, at)
}

func (f memoryFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.n.content)), nil
}

// WriteAt writes as much as there is space for.
func (f memoryFile) WriteAt(b []byte, at int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if !f.writes {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: syscall.EBADF}
	}
	more := at + int64(len(b)) - int64(len(f.n.content))
	full := more > f.m.room
	if full {
		b = b[:max(0, int64(len(b))-(more-max(0, f.m.room)))]
	}
	f.change(write{at, bytes.Clone(b)})
	if full {
		return len(b), &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
	}
	return len(b), nil
}

func (f memoryFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.change(write{at: size})
	return nil
}

// change applies a write now and keeps it until the next sync.
func (f memoryFile) change(w write) {
	before := len(f.n.content)
	f.n.content = w.apply(f.n.content)
	f.n.writes = append(f.n.writes, w)
	f.n.changed = f.m.now()
	f.m.room -= int64(len(f.n.content) - before)
}

// apply returns the content after the write, in place if possible.
func (w write) apply(content []byte) []byte {
	end := w.at + int64(len(w.bytes))
	if grown := end - int64(len(content)); grown > 0 {
		content = append(content, make([]byte, grown)...)
	}
	if w.bytes == nil {
		return content[:end]
	}
	copy(content[w.at:], w.bytes)
	return content
}

func (f memoryFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if len(f.n.writes) > 0 {
		f.n.synced, f.n.writes = bytes.Clone(f.n.content), nil
	}
	return nil
}

func (n *node) about(name string) fs.FileInfo {
	return nodeInfo{name, n.names != nil, int64(len(n.content)), n.changed}
}

type nodeInfo struct {
	name   string
	folder bool
	size   int64
	at     time.Time
}

func (i nodeInfo) Name() string       { return i.name }
func (i nodeInfo) Size() int64        { return i.size }
func (i nodeInfo) ModTime() time.Time { return i.at }
func (i nodeInfo) IsDir() bool        { return i.folder }
func (i nodeInfo) Sys() any           { return nil }
func (i nodeInfo) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir | disk.FolderMode
	}
	return 0o640
}
