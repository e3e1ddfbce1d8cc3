package storage

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/index"
)

// CameraForecast says how far back a camera's footage will reach if it goes on as in the last day.
type CameraForecast struct {
	ID          media.CameraID
	Name        string
	Retired     bool
	TooEarly    bool    // less than an hour of footage to go by; BytesPerDay, Days and Limit are zero then
	BytesPerDay int64   // of both streams, over the last 24 h or since there is footage
	Days        float64 // how far back footage will reach; +Inf when nothing limits it, 0 when it is not being recorded
	Limit       Limit   // what sets that
	Kept        int64   // bytes that kept clips pin; they leave that much less for other footage
}

// Forecast says for every camera how far back its footage will reach, by name. It shows no footage and needs no permit.
func (r *usageReports) Forecast(ctx context.Context) ([]CameraForecast, error) {
	free, total, err := r.disk.Space()
	if err != nil {
		return nil, err
	}
	known := r.cameraList.all()
	var list []*retentionUsage
	for _, c := range known {
		h, err := retentionUsageOf(ctx, r.db.index.Reader, c, c.retain)
		if err != nil {
			return nil, fmt.Errorf("forecast: %w", err)
		}
		list = append(list, h)
	}
	o := outlook{now: r.clock.now(), free: free, minFree: r.o.MinFree.of(total), live: r.cameraList.writtenOf}
	o.rate = func(ctx context.Context, h *retentionUsage) (float64, bool, error) { return r.rateOf(ctx, h, o) }
	out, err := forecast(ctx, r.db.index.Reader, list, o)
	if err != nil {
		return nil, fmt.Errorf("forecast: %w", err)
	}
	return out, nil
}

// outlook is what a forecast goes by beside the index.
type outlook struct {
	now           time.Time
	free, minFree int64
	live          func(media.StreamID) beingWritten // what is being written
	// rate returns what dailyRate does, or did a short while ago; nil asks that.
	rate func(context.Context, *retentionUsage) (float64, bool, error)
}

// rates remembers what each camera records a day, since working it out walks over a day of segments. The zero value is
// ready.
type rates struct {
	mu   sync.Mutex
	last map[int64]rate // by the camera's row
}

type rate struct {
	at     time.Time
	perDay float64
}

// ratesHold is how long a rate is remembered.
const ratesHold = 5 * time.Minute

// rateOf returns the camera's rate, worked out within ratesHold.
func (r *usageReports) rateOf(ctx context.Context, h *retentionUsage, o outlook) (float64, bool, error) {
	r.rates.mu.Lock()
	last, known := r.rates.last[h.c.row]
	r.rates.mu.Unlock()
	if age := o.now.Sub(last.at); known && age >= 0 && age < ratesHold {
		return last.perDay, true, nil
	}
	perDay, known, err := dailyRate(ctx, r.db.index.Reader, h, o)
	if err != nil || !known {
		return 0, false, err
	}
	r.rates.mu.Lock()
	defer r.rates.mu.Unlock()
	if r.rates.last == nil {
		r.rates.last = map[int64]rate{}
	}
	r.rates.last[h.c.row] = rate{o.now, perDay}
	return perDay, true, nil
}

// supply is a camera as a forecast sees it, in bytes and days.
type supply struct {
	rate      float64 // bytes a day
	limit     float64 // days that its own limits allow
	deletable float64 // bytes that retention may delete
}

const (
	rateOver  = 24 * time.Hour
	rateLeast = time.Hour
)

func forecast(ctx context.Context, q index.Reader, list []*retentionUsage, o outlook) ([]CameraForecast, error) {
	if o.rate == nil {
		o.rate = func(ctx context.Context, h *retentionUsage) (float64, bool, error) { return dailyRate(ctx, q, h, o) }
	}
	out := make([]CameraForecast, len(list))
	supplies := make([]supply, len(list))
	space := float64(o.free - o.minFree)
	for i, h := range list {
		f := CameraForecast{ID: h.c.id, Name: h.c.name, Retired: !h.c.retired.IsZero()}
		rate, known, err := o.rate(ctx, h)
		if err != nil {
			return nil, err
		}
		for _, w := range h.candidates {
			n, err := q.KeptBytes(ctx, w.st)
			if err != nil {
				return nil, err
			}
			f.Kept += n
		}
		f.TooEarly = !known
		x := supply{rate: rate, limit: math.Inf(1), deletable: float64(h.size - f.Kept)}
		f.BytesPerDay, f.Limit = int64(rate), NoLimit
		if h.retain.Age > 0 {
			x.limit, f.Limit = h.retain.Age.Hours()/24, LimitAge
		}
		if most := float64(max(h.retain.MaxBytes-f.Kept, 0)) / rate; h.retain.MaxBytes > 0 && rate > 0 && most < x.limit {
			x.limit, f.Limit = most, LimitSize
		}
		space += x.deletable
		out[i], supplies[i] = f, x
	}
	horizon := reach(supplies, space)
	for i := range out {
		out[i].settle(supplies[i], horizon)
	}
	slices.SortFunc(out, func(a, b CameraForecast) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.ID[:], b.ID[:]))
	})
	return out, nil
}

// settle sets how far back the footage reaches, which is as far as its own limits and the disk allow.
func (f *CameraForecast) settle(x supply, horizon float64) {
	if f.TooEarly || x.rate == 0 {
		f.Limit = ""
		return
	}
	f.Days = x.limit
	if horizon < x.limit {
		f.Days, f.Limit = horizon, LimitSpace
	}
}

// reach returns how many days back the footage of all cameras reaches when the oldest of all goes first as soon as it no
// longer fits into the space: the T at which what every camera records in T days, or in fewer where its own limits say so,
// adds up to the space. It is +Inf when all of them stay within their own limits.
func reach(cameras []supply, space float64) float64 {
	space = max(space, 0)
	active := slices.DeleteFunc(slices.Clone(cameras), func(x supply) bool { return x.rate <= 0 })
	slices.SortFunc(active, func(a, b supply) int { return cmp.Compare(a.limit, b.limit) })
	var rate float64
	for _, x := range active {
		rate += x.rate
	}
	for _, x := range active { // each has its fill before those after it
		if x.limit*rate > space {
			return space / rate
		}
		space -= x.limit * x.rate
		rate -= x.rate
	}
	return math.Inf(1)
}

// dailyRate returns how many bytes a day the camera records, and whether there is an hour of footage to tell it by. What
// retention has deleted within the last day is not known any more, so the rate is taken since the oldest segment that may be deleted.
func dailyRate(ctx context.Context, q index.Reader, h *retentionUsage, o outlook) (float64, bool, error) {
	since := index.Micros(o.now.Add(-rateOver))
	first := int64(index.Forever)
	if w, r, err := h.oldest(ctx); err != nil {
		return 0, false, err
	} else if w != nil {
		first = r.Start
	}
	var sum int64
	for _, w := range h.candidates {
		size, start, err := q.BytesSince(ctx, w.st, since)
		if err != nil {
			return 0, false, err
		}
		sum += size
		first = min(first, start) // kept segments tell the rate as well when there are no others
		if o.live != nil {
			sum += o.live(media.StreamID{Camera: h.c.id, Quality: w.st.Quality}).size
		}
	}
	if first == index.Forever {
		return 0, false, nil
	}
	basis := time.Duration(index.Micros(o.now)-max(since, first)) * time.Microsecond
	if basis < rateLeast {
		return 0, false, nil
	}
	return float64(sum) / (basis.Hours() / 24), true, nil
}
