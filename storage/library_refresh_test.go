package storage

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/internal/media/mediatest"
)

// frames has ffmpeg decode an MP4 and returns the checksum of each frame that it shows.
func (k *kit) frames(b []byte) (sums []string) {
	k.Helper()
	path := filepath.Join(k.TempDir(), "frames.mp4")
	ok(k, os.WriteFile(path, b, 0o600))
	out, err := exec.CommandContext(k.Context(), "ffmpeg", "-nostdin", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-f", "framemd5", "-").Output()
	ok(k, err)
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			sums = append(sums, strings.TrimSpace(line[strings.LastIndex(line, ",")+1:]))
		}
	}
	return sums
}

// x264 refreshes every two seconds, and decoding is exact 18 pictures after each recovery point. Whoever asks for a moment gets footage
// from which its picture is exact.
func TestFootageOfAnIntraRefreshBeginsWhereTheMomentIsExact(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	src := mediatest.Clip(t, "25", "libx264", false, "-preset", "ultrafast", "-x264-params", "intra-refresh=1:keyint=50:bframes=0")
	for i, u := range src.Units {
		if u.Random = i%50 == 0; u.Random && i > 0 {
			u.Open, u.Refresh = true, 18
		}
	}
	run, fragments := k.encoded(id, src, epoch)
	w := k.begin(run)
	k.append(w, fragments)
	p := k.permit(id, access.Export)
	c, err := k.OpenClip(t.Context(), p, media.Main, Span{epoch, epoch.Add(time.Minute)})
	source := k.frames(all(t, c, err))
	if len(source) != 25*25 {
		t.Fatalf("%d pictures", len(source))
	}
	look := func() {
		t.Helper()
		for at, begins := range map[time.Duration]time.Duration{
			700 * time.Millisecond:   0,
			4200 * time.Millisecond:  2 * time.Second,
			4800 * time.Millisecond:  4 * time.Second,
			10200 * time.Millisecond: 8 * time.Second, // in the segment before
			10900 * time.Millisecond: 10 * time.Second,
		} {
			c, err := k.OpenSegments(t.Context(), p, media.Main, Span{epoch.Add(at), epoch.Add(at + 2*time.Second)})
			ok(t, err)
			got := k.frames(all(t, c, nil))
			exact := int(at/(40*time.Millisecond)) + 2
			if !c.Start().Equal(epoch.Add(begins)) || !strings.Contains(strings.Join(got, " "), strings.Join(source[exact:exact+20], " ")) {
				t.Errorf("footage for %v begins at %v, want %v; or the pictures from then on are not exact", at, c.Start().Sub(epoch), begins)
			}
			c, err = k.OpenKeyFrame(t.Context(), p, media.Main, epoch.Add(at))
			ok(t, err)
			key := k.frames(all(t, c, nil))
			of := int(at/(2*time.Second)) * 50
			if of > 0 {
				of += 18
			}
			if len(key) != 1 || key[0] != source[of] {
				t.Errorf("key frame for %v: %d pictures, or not the exact one", at, len(key))
			}
		}
	}
	look()
	ok(t, w.End(t.Context(), "over"))
	look()
	k.clean()
	places, err := k.Placement(t.Context(), p, media.Main, Span{epoch.Add(9 * time.Second), epoch.Add(13 * time.Second)})
	ok(t, err)
	for _, s := range places {
		for _, f := range s.Fragments {
			if f.KeyBytes > 0 {
				t.Errorf("the fragment of %v counts as one that begins with a whole picture", f.Start)
			}
		}
	}
}
