package camera

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
)

// optionsTimeout is how long a camera may take to answer OPTIONS. Some never do, and play nevertheless.
const optionsTimeout = 3 * time.Second

// usualMethods is what a camera is taken to understand that does not say so. GET_PARAMETER keeps a session alive (RFC 2326 section
// 10.8).
const usualMethods = "DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER"

// nextMessage reads a message and repairs it for the library.
func (w *wire) nextMessage() error {
	m, err := readMessage(w.r)
	if err != nil {
		return err
	}
	w.lost = false
	if !strings.HasPrefix(m.first, "RTSP") {
		return w.serve(m)
	}
	res, err := m.response()
	if err != nil {
		return err
	}
	if !m.sized && strings.Contains(strings.ToLower(strings.Join(res.Header["Content-Type"], "")), "sdp") {
		if res.Body, err = w.unsizedDescription(); err != nil {
			return err
		}
	}
	if res, err = w.answer(res); res == nil || err != nil {
		return err
	}
	w.ready, err = res.Marshal()
	return err
}

// unsizedPause is the pause after which a description without a length is taken to be complete.
const unsizedPause = 500 * time.Millisecond

// unsizedDescription reads the session description of an answer that does not say how long it is. It goes on as long as there are
// lines of it (RFC 8866 section 5).
func (w *wire) unsizedDescription() (body []byte, err error) {
	for len(body) < maxMessageBody {
		if err := w.SetReadDeadline(time.Now().Add(unsizedPause)); err != nil {
			return nil, err
		}
		if head, err := w.r.Peek(2); err != nil || head[1] != '=' {
			break // what is wrong with the connection is found with the next message
		}
		line, err := w.r.ReadSlice('\n')
		if body = append(body, line...); err != nil {
			break
		}
	}
	return body, w.SetReadDeadline(time.Time{})
}

// serve passes on a request of the camera, except those that only ask whether anybody is there, which the library does not know.
func (w *wire) serve(m *message) error {
	req, err := m.request()
	if err != nil {
		return err
	}
	switch req.Method {
	case base.GetParameter, base.SetParameter, base.Announce:
		b, err := base.Response{StatusCode: base.StatusOK, Header: base.Header{"CSeq": req.Header["CSeq"]}}.Marshal()
		if err != nil {
			return err
		}
		w.writing.Lock()
		defer w.writing.Unlock()
		_, err = w.Conn.Write(b)
		return err
	}
	w.ready, err = req.Marshal()
	return err
}

// answer repairs an answer. It returns nil if the library must not see it.
func (w *wire) answer(res *base.Response) (*base.Response, error) {
	if res.StatusCode < 200 {
		return nil, nil // provisional (RFC 2326 section 7.1.1): the answer is to come
	}
	r := w.take(res)
	if r == nil {
		return nil, nil // to a request that was given up
	}
	if prompts := res.Header["WWW-Authenticate"]; len(prompts) > 0 {
		res.Header["WWW-Authenticate"] = repairChallenges(prompts)
	}
	if r.Method == base.Options {
		if err := w.SetReadDeadline(time.Time{}); err != nil {
			return nil, err
		}
	}
	if res.StatusCode == base.StatusUnauthorized {
		if again, err := w.signIn(r, res); again || err != nil {
			return nil, err
		}
	}
	if r.Method == base.Teardown {
		w.end()
	}
	res.Header["CSeq"] = r.theirs
	delete(res.Header, "Content-Length")
	repairSession(res.Header)
	if res.StatusCode > base.StatusOK && res.StatusCode < 300 {
		res.StatusCode = base.StatusOK // such as 250 Low on Storage Space
	}
	switch {
	case r.Method == base.Play && mindsRange(res.StatusCode) && len(r.Header["Range"]) > 0:
		delete(r.Header, "Range")
		return nil, w.ask(r)
	case r.Method == base.Options && res.StatusCode != base.StatusUnauthorized && res.StatusCode != base.StatusOK:
		res.StatusCode, res.StatusMessage, res.Header["Public"] = base.StatusOK, "", base.HeaderValue{usualMethods}
	case res.StatusCode != base.StatusOK:
	case r.Method == base.Describe:
		w.repairDescribe(res)
	case r.Method == base.Setup:
		w.repairSetup(r.Header["Transport"], res)
	}
	return res, nil
}

// mindsRange reports whether a status may be about the Range of a PLAY, which a live stream does not need: 400, Header Field Not Valid
// for Resource, or Invalid Range.
func mindsRange(status base.StatusCode) bool {
	return status == base.StatusBadRequest || status == base.StatusHeaderFieldNotValidForResource || status == base.StatusInvalidRange
}

// take returns the request that is answered, and forgets it. Without a number it is the oldest one, and also if the camera gives every
// answer the same number.
func (w *wire) take(res *base.Response) *request {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := 0
	if number := res.Header["CSeq"]; len(number) > 0 {
		if n, err := strconv.Atoi(number[0]); err == nil && n > 0 && n <= w.numbered {
			i = slices.IndexFunc(w.asked, func(r *request) bool { return r.number == n })
			w.counts = w.counts || i >= 0 && n > 1
			if i < 0 && !w.counts && !slices.Contains(w.givenUp, n) && len(w.asked) > 0 &&
				(w.asked[0].Method != base.Describe || res.StatusCode != base.StatusOK || isSDP(res.Body)) {
				i = 0
			}
		}
	}
	if i < 0 || len(w.asked) == 0 {
		return nil
	}
	r := w.asked[i]
	w.asked = slices.Delete(w.asked, i, i+1)
	return r
}

// answerOptions answers an OPTIONS that the camera leaves without an answer. It reports whether there was one.
func (w *wire) answerOptions() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.asked, func(r *request) bool { return r.Method == base.Options })
	if i < 0 || w.SetReadDeadline(time.Time{}) != nil {
		return false
	}
	w.givenUp = append(w.givenUp, w.asked[i].number)
	res := base.Response{StatusCode: base.StatusOK, Header: base.Header{"CSeq": w.asked[i].theirs, "Public": base.HeaderValue{usualMethods}}}
	w.asked = slices.Delete(w.asked, i, i+1)
	var err error
	w.ready, err = res.Marshal()
	return err == nil
}

// signIn answers a challenge by asking again, signed. A nonce may be good for one request or for a short time only, so that each
// request may be challenged once. Whoever is refused with an answer to a challenge of this very request has the wrong password, unless
// the camera says that the nonce was stale: another stream of ours may have used it.
func (w *wire) signIn(r *request, res *base.Response) (again bool, err error) {
	w.dialer.answered(res)
	if err := w.dialer.refusal(); err != nil {
		return false, err
	}
	stale := isStale(res.Header["WWW-Authenticate"])
	switch {
	case w.dialer.user == nil:
		return false, errWantsLogin
	case r.signed > 0 && !stale:
		return false, nil
	case r.signed == maxSigned:
		return false, errStale
	}
	password, _ := w.dialer.user.Password()
	login := &auth.Sender{WWWAuth: res.Header["WWW-Authenticate"], User: w.dialer.user.Username(), Pass: password}
	if err := login.Initialize(); err != nil {
		return false, errors.Join(errLoginKind, err)
	}
	w.mu.Lock()
	w.login = login
	w.mu.Unlock()
	r.signed++
	return true, w.ask(r)
}

// maxSigned is how often a request is signed while the camera says that its own nonce was stale. Some say so to a wrong password too,
// and lock the account after a few.
const maxSigned = 2

// staleNonce matches the parameter of a challenge that says that name and password were right (RFC 7616 section 3.3).
var staleNonce = regexp.MustCompile(`(?i)[,\s]stale\s*=\s*"?true`)

func isStale(challenges base.HeaderValue) bool {
	return slices.ContainsFunc(challenges, staleNonce.MatchString)
}

// sessionTimeout matches the parameter of a Session header field (RFC 2326 section 12.37).
var sessionTimeout = regexp.MustCompile(`(?i);\s*timeout\s*=\s*"?(\d{1,9})`)

// libraryEarly is how many seconds before the end of a session's timeout the library keeps it alive.
const libraryEarly = 5

// repairSession makes the Session header field readable, and its timeout such that the library keeps the session alive after half
// of it.
func repairSession(h base.Header) {
	values := h["Session"]
	if len(values) == 0 {
		return
	}
	id, _, _ := strings.Cut(values[0], ";")
	id = strings.TrimSpace(id)
	if m := sessionTimeout.FindStringSubmatch(values[0]); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			id += ";timeout=" + strconv.Itoa(max(n/2, 1)+libraryEarly)
		}
	}
	h["Session"] = base.HeaderValue{id}
}

// repairDescribe makes the answer to DESCRIBE readable.
func (w *wire) repairDescribe(res *base.Response) {
	if !isSDP(res.Body) {
		return
	}
	w.dialer.described(res.Body)
	res.Header["Content-Type"] = base.HeaderValue{"application/sdp"}
	if at := res.Header["Content-Base"]; len(at) > 0 {
		if _, err := base.ParseURL(at[0]); err != nil && !strings.HasPrefix(at[0], "/") {
			delete(res.Header, "Content-Base")
		} else {
			res.Header["Content-Base"] = at[:1]
		}
	}
	var left []string
	res.Body, left = repairDescription(res.Body)
	w.dialer.understood(res.Body, left)
}

var (
	// channelsOf, portsOf, sourceHost and ssrcOf match parameters of a Transport header field (RFC 2326 section 12.39).
	channelsOf = regexp.MustCompile(`(?i)interleaved\s*=\s*"?(\d{1,3})`)
	portsOf    = regexp.MustCompile(`(?i)server_port\s*=\s*"?(\d{1,5})(?:-(\d{1,5}))?`)
	sourceHost = regexp.MustCompile(`(?i);\s*source\s*=\s*"?([^;,"\s]+)`)
	ssrcOf     = regexp.MustCompile(`(?i)ssrc\s*=\s*"?([0-9a-f]{1,10})`)
)

// repairSetup makes the Transport header field of an answer to SETUP readable: what it lacks is as it was asked for, and what the
// library does not need is left out. The source that it names is kept for the medium's channel.
func (w *wire) repairSetup(asked base.HeaderValue, res *base.Response) {
	var want headers.Transport
	if want.Unmarshal(asked) != nil {
		return
	}
	given := strings.Join(res.Header["Transport"], ",")
	if want.Protocol != headers.TransportProtocolTCP {
		repairUDP(given, res)
		return
	}
	if want.InterleavedIDs == nil || channelsOf.FindString(given) == "" && (portsOf.FindString(given) != "" || strings.Contains(strings.ToLower(given), "multicast")) {
		return // the camera wants UDP
	}
	got := *want.InterleavedIDs
	if m := channelsOf.FindStringSubmatch(given); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n < 255 {
			got = [2]int{n, n + 1}
		}
	}
	profile := "RTP/AVP/TCP"
	if want.Profile == headers.TransportProfileSAVP {
		profile = "RTP/SAVP/TCP"
	}
	from := byte(got[0])
	s := &source{channel: from, sealed: want.Profile == headers.TransportProfileSAVP, named: namedSources(given), kinds: w.dialer.payloadTypes()}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lanes[from].of != nil && s.kinds != nil {
		s.channel = byte(want.InterleavedIDs[0]) // of several media on one channel each gets its own
	}
	res.Header["Transport"] = base.HeaderValue{fmt.Sprintf("%s;unicast;interleaved=%d-%d", profile, s.channel, s.channel+1)}
	w.media = append(w.media, s)
	w.use(from, s)
	if s.channel != from {
		w.use(s.channel, s)
	}
}

// repairUDP makes the Transport header field for UDP readable. It stays as it is if it names no ports, or is for multicast.
func repairUDP(given string, res *base.Response) {
	m := portsOf.FindStringSubmatch(given)
	if m == nil || strings.Contains(strings.ToLower(given), "multicast") {
		return
	}
	profile := "RTP/AVP"
	if strings.Contains(strings.ToUpper(given), "SAVP") {
		profile = "RTP/SAVP"
	}
	text := profile + ";unicast;server_port=" + m[1]
	if m[2] != "" {
		text += "-" + m[2]
	}
	if host := sourceHost.FindStringSubmatch(given); host != nil {
		text += ";source=" + host[1]
	}
	res.Header["Transport"] = base.HeaderValue{text}
}

// namedSources returns the sources that a Transport header field may mean. The number is hexadecimal, and decimal in some cameras.
func namedSources(transport string) (all []uint32) {
	m := ssrcOf.FindStringSubmatch(transport)
	if m == nil {
		return nil
	}
	for _, base := range []int{16, 10} {
		if n, err := strconv.ParseUint(m[1], base, 32); err == nil && n != 0 {
			all = append(all, uint32(n))
		}
	}
	return all
}
