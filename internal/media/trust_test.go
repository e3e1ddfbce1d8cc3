package media_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

// synthetic is a run of the given number of frames, 15 a second in GOPs of two seconds, whose content cannot be decoded.
func synthetic(t testing.TB, stream media.StreamID, key media.LabelKey, n int) (*media.Run, []*media.Fragment) {
	t.Helper()
	video := media.VideoTrack{Codec: media.H264, Width: 640, Height: 360, SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 1}, PPS: []byte{0x68, 1}}
	run, err := media.NewRun(stream, start, video, nil, key)
	if err != nil {
		t.Fatal(err)
	}
	m := media.NewMuxer(run, key)
	var fragments []*media.Fragment
	for i := range n {
		u := &media.Unit{Kind: media.Video, DTS: int64(i) * 6000, PTS: int64(i) * 6000, Random: i%30 == 0,
			Arrived: start.Add(time.Duration(i) * time.Second / 15), Data: [][]byte{bytes.Repeat([]byte{byte(i)}, 40)}}
		f, err := m.Write(u)
		if err != nil {
			t.Fatal(err)
		}
		if f != nil {
			fragments = append(fragments, f)
		}
	}
	f, err := m.Flush()
	if err != nil {
		t.Fatal(err)
	}
	return run, append(fragments, f)
}

func TestNoByteOfAFragmentCanChangeUnnoticed(t *testing.T) {
	_, fragments := synthetic(t, stream, key, 20)
	good := fragments[1].Bytes
	for i := range good {
		for _, flip := range []byte{1, 0x80} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			if _, err := key.VerifyFragment(camera, bad); err == nil {
				t.Fatalf("byte %d changed by %#x and the fragment still verifies", i, flip)
			}
		}
	}
	for n := range good {
		if _, err := key.VerifyFragment(camera, good[:n]); err == nil {
			t.Fatalf("cut to %d bytes it still verifies", n)
		}
	}
	if _, err := key.VerifyFragment(camera, append(bytes.Clone(good), 0)); err == nil {
		t.Fatal("a byte more and it still verifies")
	}
}

func TestFootageOfAnotherCameraNeverVerifies(t *testing.T) {
	other := media.CameraID{0: 0xca, 15: 2}
	otherKey := media.DeriveLabelKey(master, other)
	run, fragments := synthetic(t, stream, key, 20)
	for _, c := range []struct {
		camera media.CameraID
		key    media.LabelKey
	}{{other, otherKey}, {other, key}, {camera, otherKey}, {media.CameraID{}, key}, {camera, media.DeriveLabelKey([32]byte{9}, camera)}} {
		if _, err := c.key.VerifyFragment(c.camera, fragments[0].Bytes); !errors.Is(err, media.ErrForged) {
			t.Errorf("fragment under %v: %v", c.camera, err)
		}
		if _, err := media.OpenRun(run.Init, c.camera, c.key); !errors.Is(err, media.ErrForged) {
			t.Errorf("init under %v: %v", c.camera, err)
		}
	}
}

func TestAScanKeepsWhatIsWholeWhereverTheFileIsCut(t *testing.T) {
	run, fragments := synthetic(t, stream, key, 40)
	file, table := segment(t, run, fragments)
	for n := len(run.Init); n < len(file); n += 7 {
		res, err := media.Scan(bytes.NewReader(file[:n]), int64(n), camera, key)
		if err != nil {
			t.Fatalf("cut to %d: %v", n, err)
		}
		want, good := 0, int64(len(run.Init))
		for _, e := range table.Entries {
			if end := e.Offset + int64(e.Size); end <= int64(n) {
				want, good = want+1, end
			}
		}
		if len(res.Table.Entries) != want || res.GoodSize != good || res.Closed || (res.Err == nil) != (good == int64(n)) {
			t.Fatalf("cut to %d: %d fragments in %d bytes, closed %v, %v; want %d in %d", n, len(res.Table.Entries), res.GoodSize, res.Closed, res.Err, want, good)
		}
	}
	res, err := media.Scan(bytes.NewReader(file), int64(len(file)), camera, key)
	if err != nil || !res.Closed || res.Err != nil || !reflect.DeepEqual(res.Table, table) || res.Run.ID != run.ID {
		t.Fatalf("whole: %v, %v, closed %v", err, res.Err, res.Closed)
	}
}

func TestAScanStopsBeforeAFragmentOfAnotherRun(t *testing.T) {
	run, fragments := synthetic(t, stream, key, 20)
	_, others := synthetic(t, stream, key, 20)
	file, _ := segment(t, run, append(fragments[:2:2], others[2]))
	res, err := media.Scan(bytes.NewReader(file), int64(len(file)), camera, key)
	if err != nil || len(res.Table.Entries) != 2 || !errors.Is(res.Err, media.ErrForged) {
		t.Errorf("%d fragments, %v, %v", len(res.Table.Entries), err, res.Err)
	}
}

func TestATableReadBackIsTheTableWritten(t *testing.T) {
	run, fragments := synthetic(t, stream, key, 900)
	file, table := segment(t, run, fragments)
	got, err := media.ReadTable(bytes.NewReader(file), int64(len(file)), camera, key)
	if err != nil || !reflect.DeepEqual(got, table) {
		t.Fatalf("%v\n%+v\n%+v", err, got, table)
	}
	for i := len(file) - 300; i < len(file); i++ {
		bad := bytes.Clone(file)
		bad[i] ^= 4
		if _, err := media.ReadTable(bytes.NewReader(bad), int64(len(bad)), camera, key); err == nil {
			t.Fatalf("byte %d from the end changed and the table still reads", len(file)-i)
		}
	}
}

func TestAJumpInTheCamerasTimestampsEndsTheRun(t *testing.T) {
	for _, jump := range []int64{-90000, 0, 11 * 90000, 1 << 40} {
		run, _ := synthetic(t, stream, key, 1)
		m := media.NewMuxer(run, key)
		one := &media.Unit{Kind: media.Video, Random: true, Arrived: start, Data: [][]byte{{1}}}
		two := &media.Unit{Kind: media.Video, DTS: jump, PTS: jump, Arrived: start, Data: [][]byte{{2}}}
		if _, err := m.Write(one); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write(two); !errors.Is(err, media.ErrTimestamps) {
			t.Errorf("jump of %d ticks: %v", jump, err)
		}
		if f, err := m.Flush(); err != nil || f == nil {
			t.Errorf("what came before the jump is lost: %v", err)
		}
	}
}

// drive simulates a camera whose clock is off by ppm millionths for the given time, with arrivals delayed by jitter.
func drive(t *testing.T, ppm float64, length time.Duration, jitter func(i int) time.Duration) (last *media.Fragment, at time.Time, err error) {
	run, _ := synthetic(t, stream, key, 1)
	m := media.NewMuxer(run, key)
	for i := 0; ; i++ {
		at = start.Add(time.Duration(i) * 500 * time.Millisecond)
		if at.Sub(start) > length {
			return last, at, nil
		}
		dts := int64(float64(i) * 45000 * (1 + ppm/1e6))
		f, err := m.Write(&media.Unit{Kind: media.Video, DTS: dts, PTS: dts, Random: true, Arrived: at.Add(jitter(i)), Pause: 500 * time.Millisecond, Data: [][]byte{{1}}})
		if err != nil {
			return last, at, err
		}
		if f != nil {
			if last != nil && !f.Start.Equal(last.End()) {
				t.Fatalf("fragment %d starts at %v, the one before ends at %v", f.Seq, f.Start, last.End())
			}
			last = f
		}
	}
}

func TestADriftingCameraClockIsFollowedWithinHalfASecondADay(t *testing.T) {
	jitter := func(i int) time.Duration { return time.Duration(i*7919%300) * time.Millisecond }
	for _, ppm := range []float64{-400, -50, 0, 50, 400} {
		last, at, err := drive(t, ppm, 24*time.Hour, jitter)
		if err != nil {
			t.Fatalf("%v ppm: %v", ppm, err)
		}
		if off := last.End().Sub(at); off > 500*time.Millisecond || off < -time.Second {
			t.Errorf("%v ppm: after a day the wall clock is off by %v", ppm, off)
		}
	}
}

func TestACameraClockThatLiesEndsTheRun(t *testing.T) {
	if _, at, err := drive(t, -160000, time.Hour, func(int) time.Duration { return 0 }); !errors.Is(err, media.ErrClock) {
		t.Errorf("25 pictures a second declared, 21 sent: %v after %v", err, at.Sub(start))
	}
}

// A run that is filed later than it happened has begun with a backlog.
func TestARunThatIsFiledLateReturnsWithinAMinute(t *testing.T) {
	for _, late := range []time.Duration{time.Second, 5 * time.Second} {
		last, at, err := drive(t, 0, 70*time.Second, func(i int) time.Duration {
			if i == 0 {
				return 0
			}
			return -late
		})
		if off := last.End().Sub(at.Add(-late - 500*time.Millisecond)); err != nil || off > 300*time.Millisecond || off < -time.Millisecond {
			t.Errorf("%v late: after a minute %v, %v", late, off, err)
		}
	}
}

func TestABacklogSaysNothingOfTheClocks(t *testing.T) {
	run, _ := synthetic(t, stream, key, 1)
	m := media.NewMuxer(run, key)
	var last *media.Fragment
	for i := range 2000 { // the network gets slower and slower, and what it brings comes without a pause
		dts := int64(i) * 45000
		f, err := m.Write(&media.Unit{Kind: media.Video, DTS: dts, PTS: dts, Random: true, Arrived: start.Add(time.Duration(i) * 600 * time.Millisecond), Data: [][]byte{{1}}})
		if err != nil {
			t.Fatalf("after %d pictures: %v", i, err)
		}
		if f != nil {
			last = f
		}
	}
	if off := last.End().Sub(start.Add(1999 * 500 * time.Millisecond)); off.Abs() > time.Millisecond {
		t.Errorf("the run's time is off by %v", off)
	}
}

func FuzzScan(f *testing.F) {
	run, fragments := synthetic(f, stream, key, 20)
	file, _ := segment(f, run, fragments)
	f.Add(file)
	f.Add(file[:len(file)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		res, err := media.Scan(bytes.NewReader(b), int64(len(b)), camera, key)
		if err == nil {
			again, err := media.Scan(bytes.NewReader(b), res.GoodSize, camera, key)
			if err != nil || again.Err != nil || again.GoodSize != res.GoodSize || !reflect.DeepEqual(again.Table, res.Table) {
				t.Fatalf("what verified does not verify alone: %v, %v", err, again.Err)
			}
		}
		_, _ = media.ReadTable(bytes.NewReader(b), int64(len(b)), camera, key)
	})
}

// FuzzTable packs and unpacks the fragment's table entry, whatever the fragment contains.
func FuzzTable(f *testing.F) {
	run, fragments := synthetic(f, stream, key, 20)
	f.Add(fragments[0].Bytes)
	f.Fuzz(func(t *testing.T, b []byte) {
		table := &media.Table{}
		if table.Append(12, b) != nil {
			return
		}
		packed := table.Box(run, key)
		got, err := media.ReadTable(bytes.NewReader(packed), int64(len(packed)), camera, key)
		if err != nil || !reflect.DeepEqual(got, table) {
			t.Fatalf("%v: wrote %+v, read %+v", err, table, got)
		}
	})
}

func BenchmarkUnitsToFragment(b *testing.B) {
	run, _ := synthetic(b, stream, key, 1)
	m := media.NewMuxer(run, key)
	picture := bytes.Repeat([]byte{7}, 2_000_000/8/15) // 2 Mbit/s at 15 frames a second
	b.ReportAllocs()
	i := int64(0)
	for b.Loop() {
		u := &media.Unit{Kind: media.Video, DTS: i * 6000, PTS: i * 6000, Random: i%30 == 0, Arrived: start.Add(time.Duration(i) * time.Second / 15), Data: [][]byte{picture}}
		if _, err := m.Write(u); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.SetBytes(int64(len(picture)))
}

func TestHowExactAKeyFrameIsStandsInLabelAndTable(t *testing.T) {
	run := soundRun(t)
	m, table, file := media.NewMuxer(run, key), &media.Table{}, bytes.Clone(run.Init)
	for n := range int64(30) {
		u := picture(n*9000, n%10 == 0)
		u.Refresh = int(n) * 7
		f, err := m.Write(u)
		if err != nil {
			t.Fatal(err)
		}
		if f == nil {
			continue
		}
		if label, err := media.ParseLabel(f.Bytes); err != nil || label.Refresh != f.Refresh || f.Refresh > 0 && !f.Random {
			t.Fatalf("%v, label with %d, fragment with %d", err, label.Refresh, f.Refresh)
		}
		if err := table.Append(int64(len(file)), f.Bytes); err != nil {
			t.Fatal(err)
		}
		file = append(file, f.Bytes...)
	}
	file = append(file, table.Box(run, key)...)
	got, err := media.ReadTable(bytes.NewReader(file), int64(len(file)), camera, key)
	if err != nil || !reflect.DeepEqual(got, table) {
		t.Fatalf("%v\n%+v\n%+v", err, got, table)
	}
	if res, err := media.Scan(bytes.NewReader(file), int64(len(file)), camera, key); err != nil || !res.Closed {
		t.Errorf("%v, %v", err, res.Err)
	}
	refresh := map[int]int{}
	for _, e := range got.Entries {
		refresh[e.Refresh]++
	}
	if refresh[70] != 1 || refresh[140] != 1 || len(refresh) != 3 {
		t.Errorf("%v", refresh)
	}
}

// A run that begins at the recovery point of an open GOP leaves out what cannot be decoded; later recovery points leave out nothing.
func TestARunBeginsWithoutThePicturesBeforeItsRecoveryPoint(t *testing.T) {
	var units []*media.Unit
	for n := range int64(24) {
		u := picture(n*3600, n%8 == 0)
		u.Open = u.Random
		u.PTS += 3 * 3600
		if k := n % 8; k == 1 || k == 2 {
			u.PTS -= 3 * 3600
		}
		units = append(units, u)
	}
	entries := mux(t, soundRun(t), units)
	if n := len(entries[0].Video); n != 6 || entries[0].Video[0].Duration != 3*3600 || len(entries[1].Video) != 8 {
		t.Errorf("%d pictures, the first for %d ticks; then %d", n, entries[0].Video[0].Duration, len(entries[1].Video))
	}
	for _, u := range units {
		u.Open = false
	}
	if entries = mux(t, soundRun(t), units); len(entries[0].Video) != 8 {
		t.Errorf("%d pictures of 8", len(entries[0].Video))
	}
}

func TestDamageLastsUntilARefreshIsComplete(t *testing.T) {
	for refresh, want := range map[int]string{0: "..xx......", 3: "..xxxx....", 7: "..xxxxxx.."} {
		var units []*media.Unit
		for n := range int64(20) {
			u := picture(n*45000/2, n%4 == 0) // two in each half second
			u.Damaged = n == 5
			if n > 0 && u.Random {
				u.Refresh = refresh
			}
			units = append(units, u)
		}
		got := ""
		for _, e := range mux(t, soundRun(t), units) {
			got += map[bool]string{true: "x", false: "."}[e.Damaged]
		}
		if got != want {
			t.Errorf("refresh of %d frames: %s, want %s", refresh, got, want)
		}
	}
}
