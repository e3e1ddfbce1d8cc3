package storage

import (
	"io"
	"testing"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// BenchmarkAppend appends fragments of half a second at 2 Mbit/s, rotation of segments included.
func BenchmarkAppend(b *testing.B) {
	k := newKit(b, "front-door")
	id := k.ids["front-door"]
	k.Store.o.SegmentDuration = time.Minute
	run, fragments := k.fragments(id, film{start: epoch, seconds: 600, size: 62_500})
	w := k.begin(run)
	b.SetBytes(int64(len(fragments[0].Bytes)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if n == len(fragments) {
			b.StopTimer()
			ok(b, w.End(b.Context(), "over"))
			end, err := k.EndOfFootage(b.Context(), run.Stream)
			ok(b, err)
			run, fragments = k.fragments(id, film{start: end, seconds: 600, size: 62_500})
			w, n = k.begin(run), 0
			b.StartTimer()
		}
		ok(b, w.Append(b.Context(), fragments[n]))
		n++
	}
}

// month fills the index of 16 cameras with 30 days, without files, and the ledger with a run a day.
func month(b *testing.B) (*kit, media.CameraID) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"}
	k := newKit(b, names...)
	var rows []index.Stream
	for _, name := range names {
		id := k.ids[name]
		st := index.Stream{Camera: k.cameras[id].row, Quality: media.Main}
		rows = append(rows, st)
		ok(b, k.index.Write(b.Context(), func(tx *index.Tx) error {
			for day := range 30 {
				run, err := media.NewRun(media.StreamID{Camera: id, Quality: media.Main}, epoch, plainVideo, nil, k.LabelKey(id))
				if err != nil {
					return err
				}
				row, err := tx.InsertRun(b.Context(), st, run, "over")
				if err != nil {
					return err
				}
				at := index.Micros(epoch.AddDate(0, 0, day))
				if err := tx.Enter(b.Context(), st, at, at+86_399_000_000, index.Footage(row)); err != nil {
					return err
				}
			}
			return tx.Enter(b.Context(), st, index.Micros(epoch.AddDate(0, 0, 30)), index.Forever, gap("over"))
		}))
	}
	for day := range 30 {
		fillDay(k, rows, epoch.AddDate(0, 0, day), 2*time.Second)
	}
	k.clock.set(epoch.AddDate(0, 0, 31))
	return k, k.ids["h"]
}

// BenchmarkTimeline requests a day and a month of one of 16 cameras with 30 days each.
func BenchmarkTimeline(b *testing.B) {
	k, id := month(b)
	p := k.permit(id, access.Playback)
	for name, days := range map[string]int{"day": 1, "month": 30} {
		b.Run(name, func(b *testing.B) {
			span := Span{epoch.AddDate(0, 0, 30-days), epoch.AddDate(0, 0, 30)}
			b.ReportAllocs()
			for b.Loop() {
				tl, err := k.Timeline(b.Context(), p, media.Main, span)
				ok(b, err)
				if len(tl.Spans) != days {
					b.Fatalf("%d spans", len(tl.Spans))
				}
			}
		})
	}
	b.Run("reopen", func(b *testing.B) { // until recording can begin, over 691,200 segments
		for b.Loop() {
			k.reopen()
		}
	})
	b.Run("usage", func(b *testing.B) {
		for b.Loop() {
			_, err := k.Usage(b.Context(), Span{epoch, epoch.AddDate(0, 0, 1)})
			ok(b, err)
		}
	})
}

// BenchmarkActivity asks for the activity of a day, two, a week and a month of a camera with a key frame every two seconds.
func BenchmarkActivity(b *testing.B) {
	k := newKit(b, "front-door")
	id := k.ids["front-door"]
	st := index.Stream{Camera: k.cameras[id].row, Quality: media.Main}
	ok(b, k.index.Write(b.Context(), func(tx *index.Tx) error {
		run, err := media.NewRun(media.StreamID{Camera: id, Quality: media.Main}, epoch, plainVideo, nil, k.LabelKey(id))
		if err != nil {
			return err
		}
		_, err = tx.InsertRun(b.Context(), st, run, "over")
		return err
	}))
	for day := range 30 {
		fillDay(k, []index.Stream{st}, epoch.AddDate(0, 0, day), 2*time.Second)
	}
	k.clock.set(epoch.AddDate(0, 0, 31))
	p := k.permit(id, access.Playback)
	for _, x := range []struct {
		name string
		days int
		step time.Duration
	}{{"day", 1, time.Minute}, {"week", 7, 7 * time.Minute}, {"two-days", 2, time.Minute}, {"month", 30, 30 * time.Minute}} {
		b.Run(x.name, func(b *testing.B) {
			span := Span{epoch.AddDate(0, 0, 30-x.days), epoch.AddDate(0, 0, 30)}
			b.ReportAllocs()
			for b.Loop() {
				a, err := k.Activity(b.Context(), p, media.Main, span, x.step)
				ok(b, err)
				if a.Rates[0] == NoFootage || len(a.Rates) != int(span.To.Sub(span.From)/x.step) {
					b.Fatalf("%d steps", len(a.Rates))
				}
			}
		})
	}
}

// BenchmarkClip opens clips of real files: an hour of one-minute segments at 2 Mbit/s.
func BenchmarkClip(b *testing.B) {
	k := newKit(b, "front-door")
	id := k.ids["front-door"]
	k.Store.o.SegmentDuration = time.Minute
	const seconds = 1200
	k.record(id, film{start: epoch, seconds: seconds, size: 62_500})
	p := k.permit(id, access.Export)
	open := func(b *testing.B, open func(from time.Time) (*Clip, error)) {
		b.ReportAllocs()
		n := 0
		one := make([]byte, 1)
		for b.Loop() {
			n = (n + 377) % (seconds - 60)
			c, err := open(epoch.Add(time.Duration(n) * time.Second))
			ok(b, err)
			_, err = c.Read(one)
			ok(b, err)
			ok(b, c.Close())
		}
	}
	b.Run("minute", func(b *testing.B) {
		open(b, func(from time.Time) (*Clip, error) {
			return k.OpenClip(b.Context(), p, media.Main, Span{from, from.Add(time.Minute)})
		})
	})
	b.Run("segments", func(b *testing.B) {
		open(b, func(from time.Time) (*Clip, error) {
			return k.OpenSegments(b.Context(), p, media.Main, Span{from, from.Add(10 * time.Second)})
		})
	})
	b.Run("keyframe", func(b *testing.B) {
		open(b, func(from time.Time) (*Clip, error) { return k.OpenKeyFrame(b.Context(), p, media.Main, from) })
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			c, err := k.OpenClip(b.Context(), p, media.Main, Span{epoch, epoch.Add(seconds * time.Second)})
			ok(b, err)
			b.SetBytes(c.Size())
			_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 32<<10))
			ok(b, err)
			ok(b, c.Close())
		}
	})
}

// BenchmarkDeleting appends for one camera while 10,000 segments of another are deleted. It reports the longest Append before and
// during the deletion, and the duration of the deletion.
func BenchmarkDeleting(b *testing.B) {
	for b.Loop() {
		k := newKit(b, "front-door", "garage")
		id := k.ids["front-door"]
		k.Store.o.SegmentDuration = time.Second
		k.record(id, film{start: epoch, seconds: 10_000, gop: 1})
		k.Store.o.SegmentDuration = 2 * time.Second
		_, fragments := k.fragments(k.ids["garage"], film{start: k.clock.Now(), seconds: 4000, size: 62_500 / 8})
		w := k.begin(fragments[0].Run)
		_, err := k.Enrol(b.Context(), []CameraSpec{{Name: "front-door", Retain: Retain{Age: time.Second}}, {Name: "garage"}})
		ok(b, err)
		k.clock.set(k.clock.Now().Add(time.Hour))
		pace := time.NewTicker(2 * time.Millisecond)
		longest := func(stop <-chan struct{}) (worst time.Duration, n int) {
			for ; n < 800 && len(fragments) > 0; n++ {
				select {
				case <-stop:
					return worst, n
				default:
				}
				began := time.Now()
				ok(b, w.Append(b.Context(), fragments[0]))
				worst = max(worst, time.Since(began))
				fragments = fragments[1:]
				<-pace.C
			}
			return worst, n
		}
		quiet, _ := longest(nil)
		done := make(chan struct{})
		var took time.Duration
		go func() {
			defer close(done)
			began := time.Now()
			for k.filesOf(id) > 0 {
				ok(b, k.retain(b.Context()))
			}
			took = time.Since(began)
		}()
		busy := time.Duration(0)
		for running := true; running; {
			worst, n := longest(done)
			busy, running = max(busy, worst), n == 800
		}
		<-done
		ok(b, w.End(b.Context(), "over"))
		b.ReportMetric(float64(quiet.Microseconds())/1000, "ms-longest-before")
		b.ReportMetric(float64(busy.Microseconds())/1000, "ms-longest-while")
		b.ReportMetric(took.Seconds(), "s-deleting")
	}
}

// BenchmarkForecast asks for the forecast of 16 cameras with 30 days each.
func BenchmarkForecast(b *testing.B) {
	k, _ := month(b)
	k.clock.set(epoch.AddDate(0, 0, 30))
	for b.Loop() {
		_, err := k.Forecast(b.Context())
		ok(b, err)
	}
}
