package onvif

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const (
	asked        = 600 * time.Second // how long a subscription shall live
	leastGranted = 5 * time.Second   // less is no time, whatever the camera says
	renewFloor   = 60 * time.Second  // renewing more often makes cameras crash
	shortFloor   = 10 * time.Second  // for a camera that ended a subscription when it said it would
	longestPull  = 60 * time.Second
	firstPull    = 5 * time.Second // shows soon whether the subscription works
	messageLimit = 100

	notifyService = "http://docs.oasis-open.org/wsn/b-2"
	managerAction = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/"
	pullAction    = eventService + "/PullPointSubscription/"
)

// errEnded means that the camera no longer knows the subscription.
var errEnded = errors.New("the camera has ended the subscription")

// subscription is a pull point (ONVIF Core section 9.1).
type subscription struct {
	c       *Client
	at      endpoint
	header  string // XML: where it goes, and the reference parameters, which must be echoed
	granted time.Duration
	made    time.Time
	renewAt time.Time
	floor   time.Duration
	pull    time.Duration // how long the camera is asked to wait
	limit   int           // messages of one answer
	latency time.Duration // how long the camera takes to answer at least
	works   bool          // a pull was answered
	// absolute is set for a camera that does not understand relative times: it is told the end in its own time.
	absolute bool
}

// memory is what is learnt of a camera's subscriptions and outlives them.
type memory struct {
	absolute bool
	floor    time.Duration
	pull     time.Duration
	limit    int
	latency  time.Duration
}

// subscribe makes a pull point. There is no topic filter: cameras leave out what the filter means, or refuse it.
func (c *Client) subscribe(ctx context.Context, m *memory) (*subscription, error) {
	services, err := c.Services(ctx)
	if err != nil {
		return nil, err
	}
	times := []bool{false, true}
	if m.absolute {
		times = []bool{true, false}
	}
	for _, at := range []endpoint{services.events, c.device} {
		for _, absolute := range times {
			var s *subscription
			if s, err = c.create(ctx, at, absolute, m); err == nil {
				m.absolute = absolute
				return s, nil
			}
			if !badTime(err) {
				break
			}
		}
		if !errors.Is(err, ErrUnsupported) {
			break
		}
	}
	return nil, err
}

// badTime reports whether a camera may have refused because of the time that it was asked for.
func badTime(err error) bool {
	f, ok := errors.AsType[*Fault](err)
	return ok && (strings.Contains(f.Code, "InvalidArg") || strings.Contains(f.Code, "TerminationTime") || strings.Contains(strings.ToLower(f.Reason), "time"))
}

// until writes when a subscription shall end.
func (c *Client) until(absolute bool) string {
	if absolute {
		return c.cameraNow().Add(asked).UTC().Format("2006-01-02T15:04:05Z")
	}
	return seconds(asked)
}

func (c *Client) create(ctx context.Context, at endpoint, absolute bool, m *memory) (*subscription, error) {
	const action = eventService + "/EventPortType/CreatePullPointSubscriptionRequest"
	if absolute {
		if _, err := c.Clock(ctx); err != nil {
			return nil, err
		}
	}
	before := time.Now()
	body, err := c.call(ctx, request{at: at, action: action, header: addressing(action, c.url(at)),
		body: `<CreatePullPointSubscription xmlns="` + eventService + `"><InitialTerminationTime>` + c.until(absolute) +
			"</InitialTerminationTime></CreatePullPointSubscription>"})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	response := body.first("CreatePullPointSubscriptionResponse")
	if response == nil {
		return nil, fmt.Errorf("subscribe: %w: no CreatePullPointSubscriptionResponse", ErrUnreadable)
	}
	s := &subscription{c: c, at: at, made: now, absolute: absolute, floor: cmp.Or(m.floor, renewFloor),
		pull: cmp.Or(m.pull, longestPull), limit: cmp.Or(m.limit, messageLimit), latency: now.Sub(before) / 2}
	if m.latency > 0 {
		s.latency = min(s.latency, m.latency)
	}
	reference := response.first("SubscriptionReference")
	address := printable(reference.value("Address"), maxAddress)
	if e, ok := c.believe(address, c.ports()); ok {
		s.at = e
	} else {
		address = c.url(at)
	}
	var parameters strings.Builder
	for _, name := range []string{"ReferenceParameters", "ReferenceProperties"} {
		if list := reference.first(name); list != nil {
			for _, p := range list.kids[:min(len(list.kids), 8)] {
				p.write(&parameters, ` a:IsReferenceParameter="true"`)
			}
		}
	}
	s.header = "<a:To>" + escape(address) + "</a:To>" + parameters.String()
	s.grant(response, now)
	return s, nil
}

// addressing returns the headers of WS-Addressing for a request to an address.
func addressing(action, to string) string {
	return "<a:To>" + escape(to) + "</a:To>" + actionHeader(action)
}

func actionHeader(action string) string {
	return "<a:Action>" + action + "</a:Action><a:MessageID>urn:uuid:" + newUUID() + "</a:MessageID>" +
		"<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>"
}

// grant reads how long the subscription lives and plans its renewal. A camera that grants no time, or one that cannot be read, is
// renewed as seldom as possible: many of them keep the subscription all the same.
func (s *subscription) grant(n *node, now time.Time) {
	end, ok := readTime(n.value("TerminationTime"))
	begin, known := readTime(n.value("CurrentTime"))
	if !known {
		begin = s.c.cameraNow()
	}
	if s.granted = 0; ok {
		s.granted = min(end.Sub(begin), asked)
	}
	if s.granted < leastGranted {
		s.granted = 0
	}
	s.renewAt = now.Add(max(s.floor, s.granted/5*4))
}

// call asks for an operation of the subscription.
func (s *subscription) call(ctx context.Context, action, body string, wait time.Duration) (*node, error) {
	return s.c.call(ctx, request{at: s.at, action: action, body: body, header: s.header + actionHeader(action), wait: wait})
}

// timed is call for operations that the camera answers at once: they tell how long an answer takes.
func (s *subscription) timed(ctx context.Context, action, body string) (*node, error) {
	before := time.Now()
	n, err := s.call(ctx, action, body, 0)
	if err == nil {
		s.latency = min(s.latency, time.Since(before)/2)
	}
	return n, err
}

// synchronize asks for the present value of every property.
func (s *subscription) synchronize(ctx context.Context) error {
	_, err := s.timed(ctx, pullAction+"SetSynchronizationPointRequest", `<SetSynchronizationPoint xmlns="`+eventService+`"/>`)
	return err
}

// renew makes the subscription live longer. It plans the next renewal also if the camera refuses.
func (s *subscription) renew(ctx context.Context) error {
	s.renewAt = time.Now().Add(s.floor)
	var err error
	for range 2 {
		if s.absolute {
			if _, err = s.c.Clock(ctx); err != nil { // it may have been set since
				return err
			}
		}
		var n *node
		n, err = s.timed(ctx, managerAction+"RenewRequest", `<Renew xmlns="`+notifyService+`"><TerminationTime>`+s.c.until(s.absolute)+"</TerminationTime></Renew>")
		if err == nil {
			s.grant(n.first("RenewResponse"), time.Now())
			return nil
		}
		if fault, ok := errors.AsType[*Fault](err); ok && fault.ended() {
			return fmt.Errorf("%w: %w", errEnded, err)
		}
		if errors.Is(err, ErrUnsupported) {
			s.renewAt = time.Now().Add(asked / 5 * 4)
		}
		if !badTime(err) {
			break
		}
		s.absolute = !s.absolute
	}
	return err
}

// unsubscribe ends the subscription. On some cameras it ends those of other programs too, so it is done at shutdown only.
func (s *subscription) unsubscribe(ctx context.Context) error {
	_, err := s.call(ctx, managerAction+"UnsubscribeRequest", `<Unsubscribe xmlns="`+notifyService+`"/>`, 0)
	return err
}

// messages waits for notifications, until the renewal is due at the latest. None is no error: cameras answer with none after
// the time they were asked to wait, or close the connection.
func (s *subscription) messages(ctx context.Context) ([]Notification, error) {
	wait := max(time.Second, min(s.pull, time.Until(s.renewAt)))
	if !s.works {
		wait = min(wait, firstPull)
	}
	before := time.Now()
	body := `<PullMessages xmlns="` + eventService + `"><Timeout>` + seconds(wait) + "</Timeout><MessageLimit>" + strconv.Itoa(s.limit) + "</MessageLimit></PullMessages>"
	n, err := s.call(ctx, pullAction+"PullMessagesRequest", body, wait)
	now := time.Now()
	if err == nil {
		response := n.first("PullMessagesResponse")
		if response == nil {
			return nil, fmt.Errorf("wait for events: %w: no PullMessagesResponse", ErrUnreadable)
		}
		s.works = true
		return readNotifications(response, now.Add(-min(s.latency, now.Sub(before)))), nil
	}
	fault, isFault := errors.AsType[*Fault](err)
	switch {
	case isFault && s.learnLimits(fault):
		return nil, nil
	case isFault && fault.ended():
		return nil, fmt.Errorf("%w: %w", errEnded, err)
	case ctx.Err() == nil && now.Sub(before) >= idleAfter && dropped(err):
		return nil, nil // an idle connection that was closed
	}
	return nil, err
}

// ended reports whether the camera says that there is no such subscription.
func (f *Fault) ended() bool {
	for _, code := range []string{"ResourceUnknown", "InvalidSubscription", "SubscriptionNotFound"} {
		if strings.Contains(f.Code, code) {
			return true
		}
	}
	return false
}

// learnLimits reads what a camera allows at most (PullMessagesFaultResponse), and reports whether that was news.
func (s *subscription) learnLimits(f *Fault) bool {
	news := false
	if d, ok := readDuration(f.detail.deep("MaxTimeout").value()); ok && d >= time.Second && d < s.pull {
		s.pull, news = d, true
	}
	if n := f.detail.deep("MaxMessageLimit").number(); n > 0 && n < s.limit {
		s.limit, news = n, true
	}
	return news
}
