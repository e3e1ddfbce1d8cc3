package camera

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

const (
	// packetHead is the length of the header of an interleaved packet (RFC 2326 section 10.12).
	packetHead = 4
	// rtpHead is the length of the fixed header of an RTP packet (RFC 3550 section 5.1).
	rtpHead = 12
	// rtcpHead is the length of the shortest RTCP packet with a source (RFC 3550 section 6.4.2).
	rtcpHead = 8
)

// wire is the connection to a camera as the RTSP library sees it. The library is strict: one header line that it cannot read ends
// the session. So wire puts the camera's messages right before the library reads them, signs in, and passes on only packets of the
// media that were set up, each from one source.
//
// The library reads on one goroutine and writes on others.
type wire struct {
	net.Conn
	r      *bufio.Reader
	dialer *dialer

	reading sync.Mutex // guards what follows; the library reads, and Close at the end
	ready   []byte     // rest of a message
	packet  int        // rest of a packet, bytes
	lost    bool       // the stream's framing; the next packet is searched for

	writing sync.Mutex // one message at a time

	mu       sync.Mutex
	asked    []*request // without an answer, oldest first
	numbered int        // of the newest request
	counts   bool       // the camera numbers its answers as it is asked
	givenUp  []int      // numbers of requests whose answers are no longer waited for
	login    *auth.Sender
	playing  bool          // PLAY was sent
	leaving  bool          // TEARDOWN was sent
	gone     bool          // it was answered, or nothing more can be read
	lanes    map[byte]lane // of the media that were set up, by channel
	media    []*source     // that were set up
}

// request is a request of the library that waits for its answer.
type request struct {
	*base.Request
	theirs base.HeaderValue // CSeq that the library expects
	number int              // CSeq that was sent
	signed int              // how often it was signed for a challenge to this very request
}

func newWire(conn net.Conn, d *dialer) *wire {
	return &wire{Conn: conn, r: bufio.NewReaderSize(conn, readBuffer), dialer: d, lanes: map[byte]lane{}}
}

// Read implements net.Conn. It returns whole packets and repaired messages.
func (w *wire) Read(p []byte) (n int, err error) {
	w.reading.Lock()
	defer w.reading.Unlock()
	for n < len(p) {
		if w.parting() {
			return 0, w.part()
		}
		switch {
		case len(w.ready) > 0:
			k := copy(p[n:], w.ready)
			w.ready, n = w.ready[k:], n+k
		case w.packet > 0 && (n == 0 || w.r.Buffered() > 0):
			k, err := w.r.Read(p[n:min(len(p), n+w.packet)])
			w.packet, n = w.packet-k, n+k
			if err != nil {
				return n, err
			}
		case n > 0 && !w.another():
			return n, nil
		default:
			if err := w.next(); err != nil {
				w.end()
				return n, err
			}
		}
	}
	return n, nil
}

// another reports whether a whole packet waits in the buffer. Anything else may take long to come.
func (w *wire) another() bool {
	if w.packet > 0 || w.r.Buffered() < packetHead {
		return false
	}
	head, err := w.r.Peek(packetHead)
	return err == nil && head[0] == base.InterleavedFrameMagicByte && w.r.Buffered() >= packetHead+int(head[2])<<8+int(head[3])
}

// next finds the next packet or message.
func (w *wire) next() error {
	head, err := w.r.Peek(packetHead)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && w.answerOptions():
		return nil
	case err != nil:
		return err
	case head[0] == base.InterleavedFrameMagicByte:
		return w.nextPacket(head[1], int(head[2])<<8|int(head[3]))
	case beginsMessage(head):
		return w.nextMessage()
	}
	return w.resume()
}

// resume skips a byte that belongs to nothing: some cameras lose bytes within their stream.
func (w *wire) resume() error {
	w.lost = true
	_, err := w.r.Discard(1)
	return err
}

// nextPacket passes on or skips the packet of a channel with a payload of size bytes.
func (w *wire) nextPacket(channel byte, size int) error {
	whole, err := w.r.Peek(packetHead + min(size, rtpHead))
	if err != nil {
		return err
	}
	payload := whole[packetHead:]
	w.mu.Lock()
	l := w.lanes[channel]
	s := w.mediumOf(l, payload)
	playing := w.playing
	w.mu.Unlock()
	if sound := size >= rtcpHead && payload[0]>>6 == rtpVersion; !sound && (w.lost || l.of == nil) || w.lost && l.of == nil {
		return w.resume()
	}
	w.lost = false
	if s != nil && !playing {
		s.foreign(payload)
	}
	if s == nil || !playing || !l.reports && !s.admit(payload, time.Now()) {
		_, err := w.r.Discard(packetHead + size)
		return err
	}
	if whole[1] = s.channel; l.reports {
		whole[1]++
	}
	w.packet = packetHead + size
	return nil
}

// Write implements net.Conn. The library writes one request, answer or packet at a time.
func (w *wire) Write(p []byte) (int, error) {
	req := &base.Request{}
	if len(p) > 0 && p[0] != base.InterleavedFrameMagicByte && req.Unmarshal(bufio.NewReader(bytes.NewReader(p))) == nil {
		if err := w.ask(&request{Request: req, theirs: req.Header["CSeq"]}); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	return w.Conn.Write(p)
}

// maxAsked bounds the requests that wait for an answer. Some cameras never answer those that keep the session alive.
const maxAsked = 16

// ask sends a request.
func (w *wire) ask(r *request) error {
	w.mu.Lock()
	w.numbered++
	r.number = w.numbered
	r.Header["CSeq"] = numbered(r.number)
	if w.asked = append(w.asked, r); len(w.asked) > maxAsked {
		w.givenUp = append(w.givenUp[max(0, len(w.givenUp)-maxAsked):], w.asked[0].number)
		w.asked = w.asked[1:]
	}
	w.playing, w.leaving = w.playing || r.Method == base.Play, w.leaving || r.Method == base.Teardown
	if w.login != nil {
		w.login.AddAuthorization(r.Request)
	}
	b, err := r.Marshal()
	waits := r.Method == base.Options && !w.playing
	w.mu.Unlock()
	if err != nil {
		return err
	}
	if waits {
		if err := w.Conn.SetReadDeadline(time.Now().Add(optionsTimeout)); err != nil {
			return err
		}
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	_, err = w.Conn.Write(b)
	return err
}
