package probe

import (
	"net/url"
	"slices"
	"strings"
)

// Pattern is the paths of a camera's main and sub stream, as its makers document them.
type Pattern struct {
	Main, Sub string // path and query; Sub is empty if there is no common one
}

// Common returns the fifteen commonest patterns, the commonest first. They are tried only when a person asks for it.
func Common() []Pattern {
	return []Pattern{
		{"/Streaming/Channels/101", "/Streaming/Channels/102"},
		{"/cam/realmonitor?channel=1&subtype=0", "/cam/realmonitor?channel=1&subtype=1"},
		{"/h264Preview_01_main", "/h264Preview_01_sub"},
		{"/stream1", "/stream2"},
		{"/axis-media/media.amp", "/axis-media/media.amp?resolution=640x360"},
		{"/live/ch0", "/live/ch1"},
		{"/media/video1", "/media/video2"},
		{"/videoMain", "/videoSub"},
		{"/profile1/media.smp", "/profile2/media.smp"},
		{"/ch0_0.h264", "/ch0_1.h264"},
		{"/11", "/12"},
		{"/live/main", "/live/sub"},
		{"/h264/ch1/main/av_stream", "/h264/ch1/sub/av_stream"},
		{"/onvif1", "/onvif2"},
		{"/live", ""},
	}
}

// On returns the addresses of the pattern at the host of base, with its login. sub is nil if there is none.
func (p Pattern) On(base *url.URL) (main, sub *url.URL) {
	main = at(base, p.Main)
	if p.Sub != "" {
		sub = at(base, p.Sub)
	}
	return main, sub
}

func at(base *url.URL, path string) *url.URL {
	u := *base
	u.Path, u.RawQuery, _ = strings.Cut(path, "?")
	u.RawPath = ""
	return &u
}

// SubOf returns where the sub stream of a common main stream usually is, or nil if the path of main is not a common one.
func SubOf(main *url.URL) *url.URL {
	all := Common()
	i := slices.IndexFunc(all, func(p Pattern) bool {
		m, _ := p.On(main)
		return m.Path == main.Path && m.RawQuery == main.RawQuery
	})
	if i < 0 {
		return nil
	}
	_, sub := all[i].On(main)
	return sub
}
