package camera

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
)

// sdpMedium is a medium of a session description (RFC 8866 section 5.14), with the attributes that matter here.
type sdpMedium struct {
	kind    string // audio or video
	proto   string
	formats []string          // payload types
	rtpmap  map[string]string // by payload type
	fmtp    map[string][]string
	plain   []string // other attributes
}

// lines returns the medium as text.
func (m *sdpMedium) lines() string {
	var b strings.Builder
	b.WriteString("m=" + m.kind + " 0 " + m.proto + " " + strings.Join(m.formats, " ") + "\r\n")
	for _, f := range m.formats {
		if name := m.rtpmap[f]; name != "" {
			b.WriteString("a=rtpmap:" + f + " " + name + "\r\n")
		}
		if parameters := m.fmtp[f]; len(parameters) > 0 {
			b.WriteString("a=fmtp:" + f + " " + strings.Join(parameters, ";") + "\r\n")
		}
	}
	for _, a := range m.plain {
		b.WriteString("a=" + a + "\r\n")
	}
	return b.String()
}

// name returns the medium's kind and codec for people.
func (m *sdpMedium) name(format string) string {
	kind := map[string]string{"audio": "sound", "video": "pictures"}[m.kind]
	if codec := clean(m.rtpmap[format]); codec != "" {
		return kind + " " + codec
	}
	return kind + " of type " + format
}

// repairDescription returns a session description that the library can read, and names what had to be left out. The library
// refuses a whole description for one bad line. This keeps only what video and sound need, tries each format alone, and leaves out
// first a parameter, then the format. A description without anything usable is returned as it is.
func repairDescription(given []byte) (usable []byte, left []string) {
	head, media := parseDescription(string(given))
	var kept strings.Builder
	for _, m := range media {
		var good []string
		for _, f := range m.formats {
			if m.repairFormat(head, f) {
				good = append(good, f)
			} else {
				left = append(left, m.name(f))
			}
		}
		if m.formats = good; len(good) > 0 {
			kept.WriteString(m.lines())
		}
	}
	if kept.Len() == 0 || !readable(head+kept.String()) {
		return given, left
	}
	return []byte(head + kept.String()), left
}

// readable reports whether the library can read a description.
func readable(text string) bool {
	parsed, err := sdpunmarshaler.Unmarshal([]byte(text))
	if err != nil {
		return false
	}
	var d description.Session
	return d.Unmarshal2(parsed) == nil
}

// repairFormat makes one format of the medium readable, and reports whether it is.
func (m *sdpMedium) repairFormat(head, format string) bool {
	one := *m
	one.formats = []string{format}
	if readable(head + one.lines()) {
		return true
	}
	all := m.fmtp[format]
	try := func(parameters []string) bool {
		one.fmtp = map[string][]string{format: parameters}
		if !readable(head + one.lines()) {
			return false
		}
		m.fmtp[format] = parameters
		return true
	}
	for i := range all {
		if try(slices.Delete(slices.Clone(all), i, i+1)) {
			return true
		}
	}
	return try(nil)
}

// maxDescribedMedia bounds the media that are looked at.
const maxDescribedMedia = 32

// parseDescription returns the head of a description, rewritten, and its audio and video media.
func parseDescription(text string) (head string, media []*sdpMedium) {
	title, control, keys := "-", "", ""
	var m *sdpMedium // nil for a medium that is neither
	begun := false
	for line := range strings.Lines(text) {
		letter, value, _ := strings.Cut(strings.Trim(line, " \t\r\n\x00"), "=")
		key, _, _ := strings.Cut(value, ":")
		switch {
		case letter == "m":
			begun = true
			if m = newMedium(value); m != nil && len(media) < maxDescribedMedia {
				media = append(media, m)
			}
		case !begun && letter == "s" && value != "":
			title = value
		case !begun && letter == "a" && key == "control" && validControl(value):
			control = "a=" + value + "\r\n"
		case !begun && letter == "a" && key == "key-mgmt":
			keys = "a=" + value + "\r\n"
		case m != nil && letter == "a":
			m.attribute(value)
		}
	}
	for _, m := range media {
		m.tidy()
	}
	head = "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=" + title + "\r\nt=0 0\r\n"
	if keys != "" && readable(head+keys+"m=video 0 RTP/AVP 96\r\n") {
		head += keys
	}
	return head + control, media
}

// validControl reports whether a session's control attribute (RFC 2326 appendix C.1.1) is one that the library accepts.
func validControl(attribute string) bool {
	address := strings.TrimPrefix(attribute, "control:")
	_, err := base.ParseURL(address)
	return address == "*" || err == nil
}

// newMedium parses the value of an m= line. It returns nil for a medium that is neither audio nor video.
func newMedium(value string) *sdpMedium {
	f := strings.Fields(value)
	if len(f) < 4 || f[0] != "audio" && f[0] != "video" {
		return nil
	}
	m := &sdpMedium{kind: f[0], proto: "RTP/AVP", rtpmap: map[string]string{}, fmtp: map[string][]string{}}
	if strings.Contains(f[2], "SAVP") {
		m.proto = "RTP/SAVP"
	}
	for _, format := range f[3:] {
		if n, err := strconv.ParseUint(format, 10, 7); err == nil && !slices.Contains(m.formats, strconv.FormatUint(n, 10)) {
			m.formats = append(m.formats, strconv.FormatUint(n, 10))
		}
	}
	return m
}

// attribute keeps an attribute if it matters.
func (m *sdpMedium) attribute(text string) {
	key, value, _ := strings.Cut(text, ":")
	format, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	switch key {
	case "rtpmap":
		m.rtpmap[format] = strings.TrimSpace(rest)
	case "fmtp":
		for p := range strings.SplitSeq(rest, ";") {
			name, value, _ := strings.Cut(p, "=")
			if name = strings.TrimSpace(name); name != "" {
				m.fmtp[format] = append(m.fmtp[format], name+"="+strings.TrimSpace(value))
			}
		}
	case "control", "sendonly", "recvonly", "sendrecv", "crypto":
		m.plain = append(m.plain, text)
	case "key-mgmt":
		if m.proto == "RTP/SAVP" {
			m.plain = append(m.plain, text)
		}
	}
}

// videoClock matches the rtpmap of a video codec whose clock has 90 kHz by its standard (RFC 6184 section 8.2.1, RFC 7798 section
// 7.2.1), whatever the camera says.
var videoClock = regexp.MustCompile(`(?i)^(h26[45])/\d+$`)

// aacSizes are the lengths of the fields before each AAC frame (RFC 3640 section 3.3.6), which some cameras do not tell.
var aacSizes = []string{"sizelength=13", "indexlength=3", "indexdeltalength=3"}

// tidy repairs what is known to be said wrongly.
func (m *sdpMedium) tidy() {
	if len(m.formats) == 1 && len(m.fmtp) == 1 && m.fmtp[m.formats[0]] == nil { // parameters of a type that there is not
		for _, parameters := range m.fmtp {
			m.fmtp = map[string][]string{m.formats[0]: parameters}
		}
	}
	for _, f := range m.formats {
		m.rtpmap[f] = videoClock.ReplaceAllString(m.rtpmap[f], "$1/90000")
		m.fmtp[f] = repairSets(m.fmtp[f])
		if strings.HasPrefix(strings.ToLower(m.rtpmap[f]), "mpeg4-generic/") && !slices.ContainsFunc(m.fmtp[f], isSizeLength) {
			m.fmtp[f] = append(m.fmtp[f], aacSizes...)
		}
	}
}

func isSizeLength(parameter string) bool {
	return strings.HasPrefix(strings.ToLower(parameter), "sizelength=")
}
