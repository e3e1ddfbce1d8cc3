package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/web/canary"
)

// metrics answers GET /metrics in the text format of Prometheus, for administrators' tokens made for it.
//
// Cameras appear by name if the token has a right on them, as in the system report. The others are only counted by state: a
// camera's bit rate shows when something moves in front of it, and that is for its owner only. Nothing is cached between
// requests.
func (a *systemAPI) metrics(w http.ResponseWriter, r *http.Request) error {
	g := &gauges{}
	if err := a.measure(r.Context(), viewerOf(r), g); err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{g, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})} {
		if err := registry.Register(c); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true}).ServeHTTP(w, r)
	return nil
}

// measure reads all metrics.
func (a *systemAPI) measure(ctx context.Context, v access.Viewer, g *gauges) error {
	report, err := a.reports.system(ctx, v)
	if err != nil {
		return err
	}
	usage, err := a.reports.store.Usage(ctx, a.reports.site.dayAt(report.Now))
	if err != nil {
		return err
	}
	pass, err := a.reports.verification(ctx)
	if err != nil {
		return err
	}
	g.set("keepwatch_info", "The running version.", 1, "version", a.reports.version)
	a.measureStates(g)
	for _, h := range report.Cameras {
		g.camera(h, report.Now)
	}
	named := map[media.CameraID]string{}
	status := a.reports.cameras.statusByID()
	for _, c := range a.reports.cameras.all {
		for _, h := range report.Cameras {
			if h.ID == c.Name {
				named[c.ID] = c.Name
				g.streams(c.Name, status[c.ID])
			}
		}
	}
	for _, u := range usage.Cameras {
		name, ok := named[u.ID]
		if !ok {
			continue
		}
		g.set("keepwatch_camera_footage_bytes", "Bytes of footage, kept clips included.", float64(u.Bytes), "camera", name)
		g.set("keepwatch_camera_segments", "Segments of footage.", float64(u.Segments), "camera", name)
		g.moment("keepwatch_camera_oldest_footage_timestamp_seconds", "Start of the oldest footage.", moment(u.Oldest), "camera", name)
	}
	g.set("keepwatch_disk_total_bytes", "Size of the recordings' file system.", float64(usage.Total))
	g.set("keepwatch_disk_free_bytes", "Free bytes of it.", float64(usage.Free))
	g.set("keepwatch_disk_min_free_bytes", "Bytes kept free by deleting the oldest footage.", float64(usage.MinFree))
	g.set("keepwatch_footage_bytes", "Bytes of all footage.", float64(usage.Footage))
	g.set("keepwatch_kept_bytes", "Part of the footage that is kept clips.", float64(usage.Kept))
	for _, alarm := range a.reports.store.Alarms(ctx) {
		g.set("keepwatch_alarm", "1 for each condition that needs attention.", 1, "code", alarm.Code)
	}
	g.set("keepwatch_scrub_read_bytes", "Bytes that the verification pass has read in this round.", float64(pass.ReadBytes))
	g.set("keepwatch_scrub_total_bytes", "Bytes to read in this round.", float64(pass.TotalBytes))
	g.count("keepwatch_scrub_found_total", "Segments that failed verification since the index was created.", float64(pass.Found))
	g.moment("keepwatch_scrub_last_round_timestamp_seconds", "End of the last complete round.", pass.LastRound)
	g.set("keepwatch_open_streams", "Open live connections.", float64(a.streams.taken()))
	g.set("keepwatch_open_clips", "Clips being read.", float64(a.clips.taken()))
	if report.Canary != nil {
		g.canary(*report.Canary)
	}
	return nil
}

// measureStates counts all cameras by state.
func (a *systemAPI) measureStates(g *gauges) {
	states := map[string]int{}
	status := a.reports.cameras.statusByID()
	for _, c := range a.reports.cameras.all[:a.reports.cameras.site] {
		states[stateOf(status[c.ID])]++
	}
	for state, n := range states {
		g.set("keepwatch_cameras", "All cameras by state.", float64(n), "state", state)
	}
}

// gauges collects metrics. It implements prometheus.Collector and does not describe its metrics in advance.
type gauges struct{ list []prometheus.Metric }

// Describe implements prometheus.Collector.
func (g *gauges) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	for _, m := range g.list {
		out <- m
	}
}

// set adds a gauge. labels are alternating names and values.
func (g *gauges) set(name, help string, value float64, labels ...string) {
	g.add(prometheus.GaugeValue, series{name, help, labels}, value)
}

// count adds a counter.
func (g *gauges) count(name, help string, value float64, labels ...string) {
	g.add(prometheus.CounterValue, series{name, help, labels}, value)
}

// moment adds a time as a gauge, unless it is nil.
func (g *gauges) moment(name, help string, t *time.Time, labels ...string) {
	if t != nil {
		g.set(name, help, float64(t.UnixMilli())/1000, labels...)
	}
}

type series struct {
	name, help string
	labels     []string
}

func (g *gauges) add(kind prometheus.ValueType, x series, value float64) {
	var names, values []string
	for i := 0; i+1 < len(x.labels); i += 2 {
		names, values = append(names, x.labels[i]), append(values, x.labels[i+1])
	}
	g.list = append(g.list, prometheus.MustNewConstMetric(prometheus.NewDesc(x.name, x.help, names, nil), kind, value, values...))
}

func (g *gauges) camera(h CameraHealth, now time.Time) {
	up := 0.0
	if h.State == "recording" {
		up = 1
	}
	g.set("keepwatch_camera_up", "1 while the camera is being recorded.", up, "camera", h.ID)
	if h.LastFrame != nil {
		g.set("keepwatch_camera_frame_age_seconds", "Age of the newest picture.", now.Sub(*h.LastFrame).Seconds(), "camera", h.ID)
	}
	if h.Today != nil {
		g.set("keepwatch_camera_recorded_today_seconds", "Footage of today, in the site's time zone.", h.Today.RecordedSeconds, "camera", h.ID)
		for code, seconds := range h.Today.MissingByCode {
			g.set("keepwatch_camera_missing_today_seconds", "Missing footage of today, by gap code.", seconds, "camera", h.ID, "code", code)
		}
	}
	if h.Forecast != nil && h.Forecast.Days != nil {
		g.set("keepwatch_camera_forecast_days", "Expected retention in days.", *h.Forecast.Days, "camera", h.ID)
	}
}

func (g *gauges) streams(camera string, st CameraStatus) {
	for _, x := range st.Streams {
		q := x.Quality.String()
		g.set("keepwatch_stream_lost_packets", "Packets lost since the session with the camera began.", float64(x.LostPackets), "camera", camera, "stream", q)
		g.set("keepwatch_stream_bits_per_second", "Bit rate.", float64(x.BitsPerSecond), "camera", camera, "stream", q)
		g.set("keepwatch_stream_frames_per_second", "Frame rate.", x.FPS, "camera", camera, "stream", q)
	}
}

func (g *gauges) canary(r canary.Report) {
	for _, state := range []string{canary.Waiting, canary.Sound, canary.Unknown, canary.Leaked} {
		is := 0.0
		if r.State == state {
			is = 1
		}
		g.set("keepwatch_canary_state", "1 for the current state of the privacy self-check.", is, "state", state)
	}
	g.count("keepwatch_canary_probes_total", "Requests made across owners since the start.", float64(r.Probes))
	g.count("keepwatch_canary_leaked_total", "How many of them returned what they should not. Anything but 0 has stopped all footage.", float64(r.Leaked))
	g.moment("keepwatch_canary_last_timestamp_seconds", "When the privacy self-check last proved something.", r.Last)
}
