package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// masterKeyName is the file of the master key in the folder of keys.
const masterKeyName = "master.key"

// masterKey reads the store's master key. It generates one if neither key nor footage exist yet. Existing footage verifies only
// with its own key, so a missing key is an error and is not replaced.
func masterKey(data, recordings string) (key [32]byte, err error) {
	dir := filepath.Join(data, "keys")
	path := filepath.Join(dir, masterKeyName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(recordings, "store.json")); err == nil {
			return key, fmt.Errorf("%s is missing, and the footage in %s cannot be verified without it: restore the file, or choose an empty recordings folder", path, recordings)
		}
		return newMasterKey(dir, path)
	}
	if err != nil {
		return key, err
	}
	if len(b) != len(key) {
		return key, fmt.Errorf("%s has %d bytes and should have %d: restore it from your backup", path, len(b), len(key))
	}
	return [32]byte(b), nil
}

func newMasterKey(dir, path string) (key [32]byte, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return key, err
	}
	rand.Read(key[:])
	f, err := os.CreateTemp(dir, "master-*.tmp")
	if err != nil {
		return key, err
	}
	_, err = f.Write(key[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return key, err
	}
	// Another command may have generated a key at the same moment. The first one counts.
	err = os.Link(f.Name(), path)
	if errors.Is(err, fs.ErrExist) {
		b, readErr := os.ReadFile(path)
		if err = readErr; err == nil && len(b) == len(key) {
			key = [32]byte(b)
		}
	}
	if err != nil { // a file system without links
		err = os.Rename(f.Name(), path)
	} else {
		err = os.Remove(f.Name())
	}
	if err != nil {
		return key, err
	}
	d, err := os.Open(dir)
	if err != nil {
		return key, err
	}
	return key, errors.Join(d.Sync(), d.Close())
}
