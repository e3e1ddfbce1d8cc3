package testcam

import "time"

const (
	aacRate     = 16000
	aacSamples  = 1024
	pcmuRate    = 8000
	pcmuSamples = 160
)

// sound makes the packets of a camera's melody.
type sound struct {
	kind    AudioKind
	rate    int
	samples int // a packet
	melody  melody
}

func newSound(kind AudioKind, code uint32) *sound {
	s := &sound{kind: kind, rate: aacRate, samples: aacSamples, melody: newMelody(code)}
	if kind == PCMU {
		s.rate, s.samples = pcmuRate, pcmuSamples
	}
	return s
}

// due returns when a packet, counted from 1, is to be sent.
func (s *sound) due(packet uint64) time.Duration {
	return time.Duration(packet-1) * time.Duration(s.samples) * time.Second / time.Duration(s.rate)
}

type melody struct{}

func newMelody(uint32) melody { return melody{} }

func (s *sound) packet(m Mark) []byte { return make([]byte, 160) }
