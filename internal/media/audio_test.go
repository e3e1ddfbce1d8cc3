package media_test

import (
	"bytes"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

// heard is a run of four seconds with a track of sound, and its closed segment file.
func heard(t *testing.T, track *media.AudioTrack, samples int) (run *media.Run, file []byte, table media.Table) {
	t.Helper()
	video := media.VideoTrack{Codec: media.H264, Width: 640, Height: 360, SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 1}, PPS: []byte{0x68, 1}}
	run, err := media.NewRun(stream, start, video, track, key)
	if err != nil {
		t.Fatal(err)
	}
	m := media.NewMuxer(run, key)
	file = bytes.Clone(run.Init)
	take := func(f *media.Fragment, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if f == nil {
			return
		}
		if err := table.Append(int64(len(file)), f.Bytes); err != nil {
			t.Fatal(err)
		}
		file = append(file, f.Bytes...)
	}
	sounds := 0
	for i := range 60 {
		arrived := start.Add(time.Duration(i) * time.Second / 15)
		take(m.Write(&media.Unit{Kind: media.Video, DTS: int64(i) * 6000, PTS: int64(i) * 6000, Random: i%15 == 0, Arrived: arrived, Data: [][]byte{{0x65, byte(i)}}}))
		for ; sounds*samples*15 < (i+1)*track.SampleRate; sounds++ {
			at := int64(sounds * samples)
			take(m.Write(&media.Unit{Kind: media.Audio, DTS: at, PTS: at, Random: true, Arrived: arrived, Data: [][]byte{{0xaa, byte(sounds), 0xbb}}, Samples: samples}))
		}
	}
	take(m.Flush())
	return run, append(file, table.Box(run, key)...), table
}

func TestFootageWithSoundOfAnyCodecIsReadSalvagedAndServed(t *testing.T) {
	info := make([]byte, 34)
	info[1], info[2], info[3] = 16, 0xff, 0xff
	for codecs, c := range map[string]struct {
		track   media.AudioTrack
		samples int
	}{
		"mp4a.40.2": {media.AudioTrack{Codec: media.AAC, Config: []byte{0x14, 0x08}, SampleRate: 16000, Channels: 1}, 1024},
		"flac":      {media.AudioTrack{Codec: media.FLAC, Config: info, SampleRate: 8000, Channels: 1}, 160},
		"opus":      {media.AudioTrack{Codec: media.Opus, SampleRate: 48000, Channels: 2}, 960},
	} {
		run, file, table := heard(t, &c.track, c.samples)
		if want := `video/mp4; codecs="avc1.42c01e,` + codecs + `"`; run.MIME() != want {
			t.Errorf("%s, want %s", run.MIME(), want)
		}
		got, err := media.OpenRun(run.Init, camera, key)
		if err != nil || !got.SameCoding(run) || got.Audio.Channels != c.track.Channels || got.MIME() != run.MIME() {
			t.Fatalf("%s: wrote %+v, read %+v, %v", codecs, run.Audio, got, err)
		}
		res, err := media.Scan(bytes.NewReader(file), int64(len(file)), camera, key)
		if err != nil || res.Err != nil || !res.Closed || len(res.Table.Entries) != len(table.Entries) {
			t.Fatalf("%s: scan: %+v, %v", codecs, res, err)
		}
		read, err := media.ReadTable(bytes.NewReader(file), int64(len(file)), camera, key)
		if err != nil {
			t.Fatal(err)
		}
		ticks, next := int64(0), uint64(0)
		for i := range read.Entries {
			e := &read.Entries[i]
			if e.AudioBase != next || len(e.Audio) == 0 {
				t.Errorf("%s: sound of fragment %d begins at %d, the one before ends at %d", codecs, i, e.AudioBase, next)
			}
			for _, s := range e.Audio {
				next += uint64(s.Duration)
				ticks += int64(s.Duration)
			}
		}
		if seconds := float64(ticks) / float64(c.track.SampleRate); seconds < 3.9 || seconds > 4.2 {
			t.Errorf("%s: %.2f s of sound", codecs, seconds)
		}
		damaged := bytes.Clone(file)
		damaged[read.Entries[2].Offset+200] ^= 1
		if _, stretches, err := media.Salvage(bytes.NewReader(damaged), int64(len(damaged)), nil, key, camera); err != nil || len(stretches) != 2 {
			t.Errorf("%s: salvaged %d stretches, %v", codecs, len(stretches), err)
		}
		if _, err := media.ProgressiveHeader(got, read.Entries, true); err != nil {
			t.Errorf("%s: %v", codecs, err)
		}
		first := file[read.Entries[0].Offset : read.Entries[0].Offset+int64(read.Entries[0].Size)]
		silent, err := media.SilentFragment(key, first)
		if err != nil || int64(len(silent)) != media.SilentSize(&read.Entries[0]) || bytes.Contains(silent, []byte{0xaa, 0, 0xbb}) {
			t.Errorf("%s: a silent fragment of %d bytes, %v", codecs, len(silent), err)
		}
	}
}
