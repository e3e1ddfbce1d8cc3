package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage/disk"
	"keepwatch.internal/storage/index"
)

// Usage is how the disk is used. It holds no footage and no moment of it beyond how far it reaches back.
type Usage struct {
	Total, Free int64 // of the recordings' file system, bytes
	MinFree     int64 // what is kept free of it
	Footage     int64 // bytes of all segments
	Kept        int64 // bytes of them that kept clips pin
	Cameras     []CameraUsage
}

// CameraUsage is what one camera takes.
type CameraUsage struct {
	ID       media.CameraID
	Name     string
	Retired  bool
	Bytes    int64
	Kept     int64 // of them, what kept clips pin; what several pin counts once
	Segments int64
	Oldest   time.Time     // begin of the oldest footage; zero when there is none
	Recorded time.Duration // footage of the main stream in the span that was asked for
}

// usageReports tells how the disk is used, and for how long it lasts.
type usageReports struct {
	o          *Options
	disk       disk.Folder // recordings
	db         *database
	clock      *storeClock
	cameraList *cameraList
	kept       *keptClips
	timeline   *timelines
	rates      rates
}

// Usage returns how the disk is used, with the length of footage of each camera in the span day; cameras by name. It is
// for whoever manages the system and needs no permit.
func (r *usageReports) Usage(ctx context.Context, day Span) (Usage, error) {
	free, total, err := r.disk.Space()
	if err != nil {
		return Usage{}, err
	}
	u := Usage{Total: total, Free: free, MinFree: r.o.MinFree.of(total)}
	known := r.cameraList.all()
	totals, err := r.db.index.StreamTotals(ctx)
	if err != nil {
		return Usage{}, fmt.Errorf("usage: %w", err)
	}
	for _, c := range known {
		x := CameraUsage{ID: c.id, Name: c.name, Retired: !c.retired.IsZero()}
		for _, quality := range qualities {
			t := totals[index.Stream{Camera: c.row, Quality: quality}]
			x.Bytes += t.Bytes + r.cameraList.writtenOf(media.StreamID{Camera: c.id, Quality: quality}).size
			x.Segments += t.Segments
			if t.Segments > 0 && (x.Oldest.IsZero() || t.Oldest.Before(x.Oldest)) {
				x.Oldest = t.Oldest
			}
		}
		if x.Recorded, err = r.recorded(ctx, c, day); err != nil {
			return Usage{}, fmt.Errorf("usage: %w", err)
		}
		if x.Kept, err = r.kept.keptBytesOf(ctx, c); err != nil {
			return Usage{}, fmt.Errorf("usage: %w", err)
		}
		u.Footage += x.Bytes
		u.Kept += x.Kept
		u.Cameras = append(u.Cameras, x)
	}
	slices.SortFunc(u.Cameras, func(a, b CameraUsage) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.ID[:], b.ID[:]))
	})
	return u, nil
}

// recorded adds up the footage of the camera's main stream in the span.
func (r *usageReports) recorded(ctx context.Context, c *camera, day Span) (time.Duration, error) {
	sections, err := r.timeline.sections(ctx, c.id, media.Main, day)
	var sum int64
	for _, x := range sections {
		if !x.IsGap() {
			sum += x.to - x.from
		}
	}
	return time.Duration(sum) * time.Microsecond, err
}
