package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// row is one figure of the table.
type row struct {
	name   string
	format string
	figure func(result) float64
	ratio  bool // whether the ratio of both figures is meaningful
	only   bool // whether only nvr's figure is meaningful
}

func rows() []row {
	return []row{
		{name: "CPU, cores", format: "%.3f", ratio: true, figure: func(r result) float64 { return r.cpu }},
		{name: "memory, MB, proportional", format: "%.1f", ratio: true, figure: func(r result) float64 { return float64(r.memory.pss) / 1e6 }},
		{name: "memory, MB, resident", format: "%.1f", only: true, figure: func(r result) float64 { return float64(r.memory.rss) / 1e6 }},
		{name: "footage, Mbit/s", format: "%.1f", ratio: true, figure: func(r result) float64 { return r.bits / 1e6 }},
		{name: "write calls/s", format: "%.0f", ratio: true, figure: func(r result) float64 { return r.writes }},
		{name: "syncs/s", format: "%.1f", figure: func(r result) float64 { return r.syncs }},
		{name: "frames sent", format: "%.0f", figure: func(r result) float64 { return float64(r.frames.sent) }},
		{name: "frames lost", format: "%.0f", figure: func(r result) float64 { return float64(r.frames.lost) }},
		{name: "frames doubled", format: "%.0f", figure: func(r result) float64 { return float64(r.frames.doubled) }},
	}
}

// printTable prints all figures: the median of the rounds, and the lowest and highest if they differ.
// Ratios are taken within each round.
func printTable(ctx context.Context, out io.Writer, o options, results [peerCount][]result) error {
	fmt.Fprintf(out, "\nRecording %d cameras over RTSP/TCP, each %s.\n", o.cameras, clipText)
	fmt.Fprintf(out, "%d × %s, %s/%s, %s, ffmpeg %s.\n", runtime.NumCPU(), cpuModel(), runtime.GOOS, runtime.GOARCH, runtime.Version(), ffmpegVersion(ctx))
	rounds := "rounds"
	if o.rounds == 1 {
		rounds = "round"
	}
	fmt.Fprintf(out, "%d %s of %v, in turn, each after %v. Median of the rounds (lowest – highest).\n\n", o.rounds, rounds, o.window, o.warmup)
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "\tffmpeg -c copy\tnvr\tnvr ÷ ffmpeg")
	for _, row := range rows() {
		peer := [peerCount][]float64{}
		for i := range results {
			for _, r := range results[i] {
				peer[i] = append(peer[i], row.figure(r))
			}
		}
		cells := [...]string{"", spread(row.format, peer[nvrPeer]), ""}
		if !row.only {
			cells[0] = spread(row.format, peer[ffmpegPeer])
		}
		if row.ratio {
			var ratios []float64
			for i, mine := range peer[nvrPeer] {
				ratios = append(ratios, mine/peer[ffmpegPeer][i])
			}
			cells[2] = spread("%.2f", ratios)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", row.name, cells[0], cells[1], cells[2])
	}
	fmt.Fprintln(w, "\nMemory is the maximum in a window; proportional counts a page that n processes share as 1/n for each.")
	return w.Flush()
}

// spread formats the median and range of the figures. Negative figures are unknown.
func spread(format string, figures []float64) string {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	if sorted[0] < 0 {
		return "not measured"
	}
	text := func(v float64) string { return fmt.Sprintf(format, v) }
	median := text((sorted[(n-1)/2] + sorted[n/2]) / 2)
	if low, high := text(sorted[0]), text(sorted[n-1]); low != high {
		return fmt.Sprintf("%s (%s – %s)", median, low, high)
	}
	return median
}

// cpuModel returns the model name of the CPU.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "processor"
}

// ffmpegVersion returns the third word of ffmpeg's version line.
func ffmpegVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "ffmpeg", "-version").Output()
	if fields := strings.Fields(string(out)); err == nil && len(fields) > 2 {
		return fields[2]
	}
	return "of unknown version"
}
