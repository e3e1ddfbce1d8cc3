package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

const (
	// soundRate is the rate at which sound is compared, in samples a second, and envelope how many samples are one step of its loudness.
	soundRate, envelope = 8000, 16
	// farthest is by how much, in seconds, sound may be shifted to be found.
	farthest = 3
)

// shown is a decoded picture.
type shown struct {
	at   float64 // seconds
	hash string
}

// picturesOf decodes a file. Damage is no error: what cannot be decoded is missing.
func picturesOf(ctx context.Context, path string) (all []shown, err error) {
	out, err := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "quiet", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "1:90000",
		"-pix_fmt", "yuv420p", "-f", "framemd5", "-").Output()
	if len(out) == 0 {
		return nil, err
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		fields := strings.Split(line, ",")
		if len(fields) < 6 || strings.HasPrefix(line, "#") {
			continue
		}
		ticks, err := strconv.ParseInt(strings.TrimSpace(fields[2]), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("ffmpeg says of a picture: %s", line)
		}
		all = append(all, shown{float64(ticks) / 90000, strings.TrimSpace(fields[5])})
	}
	return all, nil
}

// soundOf decodes the sound of a file. Its first sample is at the file's zero, and holes are silent.
func soundOf(ctx context.Context, path string) ([]int16, error) {
	out, err := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "quiet", "-i", path, "-map", "0:a:0", "-af",
		fmt.Sprintf("aresample=%d:async=1:min_hard_comp=0.01:first_pts=0", soundRate), "-ac", "1", "-f", "s16le", "-").Output()
	if len(out) == 0 {
		return nil, err
	}
	samples := make([]int16, len(out)/2)
	return samples, binary.Read(bytes.NewReader(out), binary.LittleEndian, samples)
}

// compare returns what files kept of the source.
func (s *source) compare(ctx context.Context, files []string) matrixResult {
	index, kept := map[string]float64{}, map[string]bool{}
	for _, p := range s.pictures {
		index[p.hash] = p.at
	}
	r := matrixResult{of: len(s.pictures)}
	for _, file := range files {
		pictures, err := picturesOf(ctx, file)
		if err != nil {
			continue
		}
		var late []lateness
		for _, p := range pictures {
			if at, ok := index[p.hash]; ok {
				kept[p.hash] = true
				late = append(late, lateness{p.at, p.at - at})
			}
		}
		if sound, err := soundOf(ctx, file); err == nil && len(sound) > 0 && len(s.sound) > 0 {
			r.sound = true
			r.error = max(r.error, s.apart(late, sound))
		}
	}
	r.kept = len(kept)
	return r
}

// window is how much sound is looked for at a time, in seconds.
const window = 3

// lateness is by how much a picture is later in a file than in the source, in seconds.
type lateness struct{ at, by float64 }

// apart returns the greatest distance between sound and pictures of a file, in seconds.
func (s *source) apart(late []lateness, sound []int16) (worst float64) {
	theirs, mine := loudness(s.sound), loudness(sound)
	const second = soundRate / envelope
	for from := 0; from+window*second <= len(mine); from += window * second / 2 {
		middle := float64(from)/second + window/2.0
		var offsets []float64
		for _, p := range late {
			if math.Abs(p.at-middle) < window/2.0 {
				offsets = append(offsets, p.by)
			}
		}
		if len(offsets) == 0 {
			continue
		}
		slices.Sort(offsets)
		pictures := offsets[len(offsets)/2]
		shift, found := bestShift(theirs, mine[from:from+window*second], from-int(math.Round(pictures*second)))
		if found {
			worst = max(worst, math.Abs(float64(shift))/second)
		}
	}
	return worst
}

// loudness returns the mean amplitude of steps of sound.
func loudness(sound []int16) []float64 {
	steps := make([]float64, len(sound)/envelope)
	for i := range steps {
		for _, v := range sound[i*envelope : (i+1)*envelope] {
			steps[i] += math.Abs(float64(v)) / envelope
		}
	}
	return steps
}

// bestShift returns by how many steps a piece is later than where it is expected in the whole.
func bestShift(whole, piece []float64, expected int) (shift int, found bool) {
	best := 0.7 // a smaller likeness is chance
	const most = farthest * soundRate / envelope
	for d := -most; d <= most; d++ {
		from := expected - d
		if from < 0 || from+len(piece) > len(whole) {
			continue
		}
		if like := likeness(whole[from:from+len(piece)], piece); like > best {
			best, shift, found = like, d, true
		}
	}
	return shift, found
}

// likeness is the correlation of two series of equal length.
func likeness(a, b []float64) float64 {
	var sumA, sumB, aa, bb, ab float64
	for i := range a {
		sumA, sumB = sumA+a[i], sumB+b[i]
		aa, bb, ab = aa+a[i]*a[i], bb+b[i]*b[i], ab+a[i]*b[i]
	}
	n := float64(len(a))
	spread := (aa - sumA*sumA/n) * (bb - sumB*sumB/n)
	if spread <= 0 {
		return 0
	}
	return (ab - sumA*sumB/n) / math.Sqrt(spread)
}
