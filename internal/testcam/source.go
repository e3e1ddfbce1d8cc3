package testcam

import (
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"

	"keepwatch.internal/internal/media"
)

// unit is one item of a source: a frame or a packet of audio.
type unit struct {
	audio bool
	at    time.Duration // when it was captured, since the start of the run, for RTCP sender reports
	ticks int64         // its presentation time since then, in the format's clock
	data  [][]byte      // NAL units, or one audio frame; nil if nobody was watching
	frame uint64        // number of the frame, 0 for audio
	// packets may replace data: RTP packets that only need their timestamp.
	packets []*rtp.Packet
}

// source makes the units of one stream, in decoding order. It is used by one goroutine.
type source interface {
	// formats returns descriptions for SDP; audio is nil if there is none. Each call makes new ones.
	formats() (video, audio format.Format)
	// due returns when the next unit is to be sent, since the start of the run.
	due() time.Duration
	// next returns that unit. Unless watched, it may omit the data. key requests a key frame.
	next(watched, key bool) unit
	// restart begins a new run at frame 1, started at epoch.
	restart(run uint32, epoch time.Time)
}

// drawn is the source that draws and encodes frames.
type drawn struct {
	camera  *Camera
	quality media.Quality
	video   Video
	painter *painter
	encoder *encoder
	sound   *sound // nil without
	run     uint32
	epoch   time.Time
	frame   uint64 // of the next picture
	packet  uint64 // of the next sound
}

func newDrawn(c *Camera, q media.Quality, s *scenery, location *time.Location) *drawn {
	v := c.video(q)
	d := &drawn{
		camera: c, quality: q, video: v,
		painter: newPainter(v.Width, v.Height, s, c.Label, location),
		encoder: newEncoder(v.Width, v.Height, v.FPS, c.Code),
	}
	switch c.Audio {
	case NoAudio:
	case Packed:
		d.sound = c.Packets.sound()
	default:
		d.sound = newSound(c.Audio, c.Code)
	}
	return d
}

func (d *drawn) restart(run uint32, epoch time.Time) {
	d.run, d.epoch, d.frame, d.packet = run, epoch, 1, 1
	d.encoder.started = false
}

func (d *drawn) formats() (video, audio format.Format) {
	video = &format.H264{PayloadTyp: 96, SPS: d.encoder.sps, PPS: d.encoder.pps, PacketizationMode: 1}
	switch d.camera.Audio {
	case AAC:
		audio = &format.MPEG4Audio{
			PayloadTyp: 97, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3,
			Config: &mpeg4audio.AudioSpecificConfig{
				Type: mpeg4audio.ObjectTypeAACLC, SampleRate: aacRate, ChannelConfig: 1,
			},
		}
	case PCMU:
		audio = &format.G711{PayloadTyp: 0, MULaw: true, SampleRate: pcmuRate, ChannelCount: 1}
	case PCMA:
		audio = &format.G711{PayloadTyp: 8, SampleRate: pcmuRate, ChannelCount: 1}
	case Packed:
		audio = d.camera.Packets.format()
	}
	return video, audio
}

func (d *drawn) videoDue() time.Duration {
	return time.Duration(d.frame-1) * time.Second / time.Duration(d.video.FPS)
}

func (d *drawn) due() time.Duration {
	if d.sound == nil {
		return d.videoDue()
	}
	return min(d.videoDue(), d.sound.due(d.packet))
}

func (d *drawn) next(watched, key bool) unit {
	due := d.due()
	m := Mark{Camera: d.camera.Code, Quality: d.quality, Run: d.run, Time: d.epoch.Add(due).Truncate(time.Microsecond)}
	if due < d.videoDue() {
		m.Frame = d.packet
		d.packet++
		u := unit{audio: true, at: due, ticks: int64(m.Frame-1) * int64(d.sound.samples)}
		if watched {
			u.data = [][]byte{d.sound.packet(m)}
		}
		return u
	}
	m.Frame = d.frame
	d.frame++
	u := unit{at: due, ticks: int64(m.Frame-1) * media.VideoTimescale / int64(d.video.FPS), frame: m.Frame}
	if !watched {
		d.encoder.started = false
		return u
	}
	gop := max(1, uint64(d.video.GOP*time.Duration(d.video.FPS)/time.Second))
	u.data = d.picture(m, key || (m.Frame-1)%gop == 0)
	return u
}

// picture returns the access unit of a mark.
func (d *drawn) picture(m Mark, key bool) [][]byte {
	key = key || !d.encoder.started
	slice := d.encoder.encode(d.painter.paint(m), key, d.painter.exact)
	if key {
		return [][]byte{d.encoder.sps, d.encoder.pps, markSEI(m), slice}
	}
	return [][]byte{markSEI(m), slice}
}
