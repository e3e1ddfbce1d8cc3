package main

import (
	"path/filepath"
	"sync"
	"testing"
)

// TestCommandsThatStartTogetherDrawOneKey starts several commands at the same moment with an empty folder.
func TestCommandsThatStartTogetherDrawOneKey(t *testing.T) {
	dir := t.TempDir()
	var keys [8][32]byte
	var errs [8]error
	var running sync.WaitGroup
	for i := range keys {
		running.Go(func() { keys[i], errs[i] = masterKey(filepath.Join(dir, "data"), filepath.Join(dir, "recordings")) })
	}
	running.Wait()
	for i := range keys {
		if errs[i] != nil || keys[i] != keys[0] || keys[i] == ([32]byte{}) {
			t.Errorf("key %d: %x, %v", i, keys[i], errs[i])
		}
	}
}
