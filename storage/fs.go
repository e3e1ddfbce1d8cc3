package storage

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// Modes of what the store makes. A group may read footage, so that another program can be let in without being root.
const (
	fileMode   = 0o640
	folderMode = 0o750
)

// files is all that the store asks of a disk: names below one folder, none of which can lead out of it. The real one is
// confined; tests put one in front of it that fails on demand.
type files interface {
	// create makes a file that must not exist, for reading and writing.
	create(name string) (file, error)
	// open opens a file for reading.
	open(name string) (file, error)
	// edit opens an existing file for reading and writing.
	edit(name string) (file, error)
	mkdir(name string) error // with its parents; existing folders are fine
	rename(from, to string) error
	remove(name string) error
	stat(name string) (fs.FileInfo, error)
	list(name string) ([]fs.DirEntry, error)
	// syncDir makes the names in a folder survive a power cut.
	syncDir(name string) error
	// sub opens a folder as files of its own.
	sub(name string) (files, error)
	// lock takes the file name for this process alone until it is closed, or returns errLocked.
	lock(name string) (io.Closer, error)
	// space returns what an unprivileged process may still write, and the size of the file system, in bytes.
	space() (free, total int64, err error)
	io.Closer
}

// file is an open file of a files.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	truncate(size int64) error
	// sync makes the content and length survive a power cut.
	sync() error
	size() (int64, error)
}

// errLocked is returned by files.lock when another process holds the lock.
var errLocked = errors.New("another process uses it")

// folder is files in a real folder; os.Root keeps every access below it, also through symbolic links.
type folder struct{ root *os.Root }

func openFolder(name string) (files, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return folder{root}, nil
}

func (d folder) openFile(name string, flag int) (file, error) {
	f, err := d.root.OpenFile(name, flag, fileMode)
	if err != nil {
		return nil, err
	}
	return realFile{f}, nil
}

func (d folder) create(name string) (file, error) {
	return d.openFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}
func (d folder) open(name string) (file, error)        { return d.openFile(name, os.O_RDONLY) }
func (d folder) edit(name string) (file, error)        { return d.openFile(name, os.O_RDWR) }
func (d folder) mkdir(name string) error               { return d.root.MkdirAll(name, folderMode) }
func (d folder) rename(from, to string) error          { return d.root.Rename(from, to) }
func (d folder) remove(name string) error              { return d.root.Remove(name) }
func (d folder) stat(name string) (fs.FileInfo, error) { return d.root.Lstat(name) }
func (d folder) Close() error                          { return d.root.Close() }
func (d folder) list(name string) ([]fs.DirEntry, error) {
	return fs.ReadDir(d.root.FS(), path.Clean(name))
}

func (d folder) syncDir(name string) error {
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d folder) sub(name string) (files, error) {
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return folder{root}, nil
}

func (d folder) lock(name string) (io.Closer, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d folder) space() (free, total int64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.root.Name(), &st); err != nil {
		return 0, 0, &fs.PathError{Op: "statfs", Path: d.root.Name(), Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil
}

type realFile struct{ *os.File }

func (f realFile) truncate(size int64) error { return f.Truncate(size) }
func (f realFile) sync() error               { return dataSync(f.File) }
func (f realFile) size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// uncache has the next reads of the file come from the disk rather than from memory, where the kernel allows it: after a
// failed sync memory may hold what the disk does not. What was not yet written to the disk stays in memory.
func uncache(f file) {
	if u, ok := f.(interface{ dropCache() }); ok {
		u.dropCache()
	}
}

func (f realFile) dropCache() { dropCache(f.File) }

// isFull reports whether err says that the file system or the quota has no room.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// readFile reads a small file whole.
func readFile(d files, name string, limit int64) ([]byte, error) {
	f, err := d.open(name)
	if err != nil {
		return nil, err
	}
	size, err := f.size()
	if err == nil && size > limit {
		err = &fs.PathError{Op: "read", Path: name, Err: errors.New("unexpectedly large")}
	}
	var b []byte
	if err == nil {
		b = make([]byte, size)
		_, err = f.ReadAt(b, 0)
	}
	return b, errors.Join(err, f.Close())
}

// writeFile puts b in place of the file name so that after a crash either all of it or the old content is there.
func writeFile(d files, name string, b []byte) error {
	temp := name + ".new"
	if err := d.remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := d.create(temp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, d.remove(temp))
	}
	if err := d.rename(temp, name); err != nil {
		return err
	}
	return d.syncDir(path.Dir(name))
}
