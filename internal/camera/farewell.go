package camera

import (
	"net"
	"time"
)

// Close implements net.Conn. The library sends TEARDOWN and closes without waiting for the answer. A camera that wants a new nonce for
// it would keep the session, and with it a place for a viewer. So the answer is awaited for a moment if there is a login.
func (w *wire) Close() error {
	if w.parting() {
		end := time.Now().Add(farewellTimeout / 2)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for !w.over() && time.Now().Before(end) {
			if w.reading.TryLock() { // else the library reads, which comes to the same
				_ = w.SetReadDeadline(end) // without it, the session's own farewell cuts the connection
				_ = w.part()               // the connection is given up, its error does not matter
				w.reading.Unlock()
				break
			}
			<-tick.C
		}
	}
	return w.Conn.Close()
}

// parting reports whether only the answer to TEARDOWN is of interest.
func (w *wire) parting() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leaving && w.login != nil
}

// over reports whether TEARDOWN was answered, or nothing more can be read.
func (w *wire) over() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.gone
}

// end notes that over is true.
func (w *wire) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
}

// part reads on, and passes on nothing, until TEARDOWN is answered. The caller holds reading.
func (w *wire) part() error {
	defer w.end()
	for !w.over() {
		w.ready = nil
		if _, err := w.r.Discard(w.packet); err != nil {
			return err
		}
		w.packet = 0
		if err := w.next(); err != nil {
			return err
		}
	}
	return net.ErrClosed
}
