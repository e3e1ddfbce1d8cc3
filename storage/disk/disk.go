// Package disk is the seam between Keepwatch and the file system: folders and files, and what has to be known of the disk below
// them. Real folders are confined by os.Root; tests put folders in front of them that fail, lie or lose power on demand.
//
// It promises that what SyncDir, File.Sync, WriteFile and RemoveSynced report as done survives a power cut, as far as the disk
// keeps its own promises. It knows nothing of footage: what the files mean does not belong here.
package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
)

// Modes of what is created. A group may read footage, so that another program can be given access without being root.
const (
	fileMode   = 0o640
	FolderMode = 0o750 // also for folders that are created by other means
)

// Folder is a folder on a disk. Names are paths below it, with slashes; none can lead out of it. Errors are those of os.
type Folder interface {
	// Create makes a file that must not exist, for reading and writing.
	Create(name string) (File, error)
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Edit opens an existing file for reading and writing.
	Edit(name string) (File, error)
	// Mkdir makes a folder and its parents. Existing folders are fine.
	Mkdir(name string) error
	// Rename gives a file another name, in place of a file that has it already.
	Rename(from, to string) error
	Remove(name string) error
	// Stat describes a file. It does not follow a symbolic link.
	Stat(name string) (fs.FileInfo, error)
	// List returns what is in a folder, in the order of the names.
	List(name string) ([]fs.DirEntry, error)
	// SyncDir makes the names in a folder survive a power cut.
	SyncDir(name string) error
	// Sub opens a folder in this one. The caller closes it.
	Sub(name string) (Folder, error)
	// Lock takes the file name for this process alone until it is closed, or returns ErrLocked.
	Lock(name string) (io.Closer, error)
	// Space returns what an unprivileged process may still write, and the size of the file system, both in bytes.
	Space() (free, total int64, err error)
	io.Closer
}

// File is an open file of a Folder. The caller closes it.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	// Sync makes the content and length survive a power cut.
	Sync() error
	// Size returns the length of the file in bytes.
	Size() (int64, error)
}

// ErrLocked is returned by Folder.Lock while another process holds the lock.
var ErrLocked = errors.New("another process uses it")

// realFolder is a real folder. os.Root keeps every access below it, also through symbolic links.
type realFolder struct{ root *os.Root }

// Open opens a real folder. The caller closes it.
func Open(name string) (Folder, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return realFolder{root}, nil
}

func (d realFolder) openFile(name string, flag int) (File, error) {
	f, err := d.root.OpenFile(name, flag, fileMode)
	if err != nil {
		return nil, err
	}
	return realFile{f}, nil
}

func (d realFolder) Create(name string) (File, error) {
	return d.openFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}
func (d realFolder) Open(name string) (File, error)        { return d.openFile(name, os.O_RDONLY) }
func (d realFolder) Edit(name string) (File, error)        { return d.openFile(name, os.O_RDWR) }
func (d realFolder) Mkdir(name string) error               { return d.root.MkdirAll(name, FolderMode) }
func (d realFolder) Rename(from, to string) error          { return d.root.Rename(from, to) }
func (d realFolder) Remove(name string) error              { return d.root.Remove(name) }
func (d realFolder) Stat(name string) (fs.FileInfo, error) { return d.root.Lstat(name) }
func (d realFolder) Close() error                          { return d.root.Close() }
func (d realFolder) List(name string) ([]fs.DirEntry, error) {
	return fs.ReadDir(d.root.FS(), path.Clean(name))
}

func (d realFolder) SyncDir(name string) error {
	f, err := d.root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d realFolder) Sub(name string) (Folder, error) {
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return realFolder{root}, nil
}

func (d realFolder) Lock(name string) (io.Closer, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (d realFolder) Space() (free, total int64, err error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(d.root.Name(), &st); err != nil {
		return 0, 0, &fs.PathError{Op: "statfs", Path: d.root.Name(), Err: err}
	}
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), nil
}

type realFile struct{ *os.File }

func (f realFile) Sync() error { return dataSync(f.File) }
func (f realFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Uncache makes the next reads of the file come from the disk and not from memory, where the kernel allows it: after a failed
// sync, memory may hold what the disk does not. Data that was not written to the disk yet stays in memory.
func Uncache(f File) {
	if u, ok := f.(interface{ dropCache() }); ok {
		u.dropCache()
	}
}

func (f realFile) dropCache() { dropCache(f.File) }

// IsFull reports whether err says that the file system or the quota is full.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// IsReadOnly reports whether err says that the file system is mounted read-only.
func IsReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// ReadFile reads a whole file of at most limit bytes.
func ReadFile(d Folder, name string, limit int64) ([]byte, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
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

// WriteFile replaces the content of a file. After a crash the file holds either all of the new content or all of the old.
func WriteFile(d Folder, name string, b []byte) error {
	temp := name + ".new"
	if err := d.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := d.Create(temp)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, d.Remove(temp))
	}
	if err := d.Rename(temp, name); err != nil {
		return err
	}
	return d.SyncDir(path.Dir(name))
}

// IsMissing reports whether err says that a file or folder does not exist.
func IsMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// RemoveSynced removes a file so that it stays removed after a power cut. A file that does not exist is no error: its folder is
// synced all the same, since whoever removed the file may have died before syncing the folder.
func RemoveSynced(d Folder, name string) error {
	if err := d.Remove(name); err != nil && !IsMissing(err) {
		return err
	}
	if err := d.SyncDir(path.Dir(name)); err != nil && !IsMissing(err) {
		return err
	}
	return nil
}

// IsRegular reports whether an entry is a file, and no folder, link or device.
func IsRegular(e fs.DirEntry) bool { return e.Type().IsRegular() }
