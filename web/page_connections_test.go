package web

import (
	"strings"
	"testing"
	"time"
)

func TestAdministratorsSeeEveryConnectionAndNobodysCameraByIt(t *testing.T) {
	w := inhabited(t)
	now := time.Now()
	list := []Connection{{Camera: "front", Protocol: "rtsp", Address: "192.168.1.20:554", Remote: "192.168.1.20:554", First: now, Last: now, Count: 3, Failed: 1, Open: 1, Received: 5_000_000}}
	w.reopen(func(o *Options) { o.Connections = func() []Connection { return list } })
	p := w.page("root", "/connections")
	words := text(p.one("main"))
	if !strings.Contains(words, "192.168.1.20:554") || !strings.Contains(words, "connected 3 times, failed once, 1 open now, 5.0 MB received") || !strings.Contains(words, "Nothing else was attempted") {
		t.Errorf("the page says %s", words)
	}
	_, body := w.do(w.as("root", ask{path: "/api/v1/connections"}))
	if strings.Contains(words, "Front") || strings.Contains(string(body), "front") || !strings.Contains(string(body), `"camera":null`) {
		t.Errorf("an administrator learns the name of another's camera: %s %s", words, body)
	}
	list = append(list, Connection{Protocol: "rtsp", Address: "evil.com:554", First: now, Last: now, Refused: 2})
	p = w.page("root", "/connections")
	if words := text(p.one("main")); !strings.Contains(words, "2 attempts to connect elsewhere were refused") || !strings.Contains(words, "evil.com:554") {
		t.Errorf("the page says %s", words)
	}
	if resp, _ := w.do(w.as("alice", ask{path: "/connections"})); resp.StatusCode != 404 {
		t.Errorf("alice, who is no administrator: %d", resp.StatusCode)
	}
}
