package web

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// rangesIn lists what a media playlist leads to: URL and range.
func rangesIn(playlist string) (out [][2]string) {
	for _, m := range regexp.MustCompile(`#EXT-X-BYTERANGE:(\d+)@(\d+)\n(\S+)`).FindAllStringSubmatch(playlist, -1) {
		var size, offset int
		fmt.Sscan(m[1], &size)
		fmt.Sscan(m[2], &offset)
		out = append(out, [2]string{m[3], fmt.Sprintf("bytes=%d-%d", offset, offset+size-1)})
	}
	return out
}

// TestALinkToATimePlaysThatTimeAndNoSound plays, by ranges, what a link without the right to hear opens of a camera with sound,
// compares the record with the wire, and has the owner try the link's addresses: there the same ranges would be other bytes.
func TestALinkToATimePlaysThatTimeAndNoSound(t *testing.T) {
	w := filmed(t)
	alice, err := w.accounts.BySession(t.Context(), w.sessions["alice"])
	check(t, err)
	at := func(s float64) time.Time { return w.start.Add(time.Duration(s * float64(time.Second))) }
	id, link, err := w.accounts.NewShare(t.Context(), alice, accounts.ShareSpec{Camera: access.Camera(w.cameras["front"].ID),
		Actions: access.Rights(access.Playback), Window: access.Window{From: at(3.5), To: at(12.5)}})
	check(t, err)
	guest := func(path string, header ...string) ask {
		a := ask{path: "/api/v1/cameras/front/hls/" + path, header: map[string]string{"Cookie": linkCookieName(false) + "=" + link}}
		if len(header) > 0 {
			a.header["Range"] = header[0]
		}
		return a
	}
	resp, body := w.do(guest("index.m3u8?as=link&" + w.span(0, filmLength)))
	variant := regexp.MustCompile(`(?m)^media\.m3u8\?\S+$`).FindString(string(body))
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/vnd.apple.mpegurl" || variant == "" || strings.Contains(string(body), "mp4a") {
		t.Fatalf("status %d:\n%s", resp.StatusCode, body)
	}
	_, body = w.do(guest(variant))
	if strings.Contains(string(body), link) || strings.Count(string(body), "as=link") < 2 || !strings.Contains(string(body), "#EXT-X-PROGRAM-DATE-TIME:"+at(4).Format(hlsDate)) {
		t.Errorf("the playlist is\n%s", body)
	}
	sent := int64(0)
	for _, x := range rangesIn(string(body)) {
		resp, b := w.do(guest(x[0], x[1]))
		if resp.StatusCode != http.StatusPartialContent || strings.Contains(string(b), "sound of") {
			t.Fatalf("%s: status %d, sound: %t", x, resp.StatusCode, strings.Contains(string(b), "sound of"))
		}
		label, err := media.ParseLabel(b)
		if check(t, err); label.Start.Before(at(3.5)) || label.Start.Add(label.Duration).After(at(12.5)) {
			t.Errorf("a range begins with footage of %v", label.Start)
		}
		sent += int64(len(b))
		if resp, _ := w.do(w.as("alice", ask{path: "/api/v1/cameras/front/hls/" + strings.Replace(x[0], "as=link", "", 1), header: map[string]string{"Range": x[1]}})); resp.StatusCode != 404 {
			t.Errorf("who hears is answered with status %d where the placement is that of who does not", resp.StatusCode)
		}
		for without, want := range map[string]int{"size=\\d+": 400, "size=": 404} {
			wrong := regexp.MustCompile(without).ReplaceAllString(x[0], map[int]string{400: "", 404: "size=1"}[want])
			if resp, _ := w.do(guest(wrong, x[1])); resp.StatusCode != want {
				t.Errorf("%s: status %d, want %d", wrong, resp.StatusCode, want)
			}
		}
	}
	got := int64(0)
	if !poll(10*time.Second, func() bool {
		got = 0
		for _, v := range w.viewsOf("front") {
			if v.Viewer.Kind == access.LinkView && v.Action == access.Playback {
				got += v.Bytes
			}
		}
		return got >= sent
	}) || got != sent || sent < 50*1500 {
		t.Errorf("%d bytes are on record, %d were sent", got, sent)
	}
	check(t, w.accounts.RevokeShare(t.Context(), alice, id))
	if resp, _ := w.do(guest(variant)); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the share was revoked: status %d", resp.StatusCode)
	}
}

func TestPlaylistsMarkFormatChangesAndMissingFootage(t *testing.T) {
	start := time.Date(2026, 11, 22, 13, 5, 20, 123456000, time.UTC)
	fragments := func(from, n int, head int64) (out []storage.FragmentPlacement) {
		for i := range n {
			f := storage.FragmentPlacement{Offset: head + int64(i)*1000, Bytes: 1000, Start: start.Add(time.Duration(from+i) * time.Second / 2), Plays: time.Second / 2, Continues: from+i > 0}
			if i%4 == 0 {
				f.KeyBytes = 300
			}
			out = append(out, f)
		}
		return out
	}
	placement := []storage.SegmentPlacement{
		{Run: media.RunID{1}, MIME: `video/mp4; codecs="hvc1.1.6.L93.B0,mp4a.40.2"`, Width: 640, Height: 360, HeadBytes: 900, Fragments: fragments(0, 30, 900)},
		{Run: media.RunID{1}, MIME: `video/mp4; codecs="hvc1.1.6.L93.B0,mp4a.40.2"`, HeadBytes: 900, Fragments: fragments(30, 8, 900)},
		{Run: media.RunID{2}, MIME: `video/mp4; codecs="avc1.42c01e"`, HeadBytes: 700, Fragments: fragments(60, 3, 700)},
	}
	placement[2].Fragments[0].Continues = false
	placement[1].Fragments[4].Continues = false // something was lost inside the run
	text := mediaPlaylist(entries(placement), false, func(x *storage.SegmentPlacement) string { return fmt.Sprintf("s%d", x.Run[0]) })
	want := []string{"#EXTINF:6.000000,\n#EXT-X-BYTERANGE:12000@900\n", "#EXTINF:6.000000,\n#EXT-X-BYTERANGE:12000@12900\n", "#EXTINF:3.000000,\n#EXT-X-BYTERANGE:6000@24900\n",
		"#EXTINF:2.000000,\n#EXT-X-BYTERANGE:4000@900\n", "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T13:05:37.123Z\n#EXTINF:2.000000,\n#EXT-X-BYTERANGE:4000@4900\n",
		"#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"s2\",BYTERANGE=\"700@0\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-22T13:05:50.123Z\n#EXTINF:1.500000,\n"}
	rest := text
	for _, w := range want {
		at := strings.Index(rest, w)
		if at < 0 {
			t.Fatalf("%q is missing, or out of place, in\n%s", w, text)
		}
		rest = rest[at+len(w):]
	}
	if strings.Count(text, "#EXT-X-MAP") != 2 || !strings.Contains(text, "#EXT-X-TARGETDURATION:6\n") || !strings.Contains(text, "INDEPENDENT") {
		t.Error(text)
	}
	index := indexPlaylist(placement, "q")
	if !strings.Contains(index, "#EXT-X-STREAM-INF:BANDWIDTH=16000,AVERAGE-BANDWIDTH=16000,CODECS=\"hvc1.1.6.L93.B0,mp4a.40.2,avc1.42c01e\",RESOLUTION=640x360\nmedia.m3u8?q\n") ||
		!strings.Contains(index, "CODECS=\"hvc1.1.6.L93.B0,avc1.42c01e\",RESOLUTION=640x360,URI=\"keyframes.m3u8?q\"") {
		t.Error(index)
	}
	for name, hls := range map[string]string{"flac": "fLaC", "opus": "Opus"} { // browsers and players of HLS name them otherwise
		placement[0].MIME = `video/mp4; codecs="avc1.42c01e,` + name + `"`
		index := indexPlaylist(placement[:1], "q")
		if !strings.Contains(index, `CODECS="avc1.42c01e,`+hls+`",RESOLUTION=640x360`+"\nmedia") || !strings.Contains(index, `CODECS="avc1.42c01e",RESOLUTION=640x360,URI="keyframes`) {
			t.Errorf("%s: %s", name, index)
		}
	}
	placement[0].Fragments[0].KeyBytes = 0
	for i := range placement[0].Fragments { // a camera that sends a key frame once in a while: cut all the same
		placement[0].Fragments[i].KeyBytes = 0
	}
	text = mediaPlaylist(entries(placement), false, func(*storage.SegmentPlacement) string { return "s" })
	if !strings.Contains(text, "#EXTINF:12.000000,") || strings.Contains(text, "INDEPENDENT") {
		t.Error(text)
	}
}
