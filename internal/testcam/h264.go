package testcam

// An H.264 encoder (ITU-T H.264, ISO/IEC 14496-10): constrained baseline, one slice a frame. Changed macroblocks are
// Intra_16x16, those that must be bit-exact are I_PCM, and all others are P_Skip.

// The NAL unit headers written: nal_ref_idc and nal_unit_type.
const (
	nalSlice = 0x61
	nalIDR   = 0x65
	nalSEI   = 0x06
	nalSPS   = 0x67
	nalPPS   = 0x68
)

// sliceQP is the quantiser of all frames: text stays sharp, and a key frame of 640×360 takes about 25 kB.
const sliceQP = 24

const maxFrameNumBits = 16

// encoder turns frames into access units. It is not safe for concurrent use.
type encoder struct {
	sps, pps  []byte
	quantiser quantiser
	recon     *picture    // what a decoder shows
	last      *picture    // the previous source frame
	totals    [][24]uint8 // coefficients of each 4×4 block: 16 luma, 4 Cb, 4 Cr, row by row
	frameNum  uint32
	idrID     uint32
	started   bool
	w         bitWriter
	scratch   block
}

// newEncoder returns an encoder for frames of size w×h, cropped from the next multiple of 16. Its SPS contains code.
func newEncoder(w, h, fps int, code uint32) *encoder {
	pw, ph := (w+15)&^15, (h+15)&^15
	return &encoder{
		sps:       writeSPS(w, h, fps, code),
		pps:       writePPS(),
		quantiser: newQuantiser(sliceQP),
		recon:     newPicture(pw, ph),
		last:      newPicture(pw, ph),
		totals:    make([][24]uint8, pw/16*ph/16),
	}
}

// levelOf returns level_idc for a size and rate, table A-1.
func levelOf(w, h, fps int) uint32 {
	blocks := (w + 15) / 16 * ((h + 15) / 16)
	rate := blocks * fps
	switch {
	case blocks <= 1620 && rate <= 40500:
		return 30
	case blocks <= 3600 && rate <= 108000:
		return 31
	case blocks <= 8192 && rate <= 245760:
		return 40
	}
	return 51
}

// writeSPS writes a sequence parameter set, clause 7.3.2.1. num_units_in_tick is the camera's code, and time_scale is
// 2·fps·code, so that the frame rate is right and the fraction identifies the camera.
func writeSPS(w, h, fps int, code uint32) []byte {
	var b bitWriter
	b.put(66, 8)   // profile_idc: baseline
	b.put(0xc0, 8) // constraint_set0_flag, constraint_set1_flag: constrained baseline
	b.put(levelOf(w, h, fps), 8)
	b.ue(0) // seq_parameter_set_id
	b.ue(maxFrameNumBits - 4)
	b.ue(2) // pic_order_cnt_type: output order is decoding order
	b.ue(1) // max_num_ref_frames
	b.put(0, 1)
	pw, ph := (w+15)/16, (h+15)/16
	b.ue(uint32(pw - 1))
	b.ue(uint32(ph - 1))
	b.put(1, 1) // frame_mbs_only_flag
	b.put(1, 1) // direct_8x8_inference_flag
	if pw*16 == w && ph*16 == h {
		b.put(0, 1)
	} else {
		b.put(1, 1)
		b.ue(0)
		b.ue(uint32(pw*16-w) / 2)
		b.ue(0)
		b.ue(uint32(ph*16-h) / 2)
	}
	b.put(1, 1) // vui_parameters_present_flag, annex E.1.1
	b.put(1, 1) // aspect_ratio_info_present_flag
	b.put(1, 8) // square samples
	b.put(0, 1)
	b.put(1, 1) // video_signal_type_present_flag
	b.put(5, 3) // unspecified format
	b.put(0, 1) // limited range
	b.put(1, 1) // colour_description_present_flag: BT.709
	b.put(0x010101, 24)
	b.put(0, 1)
	b.put(1, 1) // timing_info_present_flag
	b.put(code, 32)
	b.put(uint32(2*fps)*code, 32)
	b.put(1, 1) // fixed_frame_rate_flag
	b.put(0, 3) // no HRD parameters, no pic_struct
	b.put(1, 1) // bitstream_restriction_flag
	b.put(1, 1)
	b.ue(0)
	b.ue(0)
	b.ue(10)
	b.ue(10)
	b.ue(0) // max_num_reorder_frames
	b.ue(1) // max_dec_frame_buffering
	return nalUnit(nalSPS, b.trailing())
}

// writePPS writes the picture parameter set, clause 7.3.2.2.
func writePPS() []byte {
	var b bitWriter
	b.ue(0)
	b.ue(0)
	b.put(0, 1) // entropy_coding_mode_flag: CAVLC
	b.put(0, 1)
	b.ue(0)
	b.ue(0)
	b.ue(0)
	b.put(0, 3)
	b.se(sliceQP - 26)
	b.se(0)
	b.se(0)
	b.put(1, 1) // deblocking_filter_control_present_flag
	b.put(0, 2)
	return nalUnit(nalPPS, b.trailing())
}

// encode returns the slice of src. Macroblocks for which exact returns true are written as I_PCM. A key frame contains all
// macroblocks, any other frame only those that changed since the last call. The first call always makes a key frame.
func (e *encoder) encode(src *picture, key bool, exact func(mx, my int) bool) []byte {
	key = key || !e.started
	e.w.reset()
	e.sliceHeader(key)
	cols, rows := src.w/16, src.h/16
	skipped := uint32(0)
	for my := range rows {
		for mx := range cols {
			if !key {
				if src.sameBlock(e.last, mx, my) {
					skipped++
					e.totals[my*cols+mx] = [24]uint8{}
					continue
				}
				e.w.ue(skipped)
				skipped = 0
			}
			if exact(mx, my) {
				e.pcm(src, mx, my, key)
			} else {
				e.intra(src, mx, my, key)
			}
			e.last.copyBlock(src, mx, my)
		}
	}
	if skipped > 0 {
		e.w.ue(skipped)
	}
	e.started = true
	e.frameNum = (e.frameNum + 1) % (1 << maxFrameNumBits)
	header := byte(nalSlice)
	if key {
		header = nalIDR
	}
	return nalUnit(header, e.w.trailing())
}

// sliceHeader writes clause 7.3.3.
func (e *encoder) sliceHeader(key bool) {
	b := &e.w
	b.ue(0) // first_mb_in_slice
	if key {
		e.frameNum = 0
		e.idrID = (e.idrID + 1) % 2
		b.ue(7) // slice_type: I, as are all slices of the picture
		b.ue(0)
		b.put(0, maxFrameNumBits)
		b.ue(e.idrID)
		b.put(0, 2) // dec_ref_pic_marking
	} else {
		b.ue(5) // slice_type: P
		b.ue(0)
		b.put(e.frameNum, maxFrameNumBits)
		b.put(0, 1) // num_ref_idx_active_override_flag
		b.put(0, 1) // ref_pic_list_modification_flag_l0
		b.put(0, 1) // adaptive_ref_pic_marking_mode_flag
	}
	b.se(0) // slice_qp_delta
	b.ue(1) // disable_deblocking_filter_idc: off, so that the reconstruction is known here
}

// mbType writes mb_type; types of I macroblocks are five higher in P slices, table 7-13.
func (e *encoder) mbType(t uint32, key bool) {
	if !key {
		t += 5
	}
	e.w.ue(t)
}

// pcm writes a macroblock sample by sample.
func (e *encoder) pcm(src *picture, mx, my int, key bool) {
	e.mbType(25, key)
	e.w.align()
	for y := range 16 {
		at := (16*my+y)*src.w + 16*mx
		e.w.bytes(src.y[at : at+16])
	}
	for _, plane := range [][]uint8{src.cb, src.cr} {
		for y := range 8 {
			at := (8*my+y)*src.w/2 + 8*mx
			e.w.bytes(plane[at : at+8])
		}
	}
	e.recon.copyBlock(src, mx, my)
	totals := &e.totals[my*src.w/16+mx]
	for i := range totals {
		totals[i] = 16
	}
}

// intra writes a macroblock as Intra_16x16.
func (e *encoder) intra(src *picture, mx, my int, key bool) {
	b := &e.scratch
	e.luma(b, src, mx, my)
	e.chroma(b, src, mx, my)
	t := 1 + b.mode + 4*b.chroma
	if b.hasAC {
		t += 12
	}
	e.mbType(uint32(t), key)
	e.w.ue(0) // intra_chroma_pred_mode: DC
	e.w.se(0) // mb_qp_delta
	at := my*src.w/16 + mx
	totals := &e.totals[at]
	*totals = [24]uint8{}
	e.w.residual(b.dc[:], e.context(at, mx, my, grid{0, 4}, 0))
	if b.hasAC {
		for _, i := range blockOrder {
			nC := e.context(at, mx, my, grid{0, 4}, i)
			totals[i] = uint8(e.w.residual(b.ac[i][:], nC))
		}
	}
	if b.chroma > 0 {
		e.w.residual(b.chromaDC[0][:], -1)
		e.w.residual(b.chromaDC[1][:], -1)
	}
	if b.chroma < 2 {
		return
	}
	for p := range 2 {
		for i := range 4 {
			nC := e.context(at, mx, my, grid{16 + 4*p, 2}, i)
			totals[16+4*p+i] = uint8(e.w.residual(b.chromaAC[p][i][:], nC))
		}
	}
}

// grid is the position of a plane's totals among a macroblock's: side×side of them from base on.
type grid struct{ base, side int }

// context returns nC, clause 9.2.1, of block i of a plane of the macroblock at (mx, my), whose number is at.
func (e *encoder) context(at, mx, my int, p grid, i int) int {
	base, side := p.base, p.side
	x, y := i%side, i/side
	sum, n := 0, 0
	switch {
	case x > 0:
		sum, n = int(e.totals[at][base+i-1]), 1
	case mx > 0:
		sum, n = int(e.totals[at-1][base+i+side-1]), 1
	}
	switch {
	case y > 0:
		sum, n = sum+int(e.totals[at][base+i-side]), n+1
	case my > 0:
		sum, n = sum+int(e.totals[at-e.recon.w/16][base+i+side*(side-1)]), n+1
	}
	if n == 2 {
		return (sum + 1) / 2
	}
	return sum
}
