package camera

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
)

const (
	// maxMessageHead and maxMessageBody bound a message from a camera, in bytes. Real ones have less than 2 kB.
	maxMessageHead = 32 << 10
	maxMessageBody = 128 << 10
	// maxHeaderLine is the longest header line that the library reads.
	maxHeaderLine = 2 << 10
)

var errMessage = errors.New("message is no RTSP")

// message is a message from a camera as it came: the first line, the header lines, and the body.
type message struct {
	first string
	lines []string // with a colon each
	body  []byte
	sized bool // the length of the body was given
}

// beginsMessage reports whether these four bytes are the beginning of an answer or of a request of RTSP.
func beginsMessage(head []byte) bool {
	switch string(head) {
	case "RTSP", "OPTI", "GET_", "SET_", "ANNO", "REDI", "TEAR", "PLAY", "PAUS", "DESC", "SETU", "RECO":
		return true
	}
	return false
}

// readMessage reads a message. Lines may end with a line feed alone, a line without a colon counts for nothing.
func readMessage(r *bufio.Reader) (*message, error) {
	m := &message{}
	size, length := 0, 0
	for {
		line, err := r.ReadSlice('\n')
		if size += len(line); errors.Is(err, bufio.ErrBufferFull) || size > maxMessageHead {
			return nil, errMessage
		}
		if err != nil {
			return nil, err
		}
		text := strings.Trim(string(line), " \t\r\n\x00")
		key, value, ok := strings.Cut(text, ":")
		switch {
		case m.first == "":
			m.first = text
		case text == "":
			if length > maxMessageBody {
				return nil, errMessage
			}
			m.body = make([]byte, length)
			_, err := io.ReadFull(r, m.body)
			return m, err
		case !ok || len(text) > maxHeaderLine:
		case strings.EqualFold(strings.TrimSpace(key), "Content-Length"):
			if n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31); err != nil {
				return nil, errMessage
			} else {
				length, m.sized = int(n), true
			}
		default:
			m.lines = append(m.lines, strings.TrimSpace(key)+": "+strings.TrimSpace(value))
		}
	}
}

// head returns the message with the given first line, as the library reads it, without its body.
func (m *message) head(first string) *bufio.Reader {
	return bufio.NewReader(strings.NewReader(first + "\r\n" + strings.Join(append(m.lines, ""), "\r\n") + "\r\n"))
}

// response returns the message as an answer (RFC 2326 section 7.1). The words after its number may be missing.
func (m *message) response() (*base.Response, error) {
	f := strings.Fields(m.first)
	if len(f) < 2 {
		return nil, errMessage
	}
	res := &base.Response{}
	if err := res.Unmarshal(m.head("RTSP/1.0 " + f[1] + " ")); err != nil {
		return nil, errors.Join(errMessage, err)
	}
	res.Body = m.body
	return res, nil
}

// request returns the message as a request of the camera.
func (m *message) request() (*base.Request, error) {
	f := strings.Fields(m.first)
	if len(f) < 2 {
		return nil, errMessage
	}
	req := &base.Request{}
	if err := req.Unmarshal(m.head(f[0] + " * RTSP/1.0")); err != nil {
		return nil, errors.Join(errMessage, err)
	}
	return req, nil
}

// numbered returns the value of a CSeq header field.
func numbered(n int) base.HeaderValue { return base.HeaderValue{strconv.Itoa(n)} }

// isSDP reports whether a body looks like a session description (RFC 8866), whatever its type is said to be.
func isSDP(body []byte) bool {
	return bytes.HasPrefix(body, []byte("m=")) || bytes.Contains(body, []byte("\nm="))
}
