package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// PlanOptions is what a dry run of retention needs.
type PlanOptions struct {
	Recordings, Data string
	MinFree          MinFree
	Retain           map[string]Retain // by the cameras' names; those that are not in it keep the limits they have
	Now              time.Time
}

// Plan is the result of a dry run: what retention would delete. A dry run changes nothing.
type Plan struct {
	Total, Free, MinFree int64 // of the recordings' file system, bytes
	Cameras              []CameraPlan
	Lacking              int64 // bytes that would be missing from MinFree within a day even if all that may go has gone
}

// CameraPlan says what goes of one camera.
type CameraPlan struct {
	CameraForecast
	Bytes   int64  // of its segments
	Retain  Retain // the limits that the plan is made with
	Applied Retain // those that the last start of the recorder had
	Now     []Going
	Day     []Going // within a day at the forecast's rate, what goes now included
}

// Going is what goes of a camera because of one limit.
type Going struct {
	Limit    Limit
	Segments int
	Bytes    int64
	Span     Span // from the oldest to the newest
}

// PlanRetention is the dry run of retention: it says what would be deleted now and within a day. The choice is made by
// retentionRun, as in a real run. Another process may be writing the index meanwhile; the open segments are not in the plan.
func PlanRetention(ctx context.Context, o PlanOptions) (_ Plan, err error) {
	path := filepath.Join(o.Data, index.FileName)
	db, err := index.OpenReader(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return Plan{}, fmt.Errorf("there is no index %s: nothing has been recorded with this configuration yet", path)
	}
	if err != nil {
		return Plan{}, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	disk, err := disk.Open(o.Recordings)
	if err != nil {
		return Plan{}, ExplainDiskError(o.Recordings, err)
	}
	defer func() { err = errors.Join(err, disk.Close()) }()
	free, total, err := disk.Space()
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Total: total, Free: free, MinFree: o.MinFree.of(total)}
	err = db.View(ctx, func(q index.Reader) error { return plan.fill(ctx, q, o) })
	return plan, err
}

func (plan *Plan) fill(ctx context.Context, q index.Reader, o PlanOptions) error {
	known, err := camerasOf(ctx, q)
	if err != nil {
		return err
	}
	list, err := o.usage(ctx, q, known)
	if err != nil {
		return err
	}
	rates, err := forecast(ctx, q, list, outlook{now: o.Now, free: plan.Free, minFree: plan.MinFree})
	if err != nil {
		return err
	}
	byID := map[int64]*CameraPlan{}
	var growth int64
	for _, h := range list {
		i := slices.IndexFunc(rates, func(f CameraForecast) bool { return f.ID == h.c.id })
		byID[h.c.row] = &CameraPlan{CameraForecast: rates[i], Bytes: h.size, Retain: h.retain, Applied: h.c.retain}
		growth += rates[i].BytesPerDay
	}
	for _, day := range []bool{false, true} {
		if day {
			if list, err = o.usage(ctx, q, known); err != nil {
				return err
			}
		}
		p := &retentionRun{now: o.Now, cameras: list, flush: func(context.Context) error { return nil }}
		lack := plan.MinFree - plan.Free
		if day {
			p.now, lack = o.Now.Add(rateOver), lack+growth
			for _, h := range list {
				h.size += byID[h.c.row].BytesPerDay
			}
		}
		p.lack = func(int64) (int64, error) { return lack, nil }
		p.take = func(_ context.Context, h *retentionUsage, r index.Segment, why Limit) error {
			x := byID[h.c.row]
			if day {
				x.Day = note(x.Day, r, why)
			} else {
				x.Now = note(x.Now, r, why)
			}
			return nil
		}
		err := p.run(ctx)
		if err != nil && !errors.Is(err, errNothingLeft) {
			return err
		}
		plan.Lacking = max(lack-p.freed, 0)
	}
	for _, x := range byID {
		plan.Cameras = append(plan.Cameras, *x)
	}
	slices.SortFunc(plan.Cameras, func(a, b CameraPlan) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.ID[:], b.ID[:]))
	})
	return nil
}

// usage prepares the cameras for a retention run with the limits of the plan.
func (o PlanOptions) usage(ctx context.Context, q index.Reader, known []*camera) ([]*retentionUsage, error) {
	var list []*retentionUsage
	for _, c := range known {
		retain := c.retain
		if wanted, listed := o.Retain[c.name]; listed && c.retired.IsZero() {
			retain = wanted
		}
		h, err := retentionUsageOf(ctx, q, c, retain)
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, nil
}

// note adds a segment to what goes by a limit.
func note(list []Going, r index.Segment, why Limit) []Going {
	i := slices.IndexFunc(list, func(g Going) bool { return g.Limit == why })
	if i < 0 {
		i = len(list)
		list = append(list, Going{Limit: why, Span: Span{index.FromMicros(r.Start), index.FromMicros(r.End)}})
	}
	g := &list[i]
	g.Segments++
	g.Bytes += r.Size
	g.Span.From, g.Span.To = earliest(g.Span.From, index.FromMicros(r.Start)), latest(g.Span.To, index.FromMicros(r.End))
	return list
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
