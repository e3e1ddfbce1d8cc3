package testcam

import (
	"errors"
	"fmt"
	"math"
)

// A camera's audio is a repeated melody that encodes its code: a call note, the six nibbles of the code as notes of a
// pentatonic scale, and a checksum nibble.
const (
	melodyNotes = 8
	noteSeconds = 2.0 * aacSamples / aacRate // two AAC frames: 128 ms
	callNote    = 16
	noteCount   = 17
)

// melody is the notes of one repetition.
type melody [melodyNotes]int

func newMelody(code uint32) melody {
	m := melody{callNote}
	check := 5
	for i := range 6 {
		nibble := int(code>>(20-4*i)) & 15
		m[1+i] = nibble
		check += nibble * (2*i + 1)
	}
	m[7] = check & 15
	return m
}

// code returns the code of a melody, or false if its checksum is wrong.
func (m melody) code() (uint32, bool) {
	code := uint32(0)
	for _, note := range m[1:7] {
		code = code<<4 | uint32(note&15)
	}
	return code, code != 0 && newMelody(code) == m
}

// pitchBin returns the line of a note among the 1024 lines of an AAC frame at 16 kHz. The pitch is half a line higher, so that
// a whole number of half periods fits into a frame. The call is the lowest.
func pitchBin(note int) int {
	step := (note + 1) % noteCount
	semitones := step/5*12 + [5]int{0, 2, 4, 7, 9}[step%5]
	hertz := 262 * math.Exp2(float64(semitones)/12)
	return int(hertz / (aacRate / 2.0 / aacSamples))
}

func pitch(note int) float64 { return (float64(pitchBin(note)) + 0.5) * aacRate / 2 / aacSamples }

// sample returns the melody at a moment, -1 to 1.
func (m melody) sample(seconds float64) float64 {
	i := int(math.Floor(seconds / noteSeconds))
	at := seconds - float64(i)*noteSeconds
	note := m[i%melodyNotes]
	loud := min(at/0.005, 1) * min((noteSeconds-at)/0.008, 1) * math.Exp(-6*at)
	return loud * math.Sin(2*math.Pi*pitch(note)*at)
}

// findMelody searches consecutive notes for a complete melody; -1 is an unknown note.
func findMelody(notes []int) (uint32, bool) {
	for i := 0; i+melodyNotes <= len(notes); i++ {
		if code, ok := melody(notes[i : i+melodyNotes]).code(); ok {
			return code, true
		}
	}
	return 0, false
}

// AudioCamera returns the code of the camera from consecutive AAC frames of its melody. Two seconds (32 frames) are always
// enough.
func AudioCamera(frames [][]byte) (uint32, error) {
	heard := make([]int, len(frames))
	for i, frame := range frames {
		lines, err := aacLines(frame)
		if err != nil {
			return 0, fmt.Errorf("%w: frame %d: %w", ErrNoMark, i, err)
		}
		heard[i] = loudest(func(note int) float64 {
			sum := 0.0
			for _, v := range lines[pitchBin(note)-1 : pitchBin(note)+2] {
				sum += v * v
			}
			return sum
		})
	}
	// A note lasts two frames, and the first of them is not known.
	for first := range 2 {
		var notes []int
		for i := first; i < len(heard); i += 2 {
			notes = append(notes, heard[i])
		}
		if code, ok := findMelody(notes); ok {
			return code, nil
		}
	}
	return 0, fmt.Errorf("%w: no melody in %d frames", ErrNoMark, len(frames))
}

// loudest returns the note with the most power.
func loudest(power func(note int) float64) int {
	best, most := -1, 0.0
	for note := range noteCount {
		if p := power(note); p > most {
			best, most = note, p
		}
	}
	return best
}

// AudioCameraPCM does the same for decoded mono audio at rate samples a second.
func AudioCameraPCM(samples []int16, rate int) (uint32, error) {
	length := int(noteSeconds * float64(rate))
	const offsets = 8
	for first := range offsets {
		var notes []int
		for at := first * length / offsets; at+length <= len(samples); at += length {
			window := samples[at : at+length]
			notes = append(notes, loudest(func(note int) float64 { return goertzel(window, pitch(note)/float64(rate)) }))
		}
		if code, ok := findMelody(notes); ok {
			return code, nil
		}
	}
	return 0, fmt.Errorf("%w: no melody in %d samples", ErrNoMark, len(samples))
}

// goertzel returns the power of samples at a frequency in periods a sample (G. Goertzel, 1958).
func goertzel(samples []int16, frequency float64) float64 {
	c := 2 * math.Cos(2*math.Pi*frequency)
	var s1, s2 float64
	for _, v := range samples {
		s1, s2 = float64(v)+c*s1-s2, s1
	}
	return s1*s1 + s2*s2 - c*s1*s2
}

// ParseAudio returns the mark of an AAC frame. Its Frame counts audio frames, from 1.
func ParseAudio(frame []byte) (Mark, error) {
	if len(frame) < 2+markBytes || frame[0]>>5 != elementDSE || int(frame[1]) != markBytes {
		return Mark{}, fmt.Errorf("%w: no data stream element", ErrNoMark)
	}
	return parseMark(frame[2 : 2+markBytes])
}

var errNotOurs = errors.New("not a frame of a simulated camera")
