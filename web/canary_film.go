package web

import (
	"context"
	"errors"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

const (
	canaryLength = 2 * time.Second
	canaryFPS    = 5
)

// film has two seconds of a synthetic camera recorded by the store, and shown by the live ring, as a recorder would. Every
// picture is the camera's mark; nothing decodes them.
func (c *canary) film(ctx context.Context, i int) error {
	id := c.cameras[i].ID
	stream := media.StreamID{Camera: id, Quality: media.Main}
	start := c.server.Now().UTC().Add(-canaryLength).Truncate(time.Microsecond)
	end, err := c.server.Store.EndOfFootage(ctx, stream)
	if err != nil {
		return err
	}
	if start.Before(end) { // a start that follows another at once, or a clock that was set back
		start = end
	}
	run, fragments, err := shootCanary(stream, start, c.server.Store.LabelKey(id))
	if err != nil {
		return err
	}
	writer, err := c.server.Store.Begin(ctx, run)
	if err != nil {
		return err
	}
	for _, f := range fragments {
		err = errors.Join(err, writer.Append(ctx, f))
	}
	if err := errors.Join(err, writer.End(ctx, storage.ReasonStopped)); err != nil {
		return err
	}
	ring := c.server.Hub.Ring(stream)
	for _, f := range fragments {
		ring.Publish(f)
	}
	c.span[i] = storage.Span{From: start, To: start.Add(canaryLength)}
	return nil
}

// shootCanary makes a run of pictures that hold nothing but their camera's mark.
func shootCanary(stream media.StreamID, start time.Time, key media.LabelKey) (*media.Run, []*media.Fragment, error) {
	track := media.VideoTrack{Codec: media.H264, Width: 16, Height: 16, SPS: []byte{0x67, 0x42, 0xc0, 0x0a, 0xda, 0x79}, PPS: []byte{0x68, 0xce, 0x3c, 0x80}}
	run, err := media.NewRun(stream, start, track, nil, key)
	if err != nil {
		return nil, nil, err
	}
	muxer := media.NewMuxer(run, key)
	var fragments []*media.Fragment
	for n := range int(canaryLength/time.Second) * canaryFPS {
		head := byte(0x41)
		if n%canaryFPS == 0 {
			head = 0x65
		}
		ticks := int64(n) * media.VideoTimescale / canaryFPS
		f, err := muxer.Write(&media.Unit{Kind: media.Video, PTS: ticks, DTS: ticks, Arrived: start.Add(time.Duration(n) * time.Second / canaryFPS),
			Random: n%canaryFPS == 0, Data: [][]byte{append([]byte{head}, markOf(stream.Camera)...)}})
		if err != nil {
			return nil, nil, err
		}
		if f != nil {
			fragments = append(fragments, f)
		}
	}
	last, err := muxer.Flush()
	if last != nil {
		fragments = append(fragments, last)
	}
	return run, fragments, err
}
