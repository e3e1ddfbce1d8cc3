package sound

// The elements of an AAC frame (ISO/IEC 14496-3 4.4.2.1), with their identifiers.
const (
	aacSingle = 0 // a channel
	aacPair   = 1 // two channels
	aacLow    = 3 // the channel of low frequencies
	aacEnd    = 7
)

// SilentAAC returns an AAC-LC frame of silence for a channel configuration (ISO/IEC 14496-3 table 1.19), from 1 to 7. Of another it
// returns nil.
func SilentAAC(channelConfig int) []byte {
	if channelConfig < 1 || channelConfig > 7 {
		return nil
	}
	elements := [...][]uint64{1: {aacSingle}, 2: {aacPair}, 3: {aacSingle, aacPair}, 4: {aacSingle, aacPair, aacSingle}, 5: {aacSingle, aacPair, aacPair},
		6: {aacSingle, aacPair, aacPair, aacLow}, 7: {aacSingle, aacPair, aacPair, aacPair, aacLow}}[channelConfig]
	w := &bitWriter{}
	tags := [4]uint64{}
	for _, kind := range elements {
		w.put(kind, 3)
		w.put(tags[kind], 4) // element_instance_tag
		tags[kind]++
		if kind == aacPair {
			w.put(1, 1)         // common_window
			w.put(0, 1+2+1+6+1) // ics_info: long windows, no scale factor bands, no prediction
			w.put(0, 2)         // ms_mask_present
			w.channel(true)
			w.channel(true)
			continue
		}
		w.channel(false)
	}
	w.put(aacEnd, 3)
	w.align()
	return w.b
}

// channel writes an individual_channel_stream without scale factor bands, whose spectrum is zero.
func (w *bitWriter) channel(common bool) {
	w.put(100, 8) // global_gain
	if !common {
		w.put(0, 1+2+1+6+1) // ics_info
	}
	w.put(0, 3) // no pulses, no temporal noise shaping, no gain control
}
