package camera

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// bytesConn is a connection from which given bytes can be read, and to which anything can be written.
type bytesConn struct {
	net.Conn
	r io.Reader
}

func (c bytesConn) Read(p []byte) (int, error)       { return c.r.Read(p) }
func (c bytesConn) Write(p []byte) (int, error)      { return len(p), nil }
func (c bytesConn) SetReadDeadline(time.Time) error  { return nil }
func (c bytesConn) SetWriteDeadline(time.Time) error { return nil }

// FuzzWire reads any bytes from a camera while packets are expected. Nothing may come out but packets and messages, and no more
// than went in but for the repairs of messages.
func FuzzWire(f *testing.F) {
	rtp := append([]byte{'$', 0, 0, 14, 0x80, 96, 0, 1, 0, 0, 0, 9, 0, 0, 0, 5}, 0x65, 1)
	f.Add(rtp)
	f.Add(append(append([]byte("junk$"), rtp...), "RTSP/1.0 401\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n\r\n"...))
	f.Add([]byte("RTSP/1.0 200\nCSeq: 2\nContent-Length: 3\n\nabcOPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n"))
	f.Add([]byte("GET_PARAMETER x RTSP/1.0\r\nCSeq: 4\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := newWire(bytesConn{r: bytes.NewReader(b)}, &dialer{admit: func(Identity) error { return nil }})
		pictures, sound := &source{kinds: []byte{96}}, &source{channel: 2, kinds: []byte{97, 0}}
		w.use(0, pictures)
		w.media = []*source{pictures, sound}
		for _, method := range []string{"OPTIONS", "DESCRIBE", "PLAY"} {
			if _, err := w.Write([]byte(method + " rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
		}
		out, _ := io.ReadAll(w)
		if len(out) > 4*len(b)+4<<10 {
			t.Fatalf("%d bytes became %d", len(b), len(out))
		}
		if again, _ := io.ReadAll(bytes.NewReader(out)); len(again) > 0 && again[0] != '$' && !beginsMessage(append(again, 0, 0, 0)[:4]) {
			t.Fatalf("began with %q", again[:min(8, len(again))])
		}
	})
}
