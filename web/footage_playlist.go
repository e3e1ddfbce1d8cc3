package web

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"keepwatch.internal/storage"
)

// Playlists of HTTP Live Streaming (RFC 8216), as text. Their URLs are relative and contain no secret.

const (
	// hlsSegment is the target length of an entry: it ends at the first key frame after that.
	hlsSegment = 6 * time.Second
	// hlsLongest is where an entry ends even without a key frame.
	hlsLongest = 12 * time.Second
	playlist   = "application/vnd.apple.mpegurl"
	// hlsDate is the format of a program date-time: players read milliseconds.
	hlsDate = "2006-01-02T15:04:05.000Z07:00"
)

// playlistEntry is one media segment of a playlist: bytes of one stored segment.
type playlistEntry struct {
	in            *storage.SegmentPlacement
	offset, bytes int64
	start         time.Time
	plays         time.Duration
	key           bool // begins with a key frame
	breaks        bool // does not continue the entry before it
}

// entries divides footage at key frames, at the ends of files, and where footage is missing.
func entries(placement []storage.SegmentPlacement) []playlistEntry {
	var out []playlistEntry
	for i := range placement {
		for k, f := range placement[i].Fragments {
			n := len(out)
			if k == 0 || !f.Continues || f.KeyBytes > 0 && out[n-1].plays >= hlsSegment || out[n-1].plays >= hlsLongest {
				out = append(out, playlistEntry{in: &placement[i], offset: f.Offset, start: f.Start, key: f.KeyBytes > 0, breaks: !f.Continues})
				n++
			}
			out[n-1].bytes += f.Bytes
			out[n-1].plays += f.Plays
		}
	}
	return out
}

// keyFrames returns the key frames, each shown until the next.
func keyFrames(placement []storage.SegmentPlacement) []playlistEntry {
	var out []playlistEntry
	for i := range placement {
		for _, f := range placement[i].Fragments {
			if f.KeyBytes > 0 {
				out = append(out, playlistEntry{in: &placement[i], offset: f.Offset, bytes: f.KeyBytes, start: f.Start, key: true, breaks: !f.Continues})
			}
			if n := len(out); n > 0 {
				out[n-1].plays += f.Plays
			}
		}
	}
	return out
}

// mediaPlaylist writes the playlist of the entries. link gives the URL of a stored segment.
func mediaPlaylist(list []playlistEntry, keysOnly bool, link func(*storage.SegmentPlacement) string) string {
	var b strings.Builder
	longest := slices.MaxFunc(list, func(x, y playlistEntry) int { return cmp.Compare(x.plays, y.plays) }).plays
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n#EXT-X-PLAYLIST-TYPE:VOD\n", int(math.Ceil(longest.Seconds())))
	switch {
	case keysOnly:
		b.WriteString("#EXT-X-I-FRAMES-ONLY\n")
	case !slices.ContainsFunc(list, func(x playlistEntry) bool { return !x.key }):
		b.WriteString("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	for i, x := range list {
		if i > 0 && x.breaks {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		if i == 0 || x.in.Run != list[i-1].in.Run {
			fmt.Fprintf(&b, "#EXT-X-MAP:URI=\"%s\",BYTERANGE=\"%d@0\"\n", link(x.in), x.in.HeadBytes)
		}
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%.6f,\n#EXT-X-BYTERANGE:%d@%d\n%s\n",
			x.start.UTC().Format(hlsDate), x.plays.Seconds(), x.bytes, x.offset, link(x.in))
	}
	b.WriteString("#EXT-X-ENDLIST\n")
	return b.String()
}

// indexPlaylist writes the multivariant playlist of footage and key frames.
func indexPlaylist(placement []storage.SegmentPlacement, query string) string {
	all, keys := entries(placement), keyFrames(placement)
	size := fmt.Sprintf("RESOLUTION=%dx%d", placement[0].Width, placement[0].Height)
	codecs := codecsOf(placement)
	peak, average := bandwidth(all)
	text := fmt.Sprintf("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=\"%s\",%s\nmedia.m3u8?%s\n",
		peak, average, strings.Join(codecs, ","), size, query)
	if len(keys) == 0 {
		return text
	}
	peak, average = bandwidth(keys)
	codecs = slices.DeleteFunc(codecs, isSound)
	return text + fmt.Sprintf("#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=%d,AVERAGE-BANDWIDTH=%d,CODECS=\"%s\",%s,URI=\"keyframes.m3u8?%s\"\n",
		peak, average, strings.Join(codecs, ","), size, query)
}

// isSound reports whether a codec is one of sound.
func isSound(codec string) bool {
	return strings.HasPrefix(codec, "mp4a") || codec == "fLaC" || codec == "Opus"
}

// hlsName returns the name that players of HLS expect of a codec: that of its sample entry. Browsers expect small letters.
func hlsName(codec string) string {
	switch codec {
	case "flac":
		return "fLaC"
	case "opus":
		return "Opus"
	}
	return codec
}

// codecsOf lists the codecs of all footage (RFC 6381), each once.
func codecsOf(placement []storage.SegmentPlacement) []string {
	var out []string
	for i := range placement {
		for _, c := range codecsIn(placement[i].MIME) {
			if c = hlsName(c); !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}

// codecsIn returns the codecs parameter of a media type.
func codecsIn(mime string) []string {
	_, quoted, _ := strings.Cut(mime, `codecs="`)
	return strings.Split(strings.TrimSuffix(quoted, `"`), ",")
}

// bandwidth returns the highest bit rate of any entry that is long enough to count, and the bit rate of all.
func bandwidth(list []playlistEntry) (peak, average int64) {
	var bytes int64
	var plays time.Duration
	for _, x := range list {
		bytes, plays = bytes+x.bytes, plays+x.plays
		if x.plays >= hlsSegment/2 {
			peak = max(peak, bitRate(x.bytes, x.plays))
		}
	}
	average = bitRate(bytes, plays)
	return max(peak, average), average
}

func bitRate(bytes int64, over time.Duration) int64 {
	return int64(float64(bytes) * 8 / max(over.Seconds(), 0.001))
}
