package web

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"keepwatch.internal/internal/audit"
)

// errCut is returned by writes to an answer that was cut off because its permit was not renewed.
var errCut = errors.New("the permit was not renewed")

// response is the writer that every handler gets. Each write has its own deadline, so that a viewer who stopped reading is cut
// off but a slow one is not. Another goroutine can cut the response off.
type response struct {
	http.ResponseWriter
	control *http.ResponseController
	started bool // the status line is decided
	status  int
	failed  bool           // a write failed: the caller is gone, stalled, or was cut off
	viewing *audit.Viewing // counts the bytes while footage is written; nil otherwise

	mu  sync.Mutex // guards the deadline against cutOff
	cut bool
}

func newResponse(w http.ResponseWriter) *response {
	resp := &response{ResponseWriter: w, control: http.NewResponseController(w)}
	resp.release() // the connection may have been used before
	return resp
}

// Unwrap lets http.ResponseController and the WebSocket library reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader decides the status.
func (w *response) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.started, w.status = true, status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write sends b within stallTime, or fails. It fails with errCut after cutOff.
func (w *response) Write(b []byte) (int, error) {
	if !w.started {
		w.started, w.status = true, http.StatusOK
	}
	if err := w.arm(); err != nil {
		w.failed = true
		return 0, err
	}
	defer w.release()
	n, err := w.ResponseWriter.Write(b)
	if w.viewing != nil {
		if unrecorded := w.viewing.Wrote(n); err == nil {
			err = unrecorded
		}
	}
	w.failed = w.failed || err != nil
	return n, err
}

// FlushError sends what is buffered, under the same deadline as Write.
func (w *response) FlushError() error {
	w.started = true
	if err := w.arm(); err != nil {
		w.failed = true
		return err
	}
	defer w.release()
	err := w.control.Flush()
	w.failed = w.failed || err != nil
	return err
}

func (w *response) arm() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return errCut
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(stallTime)) // response recorders in tests have no deadlines
	return nil
}

// release removes the deadline: over HTTP/2 a deadline that passes between writes would reset the stream.
func (w *response) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.cut {
		_ = w.control.SetWriteDeadline(time.Time{})
	}
}

// cutOff makes the current write and all later ones fail at once. It may be called from any goroutine while the handler runs.
func (w *response) cutOff() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	_ = w.control.SetWriteDeadline(time.Unix(1, 0))
}

// finish limits the time for sending what is still buffered when the handler has returned.
func (w *response) finish() {
	if w.status != http.StatusSwitchingProtocols {
		_ = w.arm()
	}
}
