package web

import (
	"bytes"
	"context"
	"errors"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

const (
	canaryLength = 2 * time.Second
	canaryFPS    = 2
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

// shootCanary makes a run whose every picture is 16 pixels square, and shows in its brightness, as text, whose it is.
func shootCanary(stream media.StreamID, start time.Time, key media.LabelKey) (*media.Run, []*media.Fragment, error) {
	track := media.VideoTrack{Codec: media.H264, Width: 16, Height: 16,
		SPS: []byte{0x67, 0x42, 0xc0, 0x0a, 0xdd, 0xe4}, PPS: []byte{0x68, 0xce, 0x38, 0x80}}
	run, err := media.NewRun(stream, start, track, nil, key)
	if err != nil {
		return nil, nil, err
	}
	muxer := media.NewMuxer(run, key)
	var fragments []*media.Fragment
	keep := func(f *media.Fragment, err error) error {
		if f != nil {
			fragments = append(fragments, f)
		}
		return err
	}
	for n := range int(canaryLength/time.Second) * canaryFPS {
		ticks := int64(n) * media.VideoTimescale / canaryFPS
		u := &media.Unit{Kind: media.Video, PTS: ticks, DTS: ticks, Arrived: start.Add(time.Duration(n) * time.Second / canaryFPS), Random: true,
			Data: [][]byte{canaryPicture(n, markOf(stream.Camera))}}
		if err := keep(muxer.Write(u)); err != nil {
			return nil, nil, err
		}
	}
	return run, fragments, keep(muxer.Flush())
}

// canaryPicture codes a picture of one macroblock whose samples stand in the stream as they are (I_PCM, ITU-T H.264 clause
// 7.3.5): the mark, again and again, over even colour. The slice header of pictures that follow each other differs in
// idr_pic_id, as clause 7.4.3 wants it.
func canaryPicture(n int, mark []byte) []byte {
	nalu := []byte{0x65, 0x88, 0x84, 0x86, 0x80}
	if n%2 == 1 {
		nalu = []byte{0x65, 0x88, 0x82, 0x21, 0xa0}
	}
	luma := bytes.Repeat(mark, 256/len(mark)+1)[:256]
	nalu = append(nalu, luma...)
	nalu = append(nalu, bytes.Repeat([]byte{0x80}, 128)...)
	return append(nalu, 0x80)
}
