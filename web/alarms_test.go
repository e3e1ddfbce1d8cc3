package web

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"keepwatch.internal/storage"
)

// TestAlarmsAreForAdministratorsAndNameNoCamera damages the index of a store.
func TestAlarmsAreForAdministratorsAndNameNoCamera(t *testing.T) {
	w := filmed(t)
	check(t, w.store.Close())
	data := filepath.Join(filepath.Dir(w.recordings), "data")
	check(t, os.WriteFile(filepath.Join(data, "index.db"), bytes.Repeat([]byte("noise "), 1000), 0o600))
	var err error
	w.store, err = storage.Open(t.Context(), storage.Options{Recordings: w.recordings, Data: data, MasterKey: [32]byte{1}, Now: w.now})
	check(t, err)
	_, err = w.store.Enrol(t.Context(), []storage.CameraSpec{{Name: "front"}, {Name: "yard"}, {Name: "attic"}})
	check(t, err)
	w.reopen(func(o *Options) { o.Store = w.store })

	resp, body := w.do(w.as("root", ask{path: "/api/v1/system"}))
	sys := decode[SystemReport](t, resp, body)
	if len(sys.Alarms) != 1 || sys.Alarms[0].Code != storage.AlarmIndexRebuilt || sys.Alarms[0].Since.IsZero() || sys.Alarms[0].Text == "" {
		t.Fatalf("root is told %s", body)
	}
	for _, c := range w.cameras {
		if bytes.Contains(body, []byte(c.ID.String()[:8])) {
			t.Errorf("the alarm names %s: %s", c.Name, body)
		}
	}
	if _, page := w.do(w.as("root", ask{path: "/system"})); !bytes.Contains(page, []byte("Needs attention")) ||
		!bytes.Contains(page, []byte("index.db.damaged-")) {
		t.Errorf("the page says nothing: %s", page)
	}
	if resp, body := w.do(w.as("alice", ask{path: "/api/v1/system"})); len(decode[SystemReport](t, resp, body).Alarms) != 0 {
		t.Errorf("alice is told %s", body)
	}
}
