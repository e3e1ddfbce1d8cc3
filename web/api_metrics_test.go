package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
)

// TestMetricsNeedATokenMadeForThem requests the metrics as every kind of caller. Others must not see that they exist, except that
// they have to sign in.
func TestMetricsNeedATokenMadeForThem(t *testing.T) {
	w := filmed(t)
	bare, err := w.accounts.NewToken(t.Context(), "root", accounts.TokenSpec{Label: "no figures", Actions: access.Rights(access.Live)})
	check(t, err)
	for name, c := range map[string]struct {
		ask  ask
		want int
	}{
		"nobody":                           {ask{}, http.StatusUnauthorized},
		"a bad token":                      {ask{token: "kwt_no"}, http.StatusUnauthorized},
		"the administrator's session":      {w.as("root", ask{}), http.StatusNotFound},
		"an owner's token":                 {ask{token: w.tokens["alice"]}, http.StatusNotFound},
		"an administrator's other token":   {ask{token: bare}, http.StatusNotFound},
		"an administrator's token for it":  {ask{token: w.tokens["root"]}, http.StatusOK},
		"a removed account's token for it": {ask{token: w.tokens["carol"]}, http.StatusUnauthorized},
	} {
		c.ask.path = "/metrics"
		if resp, body := w.do(c.ask); resp.StatusCode != c.want {
			t.Errorf("%s: %s: %s", name, resp.Status, body)
		}
	}
}

// TestMetricsNameOnlyCamerasOfTheToken compares the metrics of an administrator's own cameras with those of others.
func TestMetricsNameOnlyCamerasOfTheToken(t *testing.T) {
	w := filmed(t)
	w.probeOnce()
	w.status.set(CameraStatus{ID: w.cameras["front"].ID, State: "recording", LastFrame: time.Now(), Streams: []StreamStatus{{Quality: media.Main, LostPackets: 7, BitsPerSecond: 1000}}},
		CameraStatus{ID: w.cameras["yard"].ID, State: "offline", Reason: "secret of yard"})
	figures := func() string {
		resp, body := w.do(ask{path: "/metrics", token: w.tokens["root"]})
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") || resp.Header.Get("Cache-Control") != "private, no-store" {
			t.Fatalf("%s %v", resp.Status, resp.Header)
		}
		return string(body)
	}
	text := figures()
	for _, name := range []string{"front", "yard", "attic", "canary-", "_canary", "secret"} {
		if strings.Contains(text, `"`+name) || strings.Contains(text, "secret") {
			t.Errorf("who owns no camera reads of %s:\n%s", name, text)
		}
	}
	for _, want := range []string{`keepwatch_cameras{state="recording"} 1`, `keepwatch_cameras{state="offline"} 1`, `keepwatch_cameras{state="connecting"} 1`,
		`keepwatch_canary_state{state="sound"} 1`, "keepwatch_canary_leaked_total 0", "keepwatch_disk_free_bytes ", "keepwatch_open_streams 0", "go_goroutines ",
		"process_resident_memory_bytes ", `keepwatch_info{version="test"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	w.own(map[string]string{"alice": "yard", "root": "front"})
	text = figures()
	for _, want := range []string{`keepwatch_camera_up{camera="front"} 1`, `keepwatch_camera_frame_age_seconds{camera="front"} `,
		`keepwatch_stream_lost_packets{camera="front",stream="main"} 7`, `keepwatch_camera_missing_today_seconds{camera="front",code="waiting"} `,
		`keepwatch_camera_recorded_today_seconds{camera="front"} `, `keepwatch_camera_segments{camera="front"} `,
		`keepwatch_camera_oldest_footage_timestamp_seconds{camera="front"} `} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, `"yard"`) || strings.Contains(text, `"attic"`) {
		t.Error("figures of a camera that is not the token's")
	}
}
