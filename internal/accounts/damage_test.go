package accounts

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDamagedAccountsAreNeverMadeAnew damages the accounts in several ways: whoever set up the first account of new ones
// would own every camera.
func TestDamagedAccountsAreNeverMadeAnew(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"empty":                  func([]byte) []byte { return nil },
		"noise":                  func(b []byte) []byte { return bytes.Repeat([]byte("noise "), len(b)/6) },
		"cut in half":            func(b []byte) []byte { return b[:len(b)/2] },
		"another program's file": func(b []byte) []byte { copy(b[68:72], "MINE"); return b },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "accounts.db")
			d, err := Open(t.Context(), Options{Path: path, Hash: cheap})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			b = damage(b)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = Open(t.Context(), Options{Path: path, Hash: cheap})
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "backup") {
				t.Errorf("error %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, b) {
				t.Errorf("the file was changed: %v", err)
			}
		})
	}
}
