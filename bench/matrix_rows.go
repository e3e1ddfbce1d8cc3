package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"keepwatch.internal/internal/testcam/oddcam"
)

// encoding is what a camera of the matrix sends, and how it is encoded.
type encoding struct {
	rate         string   // pictures a second; 25 unless set
	seconds      int      // 14 unless set
	video, audio []string // options of ffmpeg; without audio there is no sound
	second       []string // of a second track of sound
	latm         bool     // AAC as LATM (RFC 6416)
}

func (f encoding) name() string { return fmt.Sprint(f) }

// kept returns the ending of the file that keeps the film. NUT has exact times, but nothing for the parameters of G.726.
func (f encoding) kept() string {
	if strings.Contains(strings.Join(f.audio, " "), "g726") {
		return "mkv"
	}
	return "nut"
}

// container returns the ending of a file that ffmpeg can copy the sound to.
func (f encoding) container() string {
	codec := strings.Join(f.audio, " ")
	switch {
	case strings.Contains(codec, "g722"), strings.Contains(codec, "g726"):
		return "mkv"
	case strings.Contains(codec, "pcm"):
		return "mov"
	}
	return "mp4"
}

// beeps is sound whose loudness never repeats, so that every moment of it can be told from every other.
const beeps = "0.6*sin(2*PI*700*t)*gt(sin(9*t+3*t*t)\\,0.2)"

// encode makes the file.
func (f encoding) encode(ctx context.Context, path string) error {
	seconds := 14
	if f.seconds != 0 {
		seconds = f.seconds
	}
	rate := "25"
	if f.rate != "" {
		rate = f.rate
	}
	args := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=320x240:rate=%s:duration=%d", rate, seconds)}
	tracks := []string{"-map", "0:v"}
	for i, audio := range [][]string{f.audio, f.second} {
		if len(audio) > 0 {
			args = append(args, "-f", "lavfi", "-i", fmt.Sprintf("aevalsrc=%s:s=48000:d=%d", beeps, seconds))
			tracks = append(tracks, "-map", fmt.Sprintf("%d:a", i+1))
		}
	}
	args = append(append(append(append(append(args, tracks...), "-pix_fmt", "yuv420p"), f.video...), f.audio...), f.second...)
	var complaints bytes.Buffer
	cmd := exec.CommandContext(ctx, "ffmpeg", append(args, "-y", path)...)
	cmd.Stderr = &complaints
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("encode %v: %w: %s", f.video, err, complaints.String())
	}
	return nil
}

// matrixRow is one camera of the matrix.
type matrixRow struct {
	name  string
	film  encoding
	login string        // user and password before the host, with "@"
	more  time.Duration // longer than the film
	odd   func(o *oddcam.Options)
}

func words(s string) []string { return strings.Fields(s) }

// x264 returns options of the encoder, with a key frame every second.
func x264(more string) []string {
	return words("-c:v libx264 -preset veryfast -g 25 -sc_threshold 0 -threads 1 " + more)
}

func x265(more string) []string {
	return words("-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=25:min-keyint=25:scenecut=0:pools=1:frame-threads=1" + more)
}

// Films that several rows use.
func plain() encoding {
	return encoding{video: x264("-bf 0"), audio: words("-c:a aac -ar 16000 -ac 1")}
}
func silent() encoding { return encoding{video: x264("-bf 0")} }
func reordered() encoding {
	return encoding{video: x264("-bf 3"), audio: words("-c:a aac -ar 48000 -ac 1")}
}

// chosenRows returns the rows that have a text in their names.
func chosenRows(only string) (rows []matrixRow) {
	for _, group := range [][]matrixRow{pictureRows(), soundRows(), descriptionRows(), handshakeRows(), deliveryRows(), packetRows()} {
		for _, row := range group {
			if strings.Contains(row.name, only) {
				rows = append(rows, row)
			}
		}
	}
	return rows
}

// pictureRows are ways to encode pictures.
func pictureRows() []matrixRow {
	aac := words("-c:a aac -ar 16000 -ac 1")
	midway := func(o *oddcam.Options) { o.Skip = 3500 * time.Millisecond }
	pictures := func(video []string) encoding { return encoding{video: video, audio: aac} }
	return []matrixRow{
		{name: "H.264", film: plain()},
		{name: "H.264 without sound", film: silent()},
		{name: "H.264, B-frames", film: reordered()},
		{name: "H.264, B-frames as references", film: pictures(x264("-bf 3 -b_strategy 0 -x264-params b-pyramid=normal"))},
		{name: "H.264, B-frames, no sender reports", film: reordered(), odd: func(o *oddcam.Options) { o.Reports = 0 }},
		{name: "H.264, four slices", film: pictures(x264("-bf 0 -x264-params slices=4"))},
		{name: "H.264, slices of 400 bytes", film: pictures(x264("-bf 0 -x264-params slice-max-size=400"))},
		{name: "H.264, interlaced", film: pictures(x264("-bf 0 -flags +ildct+ilme -x264-params tff=1"))},
		{name: "H.264, interlaced, B-frames", film: pictures(x264("-bf 2 -flags +ildct+ilme -x264-params tff=1"))},
		{name: "H.264, open GOP", film: pictures(x264("-bf 2 -x264-params open-gop=1")), odd: midway},
		{name: "H.264, intra refresh", film: pictures(x264("-bf 0 -x264-params intra-refresh=1")), odd: midway},
		{name: "H.264, joined in the middle", film: reordered(), odd: midway},
		{name: "H.264, key frame every 10 s", film: encoding{video: words("-c:v libx264 -g 250 -sc_threshold 0 -bf 0 -threads 1"), audio: aac, seconds: 24}, odd: midway},
		{name: "H.264, one picture a second", film: encoding{rate: "1", video: x264("-bf 0"), audio: aac, seconds: 30}},
		{name: "H.264, a picture in 5 s", film: encoding{rate: "1/5", video: x264("-bf 0"), seconds: 40}},
		{name: "H.264, 60 a second", film: encoding{rate: "60", video: x264("-bf 2"), audio: aac}},
		{name: "H.264, full range of references", film: pictures(x264("-bf 4 -refs 6 -x264-params b-adapt=2"))},
		{name: "H.265", film: pictures(x265(":bframes=0"))},
		{name: "H.265, B-frames", film: pictures(x265(":bframes=3"))},
		{name: "H.265, open GOP", film: pictures(x265(":bframes=3:open-gop=1")), odd: midway},
		{name: "H.265, joined in the middle", film: pictures(x265(":bframes=2")), odd: midway},
		{name: "MJPEG", film: pictures(words("-c:v mjpeg -q:v 4 -huffman 0 -force_duplicated_matrix 1"))},
	}
}

// soundRows are ways to encode sound.
func soundRows() (rows []matrixRow) {
	for _, s := range []struct{ name, options string }{
		{"AAC at 8 kHz", "-c:a aac -ar 8000 -ac 1"}, {"AAC at 44.1 kHz", "-c:a aac -ar 44100 -ac 1"}, {"AAC, stereo", "-c:a aac -ar 48000 -ac 2"},
		{"G.711 µ-law", "-c:a pcm_mulaw -ar 8000 -ac 1"}, {"G.711 A-law", "-c:a pcm_alaw -ar 8000 -ac 1"},
		{"L16 at 16 kHz", "-c:a pcm_s16be -ar 16000 -ac 1"}, {"L16 at 44.1 kHz", "-c:a pcm_s16be -ar 44100 -ac 1"}, {"Opus", "-c:a libopus -ar 48000 -ac 1"},
		{"G.722", "-c:a g722 -ar 16000 -ac 1"}, {"G.726", "-c:a g726 -b:a 32k -ar 8000 -ac 1"}, {"MP3", "-c:a libmp3lame -ar 44100 -ac 1"},
	} {
		rows = append(rows, matrixRow{name: s.name, film: encoding{video: x264("-bf 0"), audio: words(s.options)}})
	}
	pcm := encoding{video: x264("-bf 2"), audio: words("-c:a pcm_alaw -ar 8000 -ac 1")}
	two := encoding{video: x264("-bf 0"), audio: words("-c:a:0 pcm_mulaw -ar:a:0 8000 -ac:a:0 1"), second: words("-c:a:1 aac -ar:a:1 16000 -ac:a:1 1")}
	behind := func(by time.Duration, reports time.Duration) func(o *oddcam.Options) {
		return func(o *oddcam.Options) { o.Shift, o.Reports = by, reports }
	}
	return append(rows,
		matrixRow{name: "AAC as LATM", film: encoding{video: x264("-bf 0"), audio: words("-c:a aac -ar 16000 -ac 1"), latm: true}},
		matrixRow{name: "two tracks of sound", film: two},
		matrixRow{name: "sound comes 0.5 s late", film: reordered(), odd: behind(500*time.Millisecond, time.Second)},
		matrixRow{name: "sound comes 2 s late", film: plain(), odd: behind(2*time.Second, time.Second)},
		matrixRow{name: "B-frames with G.711", film: pcm},
		matrixRow{name: "clock of sound is not the codec's", film: plain(), odd: func(o *oddcam.Options) {
			o.Describe = func(sdp string) string {
				return strings.Replace(sdp, "MPEG4-GENERIC/16000/1", "MPEG4-GENERIC/90000/1", 1)
			}
			o.Send = func(p oddcam.Outgoing) [][]byte {
				if !p.Pictures {
					p.Time = uint32(int64(p.Stamp) * 90000 / 16000)
				}
				return [][]byte{p.Marshal()}
			}
			o.Reports = 0
		}})
}

// descriptionRows are odd session descriptions.
func descriptionRows() (rows []matrixRow) {
	replaced := func(name, old, text string) {
		rows = append(rows, matrixRow{name: "SDP: " + name, film: plain(), odd: func(o *oddcam.Options) {
			o.Describe = func(sdp string) string { return strings.Replace(sdp, old, text, 1) }
		}})
	}
	replaced("no origin", "o=- 0 0 IN IP4 127.0.0.1\r\n", "")
	replaced("origin of 64 bits", "o=- 0 0", "o=- 18446744073709551615 99999999999999999999")
	replaced("empty connection", "c=IN IP4 0.0.0.0", "c=")
	replaced("odd mid", "a=control:trackID=0", "a=mid:video-0\r\na=control:trackID=0")
	replaced("key management", "a=control:trackID=0", "a=key-mgmt:mikey AAAA\r\na=control:trackID=0")
	replaced("unknown medium", "a=control:trackID=1\r\n", "a=control:trackID=1\r\nm=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:trackID=9\r\nm=text 0 udp x\r\n")
	replaced("text track without rtpmap", "a=control:trackID=1\r\n", "a=control:trackID=1\r\nm=audio 0 RTP/AVP 110\r\na=control:trackID=8\r\n")
	replaced("clock of 90001", "H264/90000", "H264/90001")
	replaced("trailing NUL", "a=control:trackID=1\r\n", "a=control:trackID=1\r\n\x00")
	replaced("garbage sprop", "sprop-parameter-sets=", "sprop-parameter-sets=!!!!,")
	replaced("line feeds only", "\r\n", "\n")
	replaced("no timing", "t=0 0\r\n", "")
	return rows
}
