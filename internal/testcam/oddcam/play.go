package oddcam

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"
)

// firstSequence and firstTime are where RTP begins to count. Neither is zero, as RFC 3550 section 5.1 asks for.
const firstSequence, firstTime = 1000, 1_000_000

// due is a packet and when it is sent.
type due struct {
	medium, number int
	at             time.Duration
}

// schedule returns all packets in the order of sending.
func (o *Options) schedule() []due {
	var all []due
	for i := range o.Film.Media {
		m := &o.Film.Media[i]
		for n, p := range m.Packets {
			at := p.At
			if !m.Pictures() {
				at += o.Shift
			}
			all = append(all, due{i, n, at})
		}
	}
	slices.SortStableFunc(all, func(a, b due) int { return int(a.at - b.at) })
	if o.When != nil {
		latest := time.Duration(0)
		for i := range all {
			latest = max(latest, o.When(all[i].at))
			all[i].at = latest
		}
	}
	return all
}

// play sends the film from the present moment to its end, and then ends the connection.
func (v *viewer) play(began time.Time) {
	o := &v.camera.o
	from := time.Since(began)
	report := from
	for _, d := range o.schedule() {
		if d.at < from-50*time.Millisecond || v.channels[d.medium] == noChannel {
			continue
		}
		if !v.until(began.Add(d.at)) {
			return
		}
		if o.Reports > 0 && d.at >= report {
			report = d.at + o.Reports
			for i := range o.Film.Media {
				if v.channels[i] != noChannel && v.write(v.report(i, began)) != nil {
					return
				}
			}
		}
		if !v.send(d) {
			return
		}
	}
	v.camera.end()
	if v.until(time.Now().Add(300 * time.Millisecond)) {
		_ = v.conn.Close()
	}
}

// until waits for a moment. It returns false when the camera stops.
func (v *viewer) until(t time.Time) bool {
	wait := time.Until(t)
	if wait <= 0 {
		return v.camera.ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-v.camera.ctx.Done():
		return false
	}
}

// stamp returns the RTP timestamp of a moment of the film.
func (o *Options) stamp(ticks int64) uint32 {
	if o.Pace != 0 {
		ticks = int64(float64(ticks) * o.Pace)
	}
	return uint32(firstTime + ticks)
}

func (v *viewer) send(d due) bool {
	o := &v.camera.o
	m := &o.Film.Media[d.medium]
	out := Outgoing{Packet: m.Packets[d.number], Medium: d.medium, Pictures: m.Pictures(), Number: d.number, Sequence: uint16(firstSequence + d.number),
		Type: m.payloadType(), Source: source(d.medium), Channel: v.channels[d.medium]}
	out.Time = o.stamp(int64(out.Stamp))
	if o.Send == nil {
		return v.write(out.Marshal()) == nil
	}
	for _, b := range o.Send(out) {
		if v.write(b) != nil {
			return false
		}
	}
	return true
}

// source is the SSRC of a medium.
func source(medium int) uint32 { return 0x0dd0_0000 + uint32(medium) }

// payloadType returns the payload type of the medium.
func (m *Medium) payloadType() byte {
	if words := strings.Fields(m.Lines); len(words) > 3 {
		if n, err := strconv.Atoi(words[3]); err == nil {
			return byte(n)
		}
	}
	return 96
}

// report returns a sender report (RFC 3550 section 6.4.1) of a medium at the present moment.
func (v *viewer) report(medium int, began time.Time) []byte {
	o := &v.camera.o
	now := time.Now()
	clock := now
	if o.Clock != nil {
		clock = o.Clock(now)
	}
	stamp := o.stamp(int64(now.Sub(began).Seconds() * float64(o.Film.Media[medium].Clock)))
	b := []byte{'$', v.channels[medium] + 1, 0, 28, 0x80, 200, 0, 6}
	b = binary.BigEndian.AppendUint32(b, source(medium))
	// Seconds since 1900, RFC 5905 section 6.
	b = binary.BigEndian.AppendUint32(b, uint32(clock.Unix()+2208988800))
	b = binary.BigEndian.AppendUint32(b, uint32(uint64(clock.Nanosecond())<<32/1e9))
	b = binary.BigEndian.AppendUint32(b, stamp)
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0)
}
