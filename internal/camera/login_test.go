package camera_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/testcam"
)

// guard is a camera with digest authentication (RFC 7616).
type guard struct {
	once  bool          // each nonce is good for one request
	after time.Duration // or until then

	mu     sync.Mutex
	nonce  string
	made   time.Time
	number int
	wrong  int
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// admits reports whether a request is signed, and returns a challenge otherwise.
func (g *guard) admits(method, head string) (challenge string, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	given := field(head, "Authorization")
	value := func(key string) string {
		_, rest, _ := strings.Cut(given, key+`="`)
		v, _, _ := strings.Cut(rest, `"`)
		return v
	}
	fresh := g.nonce != "" && value("nonce") == g.nonce && (g.after == 0 || time.Since(g.made) < g.after)
	if fresh {
		want := md5Hex(md5Hex("admin:x:"+canary) + ":" + g.nonce + ":" + md5Hex(method+":"+value("uri")))
		if value("response") == want {
			if g.once {
				g.nonce = ""
			}
			return "", true
		}
		g.wrong++
	}
	g.number++
	g.nonce, g.made = fmt.Sprint("nonce", g.number), time.Now()
	return fmt.Sprintf("WWW-Authenticate: Digest realm=\"x\", nonce=%q\r\n", g.nonce), false
}

func (g *guard) guarding(serve func(*hostile, net.Conn, string, string)) func(*hostile, net.Conn, string, string) {
	return func(h *hostile, c net.Conn, method, head string) {
		if challenge, ok := g.admits(method, head); !ok {
			say(c, head, "401 Unauthorized", challenge, "")
			return
		}
		serve(h, c, method, head)
	}
}

func TestANonceThatIsGoodForShortOnlyIsNoWrongPassword(t *testing.T) {
	for name, g := range map[string]*guard{"for one request": {once: true}, "for an instant": {after: time.Nanosecond, once: false}, "for long": {}} {
		t.Run(name, func(t *testing.T) {
			if g.after > 0 {
				g.after = 30 * time.Millisecond // of which some have passed between two requests
			}
			h := newHostile(t, g.guarding(oddServer{}.serve(newPlayer(t))))
			t.Cleanup(h.close)
			o := hostileOptions(h, new(bytes.Buffer))
			o.OpenTimeout = 10 * time.Second
			s := open(t, o)
			video(t, s, 10)
			if g.wrong > 0 {
				t.Errorf("%d answers were wrong", g.wrong)
			}
			s.Close()
		})
	}
}

func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	g := &guard{}
	h := newHostile(t, g.guarding(proper))
	t.Cleanup(h.close)
	o := camera.Options{URL: &url.URL{Scheme: "rtsp", User: url.UserPassword("admin", "not it"), Host: h.listener.Addr().String(), Path: "/x"},
		OpenTimeout: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)}
	_, err := camera.Open(t.Context(), o)
	if f := failure(t, err); f.Kind != camera.Refused || g.wrong != 1 {
		t.Errorf("kind %d (%s) after %d wrong answers", f.Kind, f.Reason, g.wrong)
	}
}

func TestStreamsThatUseUpEachOthersNoncesAreNotRefused(t *testing.T) {
	h := start(t, testcam.Camera{NonceOnce: true, Auth: testcam.DigestMD5, Username: "admin", Password: "p"})
	for range 3 {
		for _, q := range []media.Quality{media.Main, media.Sub} {
			video(t, open(t, options(t, h.URL(q))), 3)
		}
	}
}

func TestACameraThatWantsALoginIsNotToldAWrongOne(t *testing.T) {
	h := start(t, testcam.Camera{Username: "admin", Password: "p"})
	u, err := url.Parse(h.URL(media.Main))
	if err != nil {
		t.Fatal(err)
	}
	u.User = nil
	_, err = camera.Open(t.Context(), options(t, u.String()))
	if f := failure(t, err); f.Kind != camera.Refused || !strings.Contains(f.Reason, "wants a user name and password") {
		t.Errorf("%q (%v)", f.Reason, f.Err)
	}
}

func TestKeepAlivesAndTheGoodbyeAreSignedForNoncesOfOneRequest(t *testing.T) {
	t.Parallel()
	g, odd := &guard{once: true}, oddServer{}.serve(newPlayer(t))
	alive, bye := make(chan time.Time, 100), make(chan bool, 1)
	var playing atomic.Bool
	h := newHostile(t, g.guarding(func(h *hostile, c net.Conn, method, head string) {
		switch method {
		case "SETUP":
			say(c, head, "200 OK", "Session: 1;timeout=4\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n", "")
			return
		case "PLAY":
			playing.Store(true)
		case "GET_PARAMETER", "OPTIONS":
			if playing.Load() {
				alive <- time.Now()
			}
		case "TEARDOWN":
			bye <- true
		}
		odd(h, c, method, head)
	}))
	t.Cleanup(h.close)
	o := hostileOptions(h, new(bytes.Buffer))
	o.FrameTimeout = 10 * time.Second
	s := open(t, o)
	began := time.Now()
	video(t, s, 5)
	for n := 1; n <= 2; n++ {
		select {
		case at := <-alive:
			t.Logf("keep-alive %d after %v", n, at.Sub(began))
		case <-time.After(30 * time.Second):
			t.Fatal("the session was not kept alive")
		}
	}
	s.Close()
	select {
	case <-bye:
	case <-time.After(5 * time.Second):
		t.Error("the camera was not told goodbye")
	}
}
