package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestNetworkFileSystemsAreNamed(t *testing.T) {
	for magic, want := range map[uint32]string{
		0x6969: "NFS", 0x517b: "SMB", 0xfe534d42: "SMB", 0xff534d42: "CIFS", 0x01021997: "9p", 0x65735546: "FUSE", 0x00c36400: "Ceph",
		0xef53: "", 0x9123683e: "", 0x58465342: "", 0x01021994: "", 0x794c7630: "", 0x2fc12fc1: "", // ext4, btrfs, xfs, tmpfs, overlay, zfs
	} {
		if got := kindName(magic); got != want {
			t.Errorf("%#x is called %q, want %q", magic, got, want)
		}
	}
	if got := NetworkKind("/proc"); got != "" {
		t.Errorf("/proc is called %q", got)
	}
}

// open opens a folder of the test's own.
func open(t *testing.T) (Folder, string) {
	t.Helper()
	path := t.TempDir()
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, path
}

func TestAWrittenFileReadsBackAndLeavesNoTemporaryOne(t *testing.T) {
	d, _ := open(t)
	for _, text := range []string{"first", "second"} {
		if err := WriteFile(d, "note", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if b, err := ReadFile(d, "note", 100); err != nil || string(b) != text {
			t.Errorf("%q, %v", b, err)
		}
	}
	if _, err := ReadFile(d, "note", 3); err == nil {
		t.Error("a file beyond the limit was read")
	}
	if entries, err := d.List("."); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestAFileThatIsGoneIsRemovedOnceMore(t *testing.T) {
	d, _ := open(t)
	if err := WriteFile(d, "note", nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := RemoveSynced(d, "note"); err != nil {
			t.Error(err)
		}
	}
	if _, err := d.Stat("note"); !IsMissing(err) {
		t.Errorf("after its removal: %v", err)
	}
}

func TestNamesCannotLeadOutOfTheFolder(t *testing.T) {
	d, path := open(t)
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(path, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "../" + filepath.Base(filepath.Dir(outside)) + "/secret", outside} {
		if b, err := ReadFile(d, name, 100); err == nil {
			t.Errorf("%s: read %q", name, b)
		}
	}
}

func TestALockIsHeldByOne(t *testing.T) {
	d, _ := open(t)
	first, err := d.Lock("lock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Lock("lock"); !errors.Is(err, ErrLocked) {
		t.Errorf("the second lock: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := d.Lock("lock")
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestReservedSpaceIsInTheFile(t *testing.T) {
	d, _ := open(t)
	f, err := d.Create("reserve")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Allocate(f, 3<<20); err != nil {
		t.Fatal(err)
	}
	if size, err := f.Size(); err != nil || size != 3<<20 {
		t.Errorf("%d bytes, %v", size, err)
	}
	if _, err := d.Create("reserve"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file was created twice: %v", err)
	}
}
