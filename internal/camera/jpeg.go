package camera

import (
	"encoding/binary"
	"errors"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmjpeg"
	"github.com/pion/rtp"
)

// jpegReader turns RTP packets into JPEG files (RFC 2435). It adds to the library's decoder the restart markers of section 3.1.7, and
// the header extension in which cameras say the size of pictures wider or higher than 2040 pixels (ONVIF Streaming Specification 5.1.3).
type jpegReader struct {
	decoder       *rtpmjpeg.Decoder
	interval      uint16 // between restart markers, in MCUs; 0 for none
	width, height uint16 // of the picture; 0 if the payload says it
}

const (
	jpegHeader    = 8      // length of the main header, section 3.1
	withRestart   = 64     // is added to the type
	jpegExtension = 0xffd8 // profile of the header extension

	markerSOF0, markerSOS, markerDRI = 0xc0, 0xda, 0xdd // T.81 table B.1
)

var errShortJPEG = errors.New("JPEG packet too short")

// decode returns the file that the packet completes.
func (j *jpegReader) decode(pkt *rtp.Packet) ([][]byte, error) {
	b := pkt.Payload
	if len(b) < jpegHeader {
		return nil, errShortJPEG
	}
	first, interval := b[1]|b[2]|b[3] == 0, uint16(0)
	if kind := b[4]; kind >= withRestart && kind < 2*withRestart {
		if len(b) < jpegHeader+4 {
			return nil, errShortJPEG
		}
		interval = binary.BigEndian.Uint16(b[jpegHeader:])
		plain := append(append(make([]byte, 0, len(b)-4), b[:jpegHeader]...), b[jpegHeader+4:]...)
		plain[4] -= withRestart
		changed := *pkt
		changed.Payload, pkt = plain, &changed
	}
	if first {
		j.interval, j.width, j.height = interval, 0, 0
		if pkt.Extension && pkt.ExtensionProfile == jpegExtension {
			j.width, j.height = jpegSize(pkt.GetExtension(0))
		}
	}
	file, err := j.decoder.Decode(pkt)
	if err != nil {
		return nil, err
	}
	return [][]byte{j.complete(file)}, nil
}

// complete puts size and restart interval into the file's header.
func (j *jpegReader) complete(file []byte) []byte {
	if j.interval == 0 && j.width == 0 {
		return file
	}
	for at := 2; at+4 <= len(file); {
		switch file[at+1] {
		case markerSOF0:
			if j.width > 0 && at+9 <= len(file) {
				binary.BigEndian.PutUint16(file[at+5:], j.height)
				binary.BigEndian.PutUint16(file[at+7:], j.width)
			}
		case markerSOS:
			if j.interval == 0 {
				return file
			}
			out := append(make([]byte, 0, len(file)+6), file[:at]...)
			out = binary.BigEndian.AppendUint16(append(out, 0xff, markerDRI, 0, 4), j.interval)
			return append(out, file[at:]...)
		}
		at += 2 + int(binary.BigEndian.Uint16(file[at+2:]))
	}
	return file
}

// jpegSize finds the size of the picture among the segments of the header extension; zero if it is not there.
func jpegSize(b []byte) (width, height uint16) {
	for at := 0; at+4 <= len(b) && b[at] == 0xff; {
		if b[at+1] == 0xff { // padding
			at++
			continue
		}
		if b[at+1] == 0xd8 { // without content
			at += 2
			continue
		}
		if b[at+1] == markerSOF0 && at+9 <= len(b) {
			return binary.BigEndian.Uint16(b[at+7:]), binary.BigEndian.Uint16(b[at+5:])
		}
		at += 2 + int(binary.BigEndian.Uint16(b[at+2:]))
	}
	return 0, 0
}
