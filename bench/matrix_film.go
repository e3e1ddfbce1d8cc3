package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"keepwatch.internal/internal/testcam/oddcam"
)

// newFilm has ffmpeg make RTP packets of a file, with further options of its output.
func newFilm(ctx context.Context, file string, options ...string) (*oddcam.Film, error) {
	starts, err := startsOf(ctx, file)
	if err != nil {
		return nil, err
	}
	args := append([]string{"-nostdin", "-v", "error", "-i", file, "-map", "0", "-c", "copy"}, options...)
	return oddcam.NewFilm(ctx, starts, func(ctx context.Context, url string) error {
		var complaints bytes.Buffer
		cmd := exec.CommandContext(ctx, "ffmpeg", append(args, "-f", "rtsp", "-rtsp_transport", "tcp", url)...)
		cmd.Stderr = &complaints
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("publish %s: %w: %s", file, err, complaints.String())
		}
		return nil
	})
}

// startsOf returns when each stream of a file begins, in seconds.
func startsOf(ctx context.Context, file string) (starts []float64, err error) {
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-show_entries", "stream=start_time", "-of", "csv=p=0", file).Output()
	if err != nil {
		return nil, fmt.Errorf("probe %s: %w", file, err)
	}
	for word := range strings.FieldsSeq(string(out)) {
		start, err := strconv.ParseFloat(word, 64)
		if word == "N/A" { // too few pictures to say
			err = nil
		}
		if err != nil {
			return nil, fmt.Errorf("start of a stream of %s: %w", file, err)
		}
		starts = append(starts, start)
	}
	return starts, nil
}
