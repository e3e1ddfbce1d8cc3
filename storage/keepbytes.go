package storage

import (
	"context"
	"encoding/json"

	"keepwatch.internal/internal/media"
)

// keptBytesQuery adds up the segments of the camera ?1 and stream ?2 that any of the spans ?3, [[from, to], …], touches.
// Spans that are near may touch the same segment; it counts once.
const keptBytesQuery = `SELECT coalesce(sum(size_bytes), 0) FROM (
	SELECT DISTINCT s.start_us, s.size_bytes FROM json_each(?3) u CROSS JOIN segment s
	WHERE s.camera = ?1 AND s.quality = ?2 AND s.state <> 3 AND s.start_us < (u.value ->> 1) AND s.end_us > (u.value ->> 0)
		AND s.start_us >= coalesce((SELECT max(f.start_us) FROM segment f
			WHERE f.camera = ?1 AND f.quality = ?2 AND f.start_us <= (u.value ->> 0)), (u.value ->> 0)))`

// keptBytes returns how much of a stream's closed segments kept spans pin. What several of them pin counts once.
func keptBytes(ctx context.Context, q queryer, st streamRow) (int64, error) {
	kept, err := keptSpans(ctx, q, st)
	if err != nil || len(kept) == 0 {
		return 0, err
	}
	spans := make([][2]int64, len(kept))
	for i, x := range kept {
		spans[i] = [2]int64{x.from, x.to}
	}
	list, err := json.Marshal(spans)
	if err != nil {
		return 0, err
	}
	var sum int64
	err = q.QueryRowContext(ctx, keptBytesQuery, st.camera, st.quality, string(list)).Scan(&sum)
	return sum, err
}

// keptOf returns how many bytes of a camera kept spans pin, with what is being written now.
func (s *Store) keptOf(ctx context.Context, c *camera) (int64, error) {
	var sum int64
	for _, quality := range qualities {
		st := streamRow{c.row, quality}
		n, err := keptBytes(ctx, s.index.Read(), st)
		if err != nil {
			return 0, err
		}
		sum += n
		now := s.liveOf(media.StreamID{Camera: c.id, Quality: quality})
		if len(now.entries) == 0 {
			continue
		}
		kept, err := keptSpans(ctx, s.index.Read(), st)
		if err != nil {
			return 0, err
		}
		for _, x := range kept {
			if x.from < now.end && now.start < x.to {
				sum += now.size
				break
			}
		}
	}
	return sum, nil
}

// keptTotal returns how many bytes of all cameras kept spans pin.
func (s *Store) keptTotal(ctx context.Context) (int64, error) {
	s.mu.RLock()
	known := s.cameras
	s.mu.RUnlock()
	var sum int64
	for _, c := range known {
		n, err := s.keptOf(ctx, c)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}
