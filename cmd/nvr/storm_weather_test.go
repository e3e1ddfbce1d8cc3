package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"keepwatch.internal/internal/sqlite"
)

// weather repeats disturbances of the server and its cameras until enough was seen.
func (s *storm) weather(ctx context.Context, r *rand.Rand, objects int64) {
	const least = 6 // of these events
	for i := 0; ctx.Err() == nil && (i < least || s.tally.objects() < objects); i++ {
		s.pause(ctx, time.Duration(1500+r.IntN(1500))*time.Millisecond)
		switch i % 6 {
		case 0: // all cameras drop out and may come back at once
			s.each(func(c *lens) { c.handle.Drop() })
			s.tally.do(func() { s.tally.waves++ })
			s.recovered(time.Now(), "a wave")
		case 1:
			s.lock(ctx, "accounts.db", 0x6b77_0001, "../../internal/accounts/schema")
		case 2, 5:
			s.strike(ctx, r)
		case 3:
			s.each(func(c *lens) { s.must(c.handle.Refuse(true)) })
			s.pause(ctx, time.Second)
			back := time.Now()
			s.each(func(c *lens) { s.must(c.handle.Refuse(false)) })
			s.tally.do(func() { s.tally.waves++ })
			s.recovered(back, "a wave")
		case 4:
			s.people.leave(ctx)
			s.lock(ctx, "index.db", 0x4b57_6978, "../../storage/index")
		}
	}
}

func (s *storm) each(f func(*lens)) {
	for _, c := range s.lenses {
		f(c)
	}
}

func (s *storm) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Error(err)
	}
}

func (s *storm) pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// lock has this process, which is not the server, hold a database's write lock for two seconds.
func (s *storm) lock(ctx context.Context, name string, mark int32, files string) {
	const held = 2 * time.Second
	db, err := sqlite.Open(ctx, sqlite.Options{Path: filepath.Join(s.dir, "data", name), ApplicationID: mark, Files: os.DirFS(files), Busy: 20 * time.Second})
	if err != nil {
		s.must(err)
		return
	}
	enough := errors.New("enough")
	err = db.Write(ctx, func(*sql.Tx) error { s.pause(ctx, held); return enough })
	if !errors.Is(err, enough) && ctx.Err() == nil {
		s.t.Errorf("lock %s: %v", name, err)
	}
	s.must(db.Close())
	s.tally.do(func() { s.tally.locks++ })
}

// strike kills the server, gives some cameras to other owners, and starts it again.
func (s *storm) strike(ctx context.Context, r *rand.Rand) {
	s.people.tidy(ctx)
	down := time.Now()
	s.kill(syscall.SIGKILL)
	s.calm()
	for _, i := range r.Perm(len(s.lenses))[:max(1, len(s.lenses)/4)] {
		s.people.handOver(s.lenses[i], down)
	}
	s.configure()
	again := time.Now()
	s.start()
	s.people.owning()
	s.tally.do(func() { s.tally.kills++ })
	s.recovered(again, "a kill")
}

// backWithin is how soon after a wave or a kill all cameras must record again.
const backWithin = 30 * time.Second

// recovered waits until every camera is recording, as its owner sees it.
func (s *storm) recovered(since time.Time, after string) {
	s.t.Helper()
	waiting := ""
	ok := poll(s.t.Context(), backWithin, func() bool { waiting = s.waiting(); return waiting == "" || s.failed.Load() >= mostFailures })
	took := time.Since(since)
	s.tally.do(func() { s.tally.slowest = max(s.tally.slowest, took) })
	if !ok || took > backWithin {
		s.fail("%v after %s, not all recorded: %s\n%s", took, after, waiting, s.complaints())
	}
}

// waiting returns the cameras that are not recording, as the auditor sees it.
func (s *storm) waiting() string {
	ctx, stop := context.WithTimeout(s.t.Context(), backWithin)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/v1/cameras", nil)
	if err != nil {
		return err.Error()
	}
	s.people.with(s.people.auditor).dress(req)
	resp, err := s.client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var all struct{ Cameras []struct{ ID, State string } }
	if err = json.NewDecoder(resp.Body).Decode(&all); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Sprintf("the auditor is answered with %d, %v", resp.StatusCode, err)
	}
	late := map[string]bool{}
	for _, c := range s.lenses {
		late[c.name] = true
	}
	for _, c := range all.Cameras {
		if c.State == "recording" {
			delete(late, c.ID)
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(late)), " ")
}
