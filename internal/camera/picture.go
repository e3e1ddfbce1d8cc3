package camera

import (
	"time"
)

const (
	// maxPictureBytes and maxPictureUnits bound one access unit. Key frames of 4K have up to 2 MB.
	maxPictureBytes = 16 << 20
	maxPictureUnits = 4096
	// enoughMarkers is how many pictures in a row must have ended with the marker before it is relied on.
	enoughMarkers = 4
)

// picture collects the NAL units of one access unit. It ends where the next one begins: with another timestamp, with the first slice
// of another picture, or with what precedes one.
type picture struct {
	begun  bool
	time   packetTime // of its first packet
	last   time.Time  // arrival of its newest packet
	nalus  [][]byte
	size   int
	slice  []byte // the first one
	marked bool   // its newest packet had the marker
}

// markers learns whether the marker ends a picture (RFC 6184 section 5.1, RFC 7798 section 4.1). With it a picture is complete one
// packet earlier. Some cameras set it on each slice.
type markers struct {
	agreed int // pictures in a row that ended with the marker
	wrong  bool
	ended  uint32 // timestamp of the newest picture that was ended by it
	relied bool   // ended is set
}

func (m *markers) reliable() bool { return !m.wrong && m.agreed >= enoughMarkers }

// begin begins a picture with a packet, if none has begun.
func (v *video) begin(t packetTime) {
	if !v.open.begun {
		v.open = picture{begun: true, time: t, last: t.at}
	}
}

// add adds a NAL unit to the picture, or to the next one if it begins that.
func (v *video) add(nalu []byte, t packetTime) {
	if len(nalu) <= v.headerSize() {
		return
	}
	slice, first := v.coded(nalu)
	if v.open.slice != nil && (first && slice && !v.sameFrame(v.open.slice, nalu) || v.precedes(nalu)) {
		v.finish()
	}
	v.begin(t)
	p := &v.open
	if torn := slice && !first && p.slice == nil && v.markers.relied && v.markers.ended == t.stamp; torn || slice && p.marked {
		v.markers.wrong, v.damage = true, v.damage || torn // the marker before did not end the picture
	}
	if slice && p.slice == nil {
		p.slice = nalu
	}
	p.nalus, p.size = append(p.nalus, nalu), p.size+len(nalu)
	if p.size > maxPictureBytes || len(p.nalus) > maxPictureUnits {
		v.open, v.damage = picture{}, true
	}
}

// mark notes a packet with the marker.
func (v *video) mark() {
	if v.open.marked = v.open.slice != nil; v.open.marked && v.markers.reliable() {
		v.markers.ended, v.markers.relied = v.open.time.stamp, true
		v.finish()
	}
}

// finish ends the picture.
func (v *video) finish() {
	p := v.open
	v.open = picture{}
	if !p.begun {
		return
	}
	if p.slice != nil {
		v.session.watch.saw(p.last)
		if p.marked {
			v.markers.agreed++
		} else {
			v.markers.agreed = 0
		}
	}
	if len(p.nalus) > 0 {
		v.unit(&p)
	}
	v.held = 0
}

// late is how long a picture waits for more of it.
const late = time.Second

// flush ends a picture whose newest packet came before a time.
func (v *video) flush(before time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open.begun && v.open.last.Before(before) {
		v.finish()
	}
}
