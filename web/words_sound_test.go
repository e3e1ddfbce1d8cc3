package web

import (
	"slices"
	"testing"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/web/view"
)

func TestEachStreamsSoundIsSaidOnce(t *testing.T) {
	const why = "Keepwatch does not decode G.729; set the camera to AAC or G.711"
	for _, c := range []struct {
		st   CameraStatus
		want []view.Fact
	}{
		{CameraStatus{Streams: []StreamStatus{{Quality: media.Main}}}, nil},
		{CameraStatus{Streams: []StreamStatus{{Quality: media.Main, Sound: Sound{Codec: "G.711 A-law", Recorded: true}}, {Quality: media.Sub, Sound: Sound{Codec: "G.729", Why: why}}}},
			[]view.Fact{{Label: "Sound", Value: "G.711 A-law"}, {Label: "Sound of the sub stream", Value: "G.729, not recorded: " + why}}},
		{CameraStatus{Advice: []string{"sound is not recorded: " + why}, Streams: []StreamStatus{{Quality: media.Main, Sound: Sound{Codec: "G.729", Why: why}}}},
			[]view.Fact{{Label: "Sound", Value: "G.729, not recorded"}}},
		{CameraStatus{Streams: []StreamStatus{{Quality: media.Main, Sound: Sound{Codec: "AAC", Recorded: true, Why: "silence"}}}}, []view.Fact{{Label: "Sound", Value: "AAC: silence"}}},
	} {
		if got := soundFacts(c.st); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.st, got, c.want)
		}
	}
}
