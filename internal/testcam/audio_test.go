package testcam

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/g711"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"

	"keepwatch.internal/internal/media"
)

var someCodes = []uint32{1, 0xabcdef, 0x123456, MaxCode, 0x800000, CodeOf("front-door")}

// packets returns the first n packets of a camera's sound.
func packets(kind AudioKind, code uint32, n int) [][]byte {
	s := newSound(kind, code)
	var out [][]byte
	for i := range n {
		out = append(out, s.packet(Mark{Camera: code, Quality: media.Main, Run: 3, Frame: uint64(i + 1), Time: time.UnixMicro(5)}))
	}
	return out
}

func TestAACFramesSayTheirCameraWhereverOneBeginsToListen(t *testing.T) {
	for _, code := range someCodes {
		frames := packets(AAC, code, 64)
		for first := range 32 {
			if got, err := AudioCamera(frames[first : first+32]); err != nil || got != code {
				t.Errorf("from frame %d on, camera %x sounds like %x, %v", first, code, got, err)
			}
		}
		for i, frame := range frames {
			m, err := ParseAudio(frame)
			if err != nil || m.Camera != code || m.Frame != uint64(i+1) || m.Run != 3 {
				t.Errorf("frame %d of camera %x says %v, %v", i, code, m, err)
			}
		}
	}
}

func TestAShortOrForeignSoundNamesNoCamera(t *testing.T) {
	if c, err := AudioCamera(packets(AAC, 77, 10)); !errors.Is(err, ErrNoMark) {
		t.Errorf("ten frames name %x, %v", c, err)
	}
	if c, err := AudioCamera([][]byte{{0x21, 0x10, 5}}); !errors.Is(err, ErrNoMark) {
		t.Errorf("a foreign frame names %x, %v", c, err)
	}
	if c, err := AudioCameraPCM(make([]int16, 40000), 16000); !errors.Is(err, ErrNoMark) {
		t.Errorf("silence names %x, %v", c, err)
	}
}

func TestDecodedAACIsTheMelody(t *testing.T) {
	const code = 0xabcdef
	var adts mpeg4audio.ADTSPackets
	for _, frame := range packets(AAC, code, 64) {
		adts = append(adts, &mpeg4audio.ADTSPacket{
			Type: mpeg4audio.ObjectTypeAACLC, SampleRate: aacRate, ChannelConfig: 1, AU: frame,
		})
	}
	b, err := adts.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.aac")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	raw := run(t, "ffmpeg", "-f", "aac", "-probesize", "1000000", "-v", "error", "-i", path, "-f", "s16le", "-")
	samples := make([]int16, len(raw)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	if got, err := AudioCameraPCM(samples, aacRate); err != nil || got != code {
		t.Errorf("ffmpeg's sound names %x, %v", got, err)
	}
	m, signal, noise := newMelody(code), 0.0, 0.0
	for i := 2 * aacSamples; i < 60*aacSamples; i++ {
		want := loudness * m.sample(float64(i)/aacRate)
		signal += want * want
		noise += (want - float64(samples[i])) * (want - float64(samples[i]))
	}
	if signal < 30*noise { // 15 dB
		t.Errorf("signal is only %.1f times the noise", signal/noise)
	}
}

func TestG711SaysItsCamera(t *testing.T) {
	for _, code := range someCodes {
		var coded []byte
		for _, p := range packets(PCMU, code, 130) {
			coded = append(coded, p...)
		}
		var samples []int16
		var lpcm g711.Mulaw
		lpcm.Unmarshal(coded)
		for i := 0; i < len(lpcm); i += 2 {
			samples = append(samples, int16(binary.BigEndian.Uint16(lpcm[i:])))
		}
		for first := 0; first < 3000; first += 170 {
			if got, err := AudioCameraPCM(samples[first:first+17000], pcmuRate); err != nil || got != code {
				t.Errorf("from sample %d on, camera %x sounds like %x, %v", first, code, got, err)
			}
		}
	}
}

func FuzzAACFramesOfOthersDoNoHarm(f *testing.F) {
	f.Add(packets(AAC, 5, 1)[0])
	f.Fuzz(func(t *testing.T, frame []byte) {
		lines, err := aacLines(frame)
		if err == nil && len(lines) != aacCoded {
			t.Errorf("%d lines", len(lines))
		}
		if m, err := ParseAudio(frame); err == nil && !m.Quality.Valid() {
			t.Errorf("%v", m)
		}
	})
}
