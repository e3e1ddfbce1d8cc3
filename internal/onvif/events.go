package onvif

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"
)

// Listener takes what a camera reports. Its functions are called one after another and should return soon: while they run, the
// camera waits with what comes next.
type Listener struct {
	Event  func(Event)
	Status func(Status) // nil if nobody wants to know
}

// Status says whether a camera is heard.
type Status struct {
	Heard   bool
	Since   time.Time
	Granted time.Duration // how long the camera lets the subscription live; 0 if it does not say
	Err     error         // why it is not heard
}

const (
	maxFailedPulls = 3
	idleAfter      = 2 * time.Second        // a connection that is closed after that was idle
	pullPause      = 100 * time.Millisecond // between two answers, so that a flood costs little
	emptyPause     = time.Second            // after an answer without messages that came at once
	firstBackOff   = time.Second
	goneBackOff    = 10 * time.Second // at most, while the camera cannot be reached: it is looked for often, for little
	illBackOff     = 5 * time.Minute  // at most, while it answers wrongly or not at all: asking more makes it worse
	farewell       = 3 * time.Second
)

// Events reports what happens in front of the camera, until the context ends or the camera refuses the login (ErrRefused) or has
// no events (ErrUnsupported). It keeps one subscription, and makes another when that one is dead. The first events are the states
// as they are.
func (c *Client) Events(ctx context.Context, l Listener) error {
	e := newEvents(c, l)
	batches, failed := make(chan batch), make(chan error, 1)
	run, stop := context.WithCancel(ctx)
	go func() { failed <- e.keep(run, batches) }()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if next := e.states.next(); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		select {
		case b := <-batches:
			e.apply(b)
		case now := <-timer.C:
			e.states.pass(now)
		case err := <-failed:
			stop()
			e.states.lose(time.Now())
			return err
		}
	}
}

// batch is what one attempt brought.
type batch struct {
	notifications []Notification
	status        *Status // a change of it
	lasting       chan bool
}

// events is one camera's events. The states belong to Events, the rest to the goroutine that asks the camera.
type events struct {
	c      *Client
	l      Listener
	states *states
	status Status

	memory   memory
	failures int // in a row
	backOff  time.Duration
	away     bool // the camera could not be reached last time
}

func newEvents(c *Client, l Listener) *events {
	if l.Status == nil {
		l.Status = func(Status) {}
	}
	return &events{c: c, l: l, states: newStates(l.Event)}
}

// apply takes a batch into the states.
func (e *events) apply(b batch) {
	if b.status != nil {
		if !b.status.Heard {
			e.states.lose(b.status.Since)
		}
		e.l.Status(*b.status)
	}
	for _, n := range b.notifications {
		e.states.pass(n.At)
		e.states.take(n)
	}
	if b.lasting != nil {
		b.lasting <- e.states.lasting()
	}
}

// keep keeps a subscription until the context ends or there is no sense in it.
func (e *events) keep(ctx context.Context, to chan<- batch) error {
	for {
		s, err := e.c.subscribe(ctx, &e.memory)
		if err == nil {
			err = e.listen(ctx, s, to)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrRefused), errors.Is(err, ErrUnsupported), errors.Is(err, ErrNotAllowed):
			return err
		}
		e.tell(ctx, to, Status{Err: err})
		e.c.log.Debug("no events", slog.String("host", e.c.host), slog.Any("err", err))
		if !e.pause(ctx, err) {
			return ctx.Err()
		}
	}
}

// listen pulls until the subscription is dead, and returns why.
func (e *events) listen(ctx context.Context, s *subscription, to chan<- batch) error {
	defer e.remember(s)
	if err := s.synchronize(ctx); err != nil && (ctx.Err() != nil || errors.Is(err, ErrRefused)) {
		e.part(ctx, s)
		return err
	}
	e.failures = 0
	for {
		began := time.Now()
		found, err := s.messages(ctx)
		if err == nil {
			e.heard(ctx, s, to)
			e.send(ctx, to, batch{notifications: found})
			e.rest(ctx, len(found), time.Since(began))
		}
		if err == nil && !time.Now().Before(s.renewAt) {
			err = e.renew(ctx, s, to)
		}
		if ctx.Err() != nil {
			e.part(ctx, s)
			return ctx.Err()
		}
		if err != nil && e.dead(ctx, err, to) {
			return err
		}
	}
}

// heard notes that the subscription works.
func (e *events) heard(ctx context.Context, s *subscription, to chan<- batch) {
	e.failures, e.away = 0, false
	if time.Since(s.made) >= renewFloor {
		e.backOff = 0 // one that dies young is no reason to make the next at once
	}
	e.tell(ctx, to, Status{Heard: true, Granted: s.granted})
}

// dead reports whether a failed pull means that another subscription is needed. If not, it waits. While the camera cannot be
// reached, the subscription may be alive; if it answers with an error after that, it has probably restarted and lost it.
func (e *events) dead(ctx context.Context, err error, to chan<- batch) bool {
	e.failures++
	gone := away(err)
	switch {
	case errors.Is(err, errEnded), errors.Is(err, ErrRefused):
		return true
	case !gone && e.failures >= maxFailedPulls:
		return true
	}
	if e.failures >= maxFailedPulls || errors.Is(err, context.DeadlineExceeded) {
		e.tell(ctx, to, Status{Err: err})
	}
	e.pause(ctx, err)
	return false
}

// renew renews the subscription. While something is on, it asks for all states again, in case the message of an end was lost. A
// refusal is no error: pulling alone keeps many subscriptions alive.
func (e *events) renew(ctx context.Context, s *subscription, to chan<- batch) error {
	if err := s.renew(ctx); err != nil {
		e.c.log.Debug("events: not renewed", slog.String("host", e.c.host), slog.Any("err", err))
		if errors.Is(err, errEnded) || errors.Is(err, ErrRefused) {
			return err
		}
		return nil
	}
	answer := make(chan bool, 1)
	if e.send(ctx, to, batch{lasting: answer}) && <-answer {
		_ = s.synchronize(ctx) // the next pull tells if the camera is gone
	}
	return nil
}

// remember keeps what was learnt of the camera for the next subscription.
func (e *events) remember(s *subscription) {
	lived := time.Since(s.made)
	e.memory = memory{absolute: s.absolute, floor: s.floor, pull: s.pull, limit: s.limit, latency: s.latency}
	switch {
	case s.granted == 0 && lived < asked/2:
		e.memory.absolute = !s.absolute // perhaps it did not understand the time
	case s.granted > 0 && s.granted < s.floor && lived < s.floor+longestPull:
		e.memory.floor = max(shortFloor, s.granted/5*4) // it means what it says
	}
}

// part ends the subscription at shutdown.
func (e *events) part(ctx context.Context, s *subscription) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer stop()
	_ = s.unsubscribe(ctx) // it ends by itself too
}

// tell hands on a change of status.
func (e *events) tell(ctx context.Context, to chan<- batch, s Status) {
	if s.Heard == e.status.Heard && !e.status.Since.IsZero() {
		return
	}
	s.Since = time.Now()
	e.status = s
	e.send(ctx, to, batch{status: &s})
}

func (e *events) send(ctx context.Context, to chan<- batch, b batch) bool {
	select {
	case to <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// rest waits after an answer: a little, or longer if the camera does not wait by itself.
func (e *events) rest(ctx context.Context, count int, took time.Duration) {
	if count > 0 {
		sleep(ctx, pullPause)
	} else if took < emptyPause {
		sleep(ctx, emptyPause-took)
	}
}

// pause waits after a failure, each time twice as long. It reports false if the context ended.
func (e *events) pause(ctx context.Context, err error) bool {
	most := illBackOff
	gone := away(err)
	if gone || errors.Is(err, errEnded) {
		most = goneBackOff
	}
	if e.away && !gone {
		e.backOff = 0 // it is back
	}
	e.away = gone
	e.backOff = min(max(firstBackOff, 2*e.backOff), most)
	return sleep(ctx, e.backOff)
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// away reports whether the camera could not be reached at all, such as during a restart.
func away(err error) bool {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	operation, ok := errors.AsType[*net.OpError](err)
	return ok && operation.Op == "dial"
}

// dropped reports whether the camera closed a connection.
func dropped(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}
