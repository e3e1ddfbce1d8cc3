package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// permit is the first step of every call: may this viewer do that?
func (a *archive) permit(ctx context.Context, camera int, what access.Action) (access.Permit, error) {
	return a.people.Authorize(ctx, a.viewer, what, access.Camera(a.ids[camera]))
}

// seek opens footage at random moments of random cameras.
func (a *archive) seek(ctx context.Context) ([]compared, error) {
	picks := rand.New(rand.NewPCG(1, 2))
	moment := func() (int, time.Time) {
		camera := picks.IntN(storeCameras)
		return camera, a.sought[camera][picks.IntN(a.real)].Add(time.Duration(picks.IntN(50)) * time.Second)
	}
	one := make([]byte, 1)
	segments, err := timed(seeks, func(int) error {
		camera, at := moment()
		p, err := a.permit(ctx, camera, access.Playback)
		if err != nil {
			return err
		}
		c, err := a.store.OpenSegments(ctx, p, media.Main, storage.Span{From: at, To: at.Add(10 * time.Second)})
		if err != nil {
			return err
		}
		if _, err = c.Seek(-1, io.SeekEnd); err == nil { // the last byte: its fragment is read and verified
			_, err = c.Read(one)
		}
		return errors.Join(err, c.Close())
	})
	if err != nil {
		return nil, err
	}
	keys, err := timed(seeks, func(int) error {
		camera, at := moment()
		p, err := a.permit(ctx, camera, access.Playback)
		if err != nil {
			return err
		}
		c, err := a.store.OpenKeyFrame(ctx, p, media.Main, at)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, c)
		return errors.Join(err, c.Close())
	})
	if err != nil {
		return nil, err
	}
	walks, err := timed(5, func(i int) error { return walkFor(a.walked(), a.sought[0][i%a.real]) })
	if err != nil {
		return nil, err
	}
	median, p99 := quantiles(segments)
	key, key99 := quantiles(keys)
	walk, _ := quantiles(walks)
	return []compared{
		within("first byte of a seek, median", median, 5*time.Millisecond, fmt.Sprintf("listing one camera's folder by name: %s", ms(walk))),
		within("first byte of a seek, p99", p99, 20*time.Millisecond, ""),
		within("key frame for scrubbing, median", key, 5*time.Millisecond, "p99 "+ms(key99)),
	}, nil
}

// list measures timelines and lists.
func (a *archive) list(ctx context.Context) ([]compared, error) {
	timeline := func(days int) (time.Duration, error) {
		times, err := timed(50, func(i int) error {
			p, err := a.permit(ctx, i%storeCameras, access.Playback)
			if err != nil {
				return err
			}
			tl, err := a.store.Timeline(ctx, p, media.Main, storage.Span{From: a.end().AddDate(0, 0, -days), To: a.end()})
			if err == nil && len(tl.Spans) < min(days, a.minutes/24/60) {
				err = fmt.Errorf("a timeline of %d spans over %d days", len(tl.Spans), days)
			}
			return err
		})
		if err != nil {
			return 0, err
		}
		median, _ := quantiles(times)
		return median, nil
	}
	day, err := timeline(1)
	if err != nil {
		return nil, err
	}
	month, err := timeline(30)
	if err != nil {
		return nil, err
	}
	days, err := timed(50, func(i int) error {
		p, err := a.permit(ctx, i%storeCameras, access.Playback)
		if err != nil {
			return err
		}
		list, err := a.store.Days(ctx, p, media.Main, time.UTC)
		if err == nil && len(list) < a.minutes/24/60 {
			err = fmt.Errorf("%d days", len(list))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	listed, _ := quantiles(days)
	perDay := float64(a.indexBytes) / storeCameras / (float64(a.minutes) / 24 / 60)
	return []compared{
		within("timeline of a day", day, 30*time.Millisecond, ""),
		within("timeline of 30 days", month, 30*time.Millisecond, ""),
		within("list of days with footage", listed, 30*time.Millisecond, ""),
		{figure{"index per camera and day", fmt.Sprintf("%.2f MB", perDay/1e6), "≤ 0.60 MB", perDay <= 600_000}, "a key frame every 2 s"},
	}, nil
}

// export downloads a clip over loopback, compared with HMAC-SHA256 over as many bytes.
func (a *archive) export(ctx context.Context) ([]compared, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: http.HandlerFunc(a.serveClip), ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	var ratios []float64
	var speed float64
	for range 3 {
		var size int64
		began := time.Now()
		if size, err = download(ctx, "http://"+listener.Addr().String()); err != nil {
			break
		}
		took := time.Since(began)
		alone := hmacAlone(size)
		ratios = append(ratios, float64(alone)/float64(took))
		speed = float64(size) / took.Seconds()
	}
	err = errors.Join(err, server.Close())
	if serveErr := <-done; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(ratios)
	return []compared{{figure{fmt.Sprintf("export of %v over loopback ÷ HMAC", a.exported), fmt.Sprintf("%.2f", ratios[1]), "≥ 0.50", ratios[1] >= 0.5},
		fmt.Sprintf("%.0f MB/s", speed/1e6)}}, nil
}

func (a *archive) serveClip(w http.ResponseWriter, r *http.Request) {
	p, err := a.permit(r.Context(), 0, access.Export)
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	c, err := a.store.OpenClip(r.Context(), p, media.Main, storage.Span{From: a.late, To: a.late.Add(a.exported)})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer c.Close()
	w.Header().Set("Content-Type", c.MIME())
	http.ServeContent(w, r, "", time.Time{}, &renewed{c, a, r.Context(), time.Now()})
}

// renewed renews the permit of a clip, as handlers do.
type renewed struct {
	*storage.Clip
	a    *archive
	ctx  context.Context
	last time.Time
}

func (c *renewed) Read(b []byte) (int, error) {
	if time.Since(c.last) > 500*time.Millisecond {
		p, err := c.a.permit(c.ctx, 0, access.Export)
		if err == nil {
			err = c.Renew(p)
		}
		if err != nil {
			return 0, err
		}
		c.last = time.Now()
	}
	return c.Clip.Read(b)
}

func download(ctx context.Context, url string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(io.Discard, resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return size, errors.Join(err, resp.Body.Close())
}

// hmacAlone returns how long HMAC-SHA256 takes over that many bytes in memory.
func hmacAlone(size int64) time.Duration {
	block := make([]byte, 1<<20)
	began := time.Now()
	mac := hmac.New(sha256.New, block[:32])
	for ; size > 0; size -= int64(len(block)) {
		mac.Write(block)
	}
	mac.Sum(nil)
	return time.Since(began)
}

// restart opens the store as after a crash, with an open segment of every camera, until it accepts the first fragment.
func (a *archive) restart(ctx context.Context) ([]compared, error) {
	var opened, recording []time.Duration
	for round := range 3 {
		if err := a.store.Close(); err != nil {
			return nil, err
		}
		if err := a.leaveOpen(ctx); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := a.open(ctx); err != nil {
			return nil, err
		}
		opened = append(opened, time.Since(began))
		if err := a.film(ctx, 1, reel{start: time.Now().Add(time.Duration(round) * time.Second), length: time.Second / 2, picture: 16_667}); err != nil {
			return nil, err
		}
		recording = append(recording, time.Since(began))
	}
	ready, _ := quantiles(opened)
	first, _ := quantiles(recording)
	return []compared{within("from restart after a crash to recording", first, time.Second, "until the store is open: "+ms(ready))}, nil
}

// leaveOpen turns the newest real segment of every camera into one that a crash left open.
func (a *archive) leaveOpen(ctx context.Context) error {
	db, err := a.openIndex(ctx)
	if err != nil {
		return err
	}
	const query = `UPDATE segment SET state = 1, end_us = start_us, size_bytes = 0, key_frames = NULL WHERE quality = 1 AND start_us = ?
		AND camera IN (SELECT id FROM camera)`
	err = db.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, a.end().Add(-time.Minute).UnixMicro())
		return err
	})
	return errors.Join(err, db.Close())
}
