// Package mediatest makes units from real encoders for tests: ffmpeg encodes a test picture, and the file is split into
// units as a camera would send them. It is for tests only.
package mediatest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"

	"keepwatch.internal/internal/media"
)

// Source is the encoded content of one file.
type Source struct {
	Video media.VideoTrack
	Audio *media.AudioTrack
	Units []*media.Unit // in the order of their decoding times
}

// Clip has ffmpeg encode a moving test picture of 320×240 at 25 frames a second, with the codec ("libx264", "libx265") and
// further options, and 48 kHz AAC audio if audio is set.
func Clip(t testing.TB, seconds, codec string, audio bool, options ...string) Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clip.mp4")
	args := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=" + seconds}
	if audio {
		args = append(args, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration="+seconds, "-c:a", "aac")
	}
	args = append(args, "-c:v", codec, "-pix_fmt", "yuv420p")
	args = append(args, options...)
	run(t, "ffmpeg", append(args, "-y", path)...)
	return Open(t, path)
}

// Open splits an MP4 file into units.
func Open(t testing.TB, path string) Source {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var p pmp4.Presentation
	if err := p.Unmarshal(f); err != nil {
		t.Fatal(err)
	}
	var src Source
	for _, track := range p.Tracks {
		src.add(t, track)
	}
	return src
}

func (src *Source) add(t testing.TB, track *pmp4.Track) {
	t.Helper()
	kind, scale := media.Video, int64(media.VideoTimescale)
	switch c := track.Codec.(type) {
	case *codecs.H264:
		var sps h264.SPS
		check(t, sps.Unmarshal(c.SPS))
		src.Video = media.VideoTrack{Codec: media.H264, Width: sps.Width(), Height: sps.Height(), SPS: c.SPS, PPS: c.PPS}
	case *codecs.H265:
		var sps h265.SPS
		check(t, sps.Unmarshal(c.SPS))
		src.Video = media.VideoTrack{Codec: media.H265, Width: sps.Width(), Height: sps.Height(), VPS: c.VPS, SPS: c.SPS, PPS: c.PPS}
	case *codecs.MPEG4Audio:
		config, err := c.Config.Marshal()
		check(t, err)
		src.Audio = &media.AudioTrack{Codec: media.AAC, Config: config, SampleRate: c.Config.SampleRate, Channels: int(c.Config.ChannelConfig)}
		kind, scale = media.Audio, int64(c.Config.SampleRate)
	default:
		t.Fatalf("track of %T", track.Codec)
	}
	var units []*media.Unit
	dts := int64(0)
	epoch := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, s := range track.Samples {
		payload, err := s.GetPayload()
		check(t, err)
		ticks := func(v int64) int64 { return v * scale / int64(track.TimeScale) }
		u := &media.Unit{Kind: kind, DTS: ticks(dts), PTS: ticks(dts + int64(s.PTSOffset)), Random: !s.IsNonSyncSample}
		u.Arrived = epoch.Add(time.Duration(dts) * time.Second / time.Duration(track.TimeScale))
		u.Data = [][]byte{payload}
		if kind == media.Video {
			u.Data = nalus(t, payload)
		}
		units = append(units, u)
		dts += int64(s.Duration)
	}
	src.Units = merge(src.Units, units)
}

func nalus(t testing.TB, payload []byte) [][]byte {
	var au h264.AVCC
	check(t, au.Unmarshal(payload))
	return au
}

// merge keeps both in the order of arrival.
func merge(a, b []*media.Unit) []*media.Unit {
	out := make([]*media.Unit, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if b[0].Arrived.Before(a[0].Arrived) {
			out, b = append(out, b[0]), b[1:]
		} else {
			out, a = append(out, a[0]), a[1:]
		}
	}
	return append(append(out, a...), b...)
}

// Decode has ffmpeg decode the file and fails the test on any warning. It returns the number of frames.
//
// ffmpeg counts in ticks of 1/90000 s here. By default it counts in average frame durations, and warns about two frames that a busy camera sent
// less than half a duration apart.
func Decode(t testing.TB, path string) int {
	t.Helper()
	var progress, complaints bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-err_detect", "explode", "-i", path, "-map", "0:v", "-map", "0:a?",
		"-enc_time_base:v", "1:90000", "-progress", "pipe:1", "-f", "null", "-")
	cmd.Stdout, cmd.Stderr = &progress, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("ffmpeg on %s: %v\n%s", path, err, complaints.String())
	}
	said := regexp.MustCompile(`(?m)^frame= *(\d+)$`).FindAllSubmatch(progress.Bytes(), -1)
	if len(said) == 0 {
		t.Fatalf("ffmpeg on %s does not say how many pictures there are:\n%s", path, progress.String())
	}
	pictures, err := strconv.Atoi(string(said[len(said)-1][1]))
	check(t, err)
	return pictures
}

// Pictures has ffprobe decode the file and returns the presentation time of each frame, as ffprobe prints it.
func Pictures(t testing.TB, path string) []string {
	t.Helper()
	out := run(t, "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time", "-of", "csv=p=0", path)
	return strings.Fields(strings.ReplaceAll(out, ",", " "))
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out.String())
	}
	return strings.TrimSpace(out.String())
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
