package oddcam

import (
	"bufio"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

// rtpHead is the length of the fixed header of an RTP packet (RFC 3550 section 5.1).
const rtpHead = 12

// Request is a request of a viewer (RFC 2326 section 6).
type Request struct {
	Method, URL string
	Body        []byte
	header      textproto.MIMEHeader
}

// Header returns a header field, or "".
func (r *Request) Header(name string) string { return r.header.Get(name) }

// readRequest reads a request. Packets before it are skipped.
func readRequest(r *bufio.Reader) (*Request, error) {
	for {
		head, err := r.Peek(4)
		if err != nil {
			return nil, err
		}
		if head[0] != '$' {
			break
		}
		if _, err := r.Discard(4 + int(head[2])<<8 + int(head[3])); err != nil {
			return nil, err
		}
	}
	text := textproto.NewReader(r)
	line, err := text.ReadLine()
	if err != nil {
		return nil, err
	}
	words := strings.Fields(line)
	if len(words) != 3 {
		return nil, fmt.Errorf("the viewer asks %q", line)
	}
	req := &Request{Method: words[0], URL: words[1]}
	if req.header, err = text.ReadMIMEHeader(); err != nil {
		return nil, err
	}
	if n, err := strconv.Atoi(req.Header("Content-Length")); err == nil && n > 0 {
		req.Body = make([]byte, n)
		if _, err := io.ReadFull(r, req.Body); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// answer returns an answer: its status, further header lines that end with CR LF, and a body.
func (r *Request) answer(status, lines, body string) []byte {
	length := ""
	if body != "" {
		length = "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	return []byte("RTSP/1.0 " + status + "\r\nCSeq: " + r.Header("CSeq") + "\r\n" + lines + length + "\r\n" + body)
}
