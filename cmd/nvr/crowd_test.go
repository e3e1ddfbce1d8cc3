package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keepwatch.internal/internal/testcam"
	"keepwatch.internal/internal/testcam/camtest"
)

// TestAThousandLoginsAtOnceCostTheRecordingNoFrame has a crowd sign in from many addresses while cameras are recorded. Most use the
// right password, which costs a hash each. Then it checks the frame numbers in the recording.
func TestAThousandLoginsAtOnceCostTheRecordingNoFrame(t *testing.T) {
	const all = 1000
	s := newSite(t, testcam.Camera{Name: "one"}, testcam.Camera{Name: "two"})
	s.start()
	v := s.login("alice")
	v.recording()
	until(t, 20*time.Second, "a key frame on the disk", func() bool { return len(s.segments()) == 2 })
	from := time.Now()
	var crowd sync.WaitGroup
	var in, refused, other, dialled atomic.Int64
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) { // from 200 addresses, each with its own tries
			from := net.IPv4(127, 0, 1, byte(1+dialled.Add(1)%200))
			return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).DialContext(ctx, network, address)
		}}}
	for i := range all {
		password := testPassword
		if i%5 == 4 {
			password = "wrong"
		}
		body := fmt.Sprintf(`{"username":"bob","password":%q}`, password)
		crowd.Go(func() {
			for again := true; again; { // "try again later" is ignored
				resp, err := client.Post(s.url+"/api/v1/session", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				switch resp.StatusCode {
				case http.StatusOK:
					in.Add(1)
				case http.StatusTooManyRequests, http.StatusUnauthorized:
					refused.Add(1)
				default:
					other.Add(1)
				}
				again = resp.StatusCode == http.StatusTooManyRequests && time.Since(from) < 3*time.Second
			}
		})
	}
	crowd.Wait()
	took := time.Since(from)
	to := time.Now().Add(time.Second)
	until(t, 20*time.Second, "a second more", func() bool { return time.Now().After(to.Add(2 * time.Second)) })
	for _, camera := range s.cams.Cameras() {
		marks := camtest.Marks(t, v.clip(camera.Name(), from, to))
		for i, m := range marks {
			if m.Frame != marks[0].Frame+uint64(i) {
				t.Errorf("%s: picture %d is frame %d; the first was %d", camera.Name(), i, m.Frame, marks[0].Frame)
				break
			}
		}
		if span := time.Duration(len(marks)) * time.Second / 15; span < to.Sub(from) {
			t.Errorf("%s: %d pictures for %v", camera.Name(), len(marks), to.Sub(from))
		}
	}
	t.Logf("%d at once, for %v: %d logged in, %d tries refused", all, took, in.Load(), refused.Load())
	if other.Load() > 0 || in.Load() < 10 || refused.Load() == 0 {
		t.Errorf("%d in, %d refused, %d neither", in.Load(), refused.Load(), other.Load())
	}
	if v.state("one") != "recording" || v.state("two") != "recording" {
		t.Error("a camera is not recording any more")
	}
}
