package camera

import (
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
)

const (
	sdpHead  = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
	sdpVideo = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LADJoLE34mQ4A=,aM48gA==\r\na=control:track1\r\n"
)

// soundMedium returns the description of a sound medium.
func soundMedium(format, rtpmap, fmtp string) string {
	text := "m=audio 0 RTP/AVP " + format + "\r\n"
	if rtpmap != "" {
		text += "a=rtpmap:" + format + " " + rtpmap + "\r\n"
	}
	if fmtp != "" {
		text += "a=fmtp:" + fmtp + "\r\n"
	}
	return text + "a=control:track2\r\n"
}

// described returns what the library reads in a description.
func described(t *testing.T, text string) *description.Session {
	t.Helper()
	parsed, err := sdpunmarshaler.Unmarshal([]byte(text))
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	d := &description.Session{}
	if err := d.Unmarshal2(parsed); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return d
}

func TestOneBadLineCostsNoVideo(t *testing.T) {
	const aac = "streamtype=5;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;"
	for name, text := range map[string]string{
		"origin with fraction":      "v=0\r\no=- 1698143674.978737 1 IN IP4 10.0.0.1\r\ns=x\r\nt=0 0\r\n" + sdpVideo,
		"origin below zero":         "v=0\r\no=- -8959200248001175080 1 IN IP4 10.0.0.1\r\ns=x\r\nt=0 0\r\n" + sdpVideo,
		"origin of 64 bits":         "v=0\r\no=- 18446744073709551616 18446744073709551617 IN IP4 10.0.0.1\r\ns=x\r\nt=0 0\r\n" + sdpVideo,
		"origin without address":    "v=0\r\no=- 1001 1 IN \r\ns=x\r\nc=IN \r\nt=0 0\r\n" + sdpVideo,
		"no head":                   sdpVideo,
		"empty connection":          "v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=x\r\nc=\r\nt=0 0\r\n" + sdpVideo,
		"connection of nonsense":    sdpHead + strings.Replace(sdpVideo, "a=rtpmap", "c=IN IP9 x y z\r\na=rtpmap", 1),
		"identification with dash":  sdpHead + sdpVideo + "a=mid:video-0\r\n",
		"identification of one":     sdpHead + sdpVideo + "a=mid:0\r\n" + soundMedium("8", "PCMA/8000", ""),
		"key management":            sdpHead + sdpVideo + "a=key-mgmt:mikey !!!\r\n",
		"key management of session": sdpHead + "a=key-mgmt:prot x\r\n" + sdpVideo,
		"unknown medium":            sdpHead + sdpVideo + "m=vana 0 RTP/AVP 107\r\na=control:track9\r\n",
		"medium of a maker":         sdpHead + sdpVideo + "m=application/MERCURY 0 RTP/AVP smart/1/90000\r\na=rtpmap:95 MERCURY/90000\r\n",
		"text":                      sdpHead + sdpVideo + "m=text 0 RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n",
		"clock of 90001":            sdpHead + strings.Replace(sdpVideo, "90000", "90001", 1),
		"tail of zeros":             sdpHead + sdpVideo + "\x00\x00\x00",
		"parameter sets of garbage": sdpHead + strings.Replace(sdpVideo, "Z0LADJoLE34mQ4A=,aM48gA==", "%%%,???", 1),
		"spaces after the codec":    sdpHead + strings.Replace(sdpVideo, "H264/90000\r", "H264/90000 \r", 1),
		"spaces in parameters":      sdpHead + strings.Replace(sdpVideo, "packetization-mode=1;", "packetization-mode = 1; ; x =1 ;", 1),
		"format twice":              sdpHead + strings.Replace(sdpVideo, "RTP/AVP 96", "RTP/AVP 96 96", 1),
		"line feeds alone":          strings.ReplaceAll(sdpHead+sdpVideo, "\r\n", "\n"),
		"bandwidth of nonsense":     sdpHead + sdpVideo + "b=X:y:z\r\n",
		"control of nonsense":       sdpHead + "a=control:///\r\n" + sdpVideo,
		"sound without a number":    sdpHead + sdpVideo + "m=audio 0 RTP/AVP (null)\r\na=rtpmap\r\na=control:track=2\r\n",
		"sound without config":      sdpHead + sdpVideo + soundMedium("97", "MPEG4-GENERIC/16000/1", "97 "+aac),
		"sound with config zz":      sdpHead + sdpVideo + soundMedium("97", "MPEG4-GENERIC/16000/1", "97 "+aac+"config=zz"),
		"sound without clock":       sdpHead + sdpVideo + soundMedium("97", "MPEG4-GENERIC/0", "97 "+aac+"config=1408"),
		"sound in LATM, no config":  sdpHead + sdpVideo + soundMedium("98", "MP4A-LATM/16000/1", "98 cpresent=0;config="),
		"sound in Opus, odd":        sdpHead + sdpVideo + soundMedium("97", "opus/48000/1", "97 sprop-stereo=x"),
		"sound in L16 without rate": sdpHead + sdpVideo + soundMedium("97", "L16/8000", ""),
		"sound without rtpmap":      sdpHead + sdpVideo + soundMedium("100", "", ""),
		"sound first":               sdpHead + soundMedium("98", "MP4A-LATM/16000/1", "") + sdpVideo,
	} {
		t.Run(name, func(t *testing.T) {
			usable, _ := repairDescription([]byte(text))
			for _, m := range described(t, string(usable)).Medias {
				if f, ok := m.Formats[0].(*format.H264); ok {
					if f.PacketizationMode != 1 && name != "parameter sets of garbage" || m.Control != "track1" {
						t.Errorf("mode %d, control %q in\n%s", f.PacketizationMode, m.Control, usable)
					}
					return
				}
			}
			t.Errorf("no video in\n%s", usable)
		})
	}
}

func TestWhatIsLeftOutOfADescriptionIsNamed(t *testing.T) {
	given := sdpHead + sdpVideo + soundMedium("98", "MP4A-LATM/16000/1", "98 cpresent=0;config=") + "m=text 0 RTP/AVP 99\r\n"
	_, left := repairDescription([]byte(given))
	if len(left) != 1 || left[0] != "sound MP4A-LATM/16000/1" {
		t.Errorf("left out: %q", left)
	}
	if usable, left := repairDescription([]byte(sdpHead + sdpVideo + soundMedium("8", "PCMA/8000", ""))); len(left) > 0 || !strings.Contains(string(usable), "PCMA") {
		t.Errorf("a proper description lost %q:\n%s", left, usable)
	}
}

func TestSoundIsRepairedToo(t *testing.T) {
	for name, text := range map[string]string{
		"parameters of another type":   soundMedium("104", "MPEG4-GENERIC/16000", "97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408"),
		"no lengths before its frames": soundMedium("97", "MPEG4-GENERIC/16000", "97 config=1408"),
		"another mode":                 soundMedium("97", "MPEG4-GENERIC/16000", "97 mode=odd;sizelength=13;indexlength=3;indexdeltalength=3;config=1408"),
	} {
		usable, left := repairDescription([]byte(sdpHead + sdpVideo + text))
		d := described(t, string(usable))
		if len(d.Medias) != 2 || len(left) > 0 {
			t.Errorf("%s: %d media, without %q", name, len(d.Medias), left)
			continue
		}
		if f, ok := d.Medias[1].Formats[0].(*format.MPEG4Audio); !ok || f.Config.SampleRate != 16000 || f.SizeLength != 13 || f.IndexLength != 3 {
			t.Errorf("%s: %+v", name, d.Medias[1].Formats[0])
		}
	}
}

// FuzzDescription repairs any bytes. What it changes must be readable, and repairing it again must change nothing.
func FuzzDescription(f *testing.F) {
	f.Add([]byte(sdpHead + sdpVideo))
	f.Add([]byte(sdpHead + sdpVideo + soundMedium("97", "MPEG4-GENERIC/16000/1", "97 config=1408;x=y")))
	f.Add([]byte(sdpVideo + "a=key-mgmt:mikey AA==\r\na=crypto:1 x y\r\na=mid:\x00\r\n"))
	f.Add([]byte("m=video 0 RTP/SAVP 26 0 128 1\na=fmtp:26 a=b;c;=d\nm=audio 0 x 0"))
	f.Fuzz(func(t *testing.T, given []byte) {
		if len(given) > 4<<10 {
			return
		}
		usable, _ := repairDescription(given)
		if string(usable) == string(given) {
			return
		}
		if !readable(string(usable)) {
			t.Fatalf("unreadable:\n%s", usable)
		}
		if again, left := repairDescription(usable); string(again) != string(usable) || len(left) > 0 {
			t.Fatalf("%q was repaired again, without %q:\n%s", usable, left, again)
		}
	})
}
