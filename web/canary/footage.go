package canary

import (
	"bytes"
	"time"

	"keepwatch.internal/internal/media"
)

// How long a synthetic recording is, and how many pictures it has in a second.
const (
	Length = 2 * time.Second
	FPS    = 2
)

// NewFootage makes a run of Length. Each picture is 16 pixels square; its brightness samples are the camera's mark as text.
func NewFootage(stream media.StreamID, start time.Time, key media.LabelKey) (*media.Run, []*media.Fragment, error) {
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
	for n := range int(Length/time.Second) * FPS {
		ticks := int64(n) * media.VideoTimescale / FPS
		u := &media.Unit{Kind: media.Video, PTS: ticks, DTS: ticks, Arrived: start.Add(time.Duration(n) * time.Second / FPS), Random: true,
			Data: [][]byte{picture(n, Mark(stream.Camera))}}
		if err := keep(muxer.Write(u)); err != nil {
			return nil, nil, err
		}
	}
	return run, fragments, keep(muxer.Flush())
}

// picture encodes a picture of one macroblock with uncompressed samples (I_PCM, ITU-T H.264 clause 7.3.5): the mark, repeated,
// with uniform colour. Consecutive pictures differ in idr_pic_id, as clause 7.4.3 requires.
func picture(n int, mark []byte) []byte {
	nalu := []byte{0x65, 0x88, 0x84, 0x86, 0x80}
	if n%2 == 1 {
		nalu = []byte{0x65, 0x88, 0x82, 0x21, 0xa0}
	}
	luma := bytes.Repeat(mark, 256/len(mark)+1)[:256]
	nalu = append(nalu, luma...)
	nalu = append(nalu, bytes.Repeat([]byte{0x80}, 128)...)
	return append(nalu, 0x80)
}
