package camera

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
)

// Sound is a kind of sound that a camera offers.
type Sound struct {
	Codec    string // what the camera sends, as people know it
	Recorded bool
	Off      bool   // sound is switched off in the configuration
	Why      string // if it is not recorded: the cause, and what to do; a sentence without a full stop
}

// Sounds returns what the camera offers to hear, in its order. At most one is recorded: the first that can be.
func (s *Session) Sounds() []Sound { return slices.Clone(s.sounds) }

// SoundOf returns the sound that matters of those that a camera offers: the one that is recorded, with the others in Why, or else the
// first. It is zero if there is none.
func SoundOf(all []Sound) Sound {
	at := slices.IndexFunc(all, func(x Sound) bool { return x.Recorded })
	if at < 0 {
		if len(all) == 0 {
			return Sound{}
		}
		return all[0]
	}
	one, others := all[at], []string(nil)
	for i, x := range all {
		if i != at {
			others = append(others, x.Codec)
		}
	}
	if len(others) > 0 {
		one.Why = "the camera also offers " + strings.Join(others, ", ") + "; only one sound of a camera is recorded"
	}
	return one
}

// Why sound is not recorded.
const (
	whySwitchedOff = "sound is switched off in the configuration; set audio: true to record it"
	whyAnother     = "only one sound of a camera is recorded"
	whyUnreadable  = "the camera's description of its sound cannot be read; set the camera to AAC or G.711"
)

// addSound sets up the first sound that can be recorded, if it is wanted, and notes what is left out. It returns why the camera refused
// one, or nil.
func (s *Session) addSound(at *base.URL, desc *description.Session) (refused error) {
	for _, m := range desc.Medias {
		if m.IsBackChannel {
			continue
		}
		for _, f := range m.Formats {
			a := newAudio(s, m, f)
			if a == nil && (m.Type != description.MediaTypeAudio || besides(f)) {
				continue
			}
			found := Sound{Codec: soundName(f)}
			switch {
			case a == nil:
				found.Why = whyNoCodec(found.Codec, f)
			case !s.opts.Audio:
				found.Off, found.Why = true, whySwitchedOff
			case s.audio != nil:
				found.Why = whyAnother
			default:
				if err := s.setupSound(at, a); err != nil {
					refused, found.Why = err, soundRefusal(err)
				} else {
					found.Recorded = true
				}
			}
			s.sounds = append(s.sounds, found)
		}
	}
	for _, name := range s.dialer.leftOut() {
		if codec, ok := strings.CutPrefix(name, "sound "); ok {
			codec, _, _ = strings.Cut(codec, "/")
			s.sounds = append(s.sounds, Sound{Codec: codec, Why: whyUnreadable})
		}
	}
	if s.audio != nil {
		refused, s.soundRefused = nil, ""
	}
	return refused
}

// setupSound sets up a sound. A camera may refuse it once and not again.
func (s *Session) setupSound(at *base.URL, a *audio) error {
	err := s.setup(at, a.medium)
	if statusOf(err) != 0 {
		err = s.setup(at, a.medium)
	}
	if err != nil {
		s.soundRefused = soundRefusal(err)
		s.opts.Logger.Info("camera refused its audio", "reason", s.soundRefused, "err", err)
		return err
	}
	s.audio, s.sound = a.track, a
	s.client.OnPacketRTP(a.medium, a.format, a.packet)
	s.client.OnPacketRTCP(a.medium, a.report)
	return nil
}

// withoutSound notes that the camera refused its sound in an earlier attempt.
func (s *Session) withoutSound(refused string) {
	s.soundRefused = refused
	for i := range s.sounds {
		if s.sounds[i].Off {
			s.sounds[i].Off, s.sounds[i].Why = false, refused
		}
	}
}

// besides reports whether a format only accompanies another: comfort noise (RFC 3389) and tones of a telephone (RFC 4733).
func besides(f format.Format) bool {
	name := strings.ToLower(codecName(f))
	return f.PayloadType() == 13 || name == "cn" || name == "telephone-event"
}

// whyNoCodec says why a format is not recorded.
func whyNoCodec(codec string, f format.Format) string {
	const instead = "set the camera to AAC or G.711"
	switch f := f.(type) {
	case *format.MPEG4Audio, *format.MPEG4AudioLATM, *format.Opus, *format.G711:
		return fmt.Sprintf("the camera's description of its sound (%s) makes no sense; %s", codec, instead)
	case *format.LPCM:
		return fmt.Sprintf("PCM of %d Hz with %d channels does not fit; %s", f.SampleRate, f.ChannelCount, instead)
	case *format.MPEG1Audio:
		return "browsers do not play MP2 and MP3 from MP4; " + instead
	}
	return fmt.Sprintf("Keepwatch does not decode %s; %s", codec, instead)
}

// soundName returns the name of a codec as people know it.
func soundName(f format.Format) string {
	switch f := f.(type) {
	case *format.MPEG4Audio:
		return "AAC"
	case *format.MPEG4AudioLATM:
		return "AAC (LATM)"
	case *format.Opus:
		return "Opus"
	case *format.G711:
		if f.MULaw {
			return "G.711 µ-law"
		}
		return "G.711 A-law"
	case *format.LPCM:
		return fmt.Sprintf("PCM, %d bits", f.BitDepth)
	case *format.G722:
		return "G.722"
	case *format.G726:
		return fmt.Sprintf("G.726, %d kbit/s", f.BitRate)
	case *format.MPEG1Audio:
		return "MPEG audio (MP2, MP3)"
	case *format.AC3:
		return "AC-3"
	case *format.Generic:
		if known := knownFormat(f); known != nil {
			return soundName(known)
		}
		if name := staticName(f.PayloadTyp); name != "" && f.RTPMa == "" {
			return name
		}
	}
	return clean(codecName(f))
}

// staticName returns the codec of a payload type without an rtpmap (RFC 3551 section 6), or "".
func staticName(payloadType uint8) string {
	switch payloadType {
	case 3:
		return "GSM"
	case 4:
		return "G.723"
	case 5, 6, 16, 17:
		return "DVI4"
	case 7:
		return "LPC"
	case 12:
		return "QCELP"
	case 15:
		return "G.728"
	case 18:
		return "G.729"
	}
	return ""
}

// knownFormat returns the format of a codec that the library knows only by its static payload type, or nil.
func knownFormat(f *format.Generic) format.Format {
	name, _, _ := strings.Cut(strings.ToLower(f.RTPMa), "/")
	switch {
	case name == "" && f.PayloadTyp == 2, name == "g721": // of before RFC 3551
		return &format.G726{PayloadTyp: f.PayloadTyp, BitRate: 32}
	case name == "g722":
		return &format.G722{}
	case name == "mpa", name == "mp3", name == "mpa-robust":
		return &format.MPEG1Audio{}
	}
	code, highFirst := strings.CutPrefix(name, "aal2-")
	if rate, ok := strings.CutPrefix(code, "g726-"); ok {
		kbits, err := strconv.Atoi(rate)
		if err == nil {
			return &format.G726{PayloadTyp: f.PayloadTyp, BitRate: kbits, BigEndian: highFirst}
		}
	}
	return nil
}
