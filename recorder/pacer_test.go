package recorder

import (
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

const testRate = 16000 // of audio, Hz

// film plays video and audio to a pacer, like a camera with wrong stamps over a network with jitter.
type film struct {
	pacer pacer
	rng   *rand.Rand
	began time.Time
	now   time.Duration // of both clocks, the film's and the server's
	ticks [2]float64    // stamps so far, seconds: video, audio
	last  [2]int64
	more  func(now time.Duration) time.Duration // delay in addition to the jitter
	t     *testing.T
}

func newFilm(t *testing.T) *film {
	return &film{t: t, pacer: pacer{log: slog.New(slog.DiscardHandler)}, rng: rand.New(rand.NewPCG(1, 2)), began: time.Now(), last: [2]int64{-1, -1},
		more: func(time.Duration) time.Duration { return 0 }}
}

// connect begins a new session.
func (f *film) connect() {
	f.pacer.connected(nil)
	f.began, f.now, f.ticks, f.last = f.began.Add(f.now), 0, [2]float64{}, [2]int64{-1, -1}
}

// roll plays for a time at the given paces of stamps; 1 is right. It returns how many seconds video and audio are ahead of the
// truth at the end.
func (f *film) roll(length time.Duration, pictures, sound float64) (ahead [2]float64) {
	f.t.Helper()
	const step = 40 * time.Millisecond
	for end := f.now + length; f.now < end; f.now += step {
		at := f.began.Add(f.now + f.more(f.now) + time.Duration(f.rng.IntN(30))*time.Millisecond)
		for i, pace := range []float64{pictures, sound} {
			rate := []int{media.VideoTimescale, testRate}[i]
			stamp := int64(math.Round(f.ticks[i] * float64(rate)))
			u := f.pacer.of(&media.Unit{Kind: media.Kind(i + 1), DTS: stamp, PTS: stamp + int64(rate/10), Arrived: at, Pause: step}, rate)
			if u.DTS <= f.last[i] || u.PTS <= u.DTS {
				f.t.Fatalf("track %d at %v: %d follows %d and is shown at %d", i, f.now, u.DTS, f.last[i], u.PTS)
			}
			if !f.pacer.active && (u.DTS != stamp || u.PTS != stamp+int64(rate/10)) {
				f.t.Fatalf("track %d at %v: %d became %d", i, f.now, stamp, u.DTS)
			}
			f.last[i], ahead[i] = u.DTS, float64(u.DTS)/float64(rate)-f.now.Seconds()
			f.ticks[i] += step.Seconds() * pace
		}
	}
	return ahead
}

// near fails the test unless both tracks are within the given seconds of the truth.
func near(t *testing.T, what string, ahead [2]float64, limit float64) {
	t.Helper()
	for i, x := range ahead {
		if math.Abs(x) > limit {
			t.Errorf("%s: track %d is %.3f s ahead", what, i, x)
		}
	}
}

func TestStampsAtAWrongRateAreHeldToTheClockAndSoundToThePictures(t *testing.T) {
	for _, c := range []struct {
		name            string
		pictures, sound float64
	}{
		{"2000 ppm slow over a bad network", 0.998, 0.998},
		{"declares 25, delivers 21", 21. / 25, 1},
		{"declares 21, delivers 25", 25. / 21, 1},
		{"30 for 29.97", 29.97 / 30, 1},
		{"5000 ppm fast", 1.005, 1.005},
		{"5000 ppm slow", 0.995, 0.995},
		{"sound alone", 1, 0.99},
		{"one just below what the muxer corrects, one just above", 1 - 400e-6, 1 - 900e-6},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFilm(t)
			if strings.HasSuffix(c.name, "bad network") {
				f.more = func(time.Duration) time.Duration {
					if f.rng.IntN(40) == 0 {
						return time.Duration(f.rng.IntN(2000)) * time.Millisecond
					}
					return time.Duration(f.rng.IntN(100)) * time.Millisecond
				}
			}
			near(t, "learning", f.roll(time.Minute, c.pictures, c.sound), 3.5)
			near(t, "later", f.roll(20*time.Minute, c.pictures, c.sound), 0.3)
			near(t, "for an hour", f.roll(time.Hour, c.pictures, c.sound), 0.2)
			if !f.pacer.active {
				t.Error("nothing was learned")
			}
			f.connect()
			near(t, "in the next session", f.roll(2*time.Minute, c.pictures, c.sound), 0.15)
		})
	}
}

func TestStampsThatAMuxerMendsAreLeftAlone(t *testing.T) {
	for _, c := range []struct {
		name string
		pace float64
		more func(time.Duration) time.Duration
	}{
		{"400 ppm slow", 1 - 400e-6, nil},
		{"400 ppm fast", 1 + 400e-6, nil},
		{"a second late now and then", 1, func(now time.Duration) time.Duration {
			if now%(31*time.Second) < 2*time.Second {
				return time.Second
			}
			return 0
		}},
		{"half a second late from some time on, and again less", 1, func(now time.Duration) time.Duration {
			return now / (10 * time.Minute) % 2 * 500 * time.Millisecond
		}},
		{"a queue that fills for ten seconds and empties at once", 1, func(now time.Duration) time.Duration {
			if full := now % (150 * time.Second); full < 10*time.Second {
				return full / 8
			}
			return 0
		}},
		{"a queue that fills in twenty seconds and stays full", 1, func(now time.Duration) time.Duration { return min(now, 20*time.Second) / 40 }},
		{"a burst at the beginning", 1, func(now time.Duration) time.Duration { return max(0, 3*time.Second-now) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFilm(t)
			if c.more != nil {
				f.more = c.more
			}
			if f.roll(time.Hour, c.pace, c.pace); f.pacer.active {
				t.Errorf("pictures are scaled by %v, sound by %v", f.pacer.video.pace(), f.pacer.audio.pace())
			}
		})
	}
}

func TestACameraThatBeginsOrCeasesToLieIsFollowed(t *testing.T) {
	t.Parallel()
	f := newFilm(t)
	for range 2 {
		f.roll(time.Hour, 1, 1)
		f.roll(10*time.Minute, 0.9, 1)
		near(t, "lying", f.roll(time.Minute, 0.9, 1), 0.5)
		f.roll(10*time.Minute, 1, 1)
		near(t, "corrected", f.roll(time.Minute, 1, 1), 0.5)
	}
}

func TestWhatHadRunOffBeforeARunIsNotMadeGoodInIt(t *testing.T) {
	t.Parallel()
	f := newFilm(t)
	before := f.roll(20*time.Second, 21./25, 1)
	f.pacer.anchored()
	after := f.roll(20*time.Minute, 21./25, 1)
	if math.Abs(after[0]-before[0]) > 1 || math.Abs(after[0]-after[1]) > 0.5 {
		t.Errorf("%.3f s ahead became %.3f s", before, after)
	}
}
