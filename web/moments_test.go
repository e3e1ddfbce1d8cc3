package web

import (
	"encoding/json"
	"net/http"
	"testing"
)

func TestATimeThatIsThereIsNeverTakenForNone(t *testing.T) {
	w := inhabited(t)
	const zero = "0001-01-01T00:00:00Z" // sent by programs that did not set it
	for _, body := range []map[string]any{
		{"actions": []string{"live"}, "until": zero},
		{"actions": []string{"playback"}, "from": zero, "to": zero},
		{"actions": []string{"live"}, "until": "9999-12-31T23:59:59Z"},
		{"actions": []string{"live"}, "until": "2020-01-01T00:00:00Z"},
	} {
		for _, path := range []string{"/api/v1/cameras/front/shares", "/api/v1/me/tokens"} {
			if path == "/api/v1/me/tokens" && body["until"] == nil {
				continue // tokens have no from and to
			}
			text, err := json.Marshal(body)
			check(t, err)
			resp, answer := w.do(w.as("alice", ask{method: "POST", path: path, body: string(text), header: map[string]string{"Content-Type": "application/json"}}))
			if resp.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %s: status %d: %s", path, text, resp.StatusCode, answer)
			}
		}
	}
}
