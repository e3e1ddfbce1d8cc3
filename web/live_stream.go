package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
)

// stream answers GET /api/v1/cameras/{id}/live.mp4: endless fragmented MP4 from the newest key frame on. It ends
// with the run, because the next run needs another init header, and with the permit.
func (a *liveAPI) stream(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	quality, err := qualityParameter(q)
	if err != nil {
		return err
	}
	release, err := a.slots.take(p.Viewer())
	if err != nil {
		return err
	}
	defer release()
	g := a.gate.guard(w, r, p)
	defer g.close()
	cursor, err := a.hub.Open(p, a.cameras.ofPermit(p).quality(quality))
	if err != nil {
		return err
	}
	defer cursor.Close()
	return a.copyRun(w, r, g, cursor)
}

// copyRun sends fragments until the run or the permit ends, or the caller leaves.
func (a *liveAPI) copyRun(w http.ResponseWriter, r *http.Request, g *guard, cursor *live.Cursor) error {
	var run *media.Run
	var viewing *audit.Viewing
	defer endView(w)
	for {
		f, _, p, err := nextFragment(r.Context(), g, cursor)
		if err != nil {
			return err
		}
		out, err := a.outgoing(p, f)
		if err != nil {
			return err
		}
		switch {
		case run == nil:
			run = f.Run
			if r.Method != http.MethodHead {
				if viewing, err = a.gate.beginView(w, r, p, f.Start, time.Time{}); err != nil {
					return err
				}
			}
			h := w.Header()
			h.Set("Content-Type", out.mime)
			h.Set("Keepwatch-Run", run.ID.String())
			h.Set("Keepwatch-Start", f.Start.UTC().Format(time.RFC3339Nano))
			h.Set("X-Accel-Buffering", "no")
			w.WriteHeader(http.StatusOK)
			if r.Method == http.MethodHead {
				return nil
			}
			if _, err := w.Write(out.init()); err != nil {
				return err
			}
		case run.ID != f.Run.ID:
			return nil
		}
		viewing.Saw(f.Start, f.End())
		if _, err := w.Write(out.bytes); err != nil {
			return err
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
	}
}

// nextFragment waits for the cursor's next fragment and keeps its permit fresh meanwhile.
func nextFragment(ctx context.Context, g *guard, cursor *live.Cursor) (*media.Fragment, int, access.Permit, error) {
	for {
		p, err := g.fresh()
		if err != nil {
			return nil, 0, p, err
		}
		if err := cursor.Renew(p); err != nil {
			return nil, 0, p, err
		}
		short, cancel := context.WithTimeout(ctx, renewEvery/2)
		f, lost, err := cursor.Next(short)
		cancel()
		if err != nil && errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			continue
		}
		return f, lost, p, err
	}
}

// outgoing is a fragment as one viewer may receive it.
type outgoing struct {
	mime  string
	bytes []byte
	init  func() []byte
}

// outgoing is the last check before bytes are sent: their label must name the camera of the permit. It removes the sound for
// viewers without the audio right.
func (a *liveAPI) outgoing(p access.Permit, f *media.Fragment) (outgoing, error) {
	label, err := media.ParseLabel(f.Bytes)
	if err != nil {
		return outgoing{}, err
	}
	if access.Camera(label.Camera) != p.Camera() || access.Camera(f.Run.Stream.Camera) != p.Camera() || label.Run != f.Run.ID {
		return outgoing{}, fmt.Errorf("fragment of camera %s for a permit for another camera", label.Camera)
	}
	if p.Audio() || f.Run.Audio == nil {
		return outgoing{mime: f.Run.MIME(), bytes: f.Bytes, init: func() []byte { return f.Run.Init }}, nil
	}
	key := a.keys(label.Camera)
	silent, err := media.SilentFragment(key, f.Bytes)
	if err != nil {
		return outgoing{}, fmt.Errorf("take the sound out of a fragment: %w", err)
	}
	return outgoing{mime: f.Run.SilentMIME(), bytes: silent, init: func() []byte { return f.Run.SilentInit(key) }}, nil
}
