package testcam

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"keepwatch.internal/internal/media"
)

// addWhole adds a frame that lasts 1/fps s.
func (c *clip) addWhole(data [][]byte, fps int) {
	at := int64(len(c.video)) * media.VideoTimescale / int64(fps)
	c.video = append(c.video, clipSample{dts: at, pts: at, data: data})
	c.length = int64(len(c.video)) * media.VideoTimescale / int64(fps)
}

// readJPEG reads JPEG files that stand one after another.
func readJPEG(path string, fps int) (*clip, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &clip{codec: media.JPEG}
	for _, file := range bytes.SplitAfter(b, []byte{0xff, 0xd9}) {
		if len(file) > 0 {
			c.addWhole([][]byte{file}, fps)
		}
	}
	return c, nil
}

// readIVF reads the temporal units of AV1 in an IVF file: a header of 32 bytes, and before each unit its size and its time.
func readIVF(path string, fps int) (*clip, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &clip{codec: media.AV1}
	for b = b[min(len(b), 32):]; len(b) >= 12; {
		end := 12 + int(binary.LittleEndian.Uint32(b))
		if end > len(b) {
			return nil, errors.New("cut off")
		}
		var tu av1.Bitstream
		if err := tu.Unmarshal(b[12:end]); err != nil {
			return nil, err
		}
		c.addWhole(tu, fps)
		b = b[end:]
	}
	return c, nil
}
