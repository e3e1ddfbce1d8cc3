package sound

import (
	"bytes"
	"strconv"
	"testing"
)

func TestSilentAACIsSilent(t *testing.T) {
	for config, channels := range [...]int{1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8} {
		if config == 0 {
			continue
		}
		t.Run(strconv.Itoa(channels), func(t *testing.T) {
			frame := SilentAAC(config)
			size := len(frame) + 7 // with a header (ISO/IEC 14496-3 1.A.2.2): AAC-LC, 16 kHz
			header := []byte{0xff, 0xf1, 1<<6 | 8<<2 | byte(config>>2), byte(config&3)<<6 | byte(size>>11), byte(size >> 3), byte(size&7)<<5 | 0x1f, 0xfc}
			file := bytes.Repeat(append(header, frame...), 20)
			out := ffmpeg(t, file, "-xerror", "-err_detect", "explode", "-f", "aac", "-i", "-", "-f", "s16le", "-")
			if want := 20 * 1024 * 2 * channels; len(out) != want || bytes.Trim(out, "\x00") != nil && len(bytes.Trim(out, "\x00")) > 0 {
				t.Errorf("%d bytes of sound, of which some are not silent; want %d", len(out), want)
			}
		})
	}
	if SilentAAC(0) != nil || SilentAAC(8) != nil {
		t.Error("a frame for no channels")
	}
}
