package onviftest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Message is a notification that the camera sends, in its own words.
type Message struct {
	Topic  string
	Source string   // NAME=VALUE
	Data   []string // NAME=VALUE
	Moment bool     // no property: it is not repeated to who subscribes later
}

// subscription is one pull point.
type subscription struct {
	id      string
	ends    time.Time
	queue   []string
	arrived chan struct{} // has room for one: something is in the queue
	over    chan struct{}
	ended   bool
}

func (s *subscription) end() {
	if !s.ended {
		s.ended = true
		close(s.over)
	}
}

func (s *subscription) push(text string) {
	s.queue = append(s.queue, text)
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

// Emit reports something to all subscriptions.
func (c *Camera) Emit(m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !m.Moment {
		c.properties[m.Topic+" "+m.Source] = m
	}
	c.expire()
	for _, s := range c.subs {
		s.push(c.notification(m, "Changed"))
	}
}

// Kill ends all subscriptions without a word.
func (c *Camera) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, s := range c.subs {
		s.end()
		delete(c.subs, id)
	}
}

// Subscriptions returns how many subscriptions are open, and how many were at most.
func (c *Camera) Subscriptions() (now, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire()
	return len(c.subs), c.mostSubs
}

// expire ends what is over. The lock is held.
func (c *Camera) expire() {
	for id, s := range c.subs {
		if !time.Now().Before(s.ends) {
			s.end()
			delete(c.subs, id)
		}
	}
}

func (c *Camera) notification(m Message, operation string) string {
	stamp := c.now().Format("2006-01-02T15:04:05Z")
	if c.Vendor.Quirks.BrokenTimes {
		stamp = "2026-11-30T00:61:16Z"
	}
	items := func(list []string) string {
		text := ""
		for _, one := range list {
			name, value, _ := strings.Cut(one, "=")
			text += `<tt:SimpleItem Name="` + escape(name) + `" Value="` + escape(value) + `"/>`
		}
		return text
	}
	if !m.Moment {
		operation = ` PropertyOperation="` + operation + `"`
	} else {
		operation = ""
	}
	return `<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">` + m.Topic +
		`</wsnt:Topic><wsnt:Message><tt:Message UtcTime="` + stamp + `"` + operation + `><tt:Source>` + items([]string{m.Source}) +
		"</tt:Source><tt:Data>" + items(m.Data) + "</tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>"
}

// events answers the event service and the pull points.
func (c *Camera) events(w http.ResponseWriter, q *query) {
	if q.operation == "CreatePullPointSubscription" {
		if q.path != c.Vendor.EventPath && q.path != "/onvif/device_service" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		c.create(w, q)
		return
	}
	c.mu.Lock()
	c.expire()
	id := q.parameters
	if !c.Vendor.Quirks.EchoParameters {
		id = q.path[strings.LastIndex(q.path, "=")+1:]
		if c.Vendor.Quirks.Address == "-" {
			id = strconv.Itoa(c.serial)
		}
	}
	s := c.subs[id]
	c.mu.Unlock()
	switch {
	case s == nil && c.Vendor.Quirks.EchoParameters:
		c.fault(w, http.StatusBadRequest, "Sender", "InvalidArgs", "no such subscription")
	case s == nil:
		c.fault(w, http.StatusBadRequest, "Receiver", "ResourceUnknownFault", "no such subscription")
	case q.operation == "PullMessages":
		c.pull(w, q, s)
	default:
		c.manage(w, q, s)
	}
}

// lifetime reads for how long a subscription is asked for. It reports false if that is refused.
func (c *Camera) lifetime(text string) (time.Duration, bool) {
	quirks := c.Vendor.Quirks
	if end, err := time.Parse("2006-01-02T15:04:05Z", text); err == nil {
		return end.Sub(c.now()), true
	}
	number, _ := strconv.Atoi(strings.Trim(text, "PTSM"))
	d := time.Duration(number) * time.Second
	if strings.HasSuffix(text, "M") && !quirks.UnitsIgnored {
		d = time.Duration(number) * time.Minute
	}
	if quirks.RelativeTimeBroken {
		d = 0
	}
	if quirks.ShortGrant > 0 {
		d = quirks.ShortGrant
	}
	return d, !quirks.RelativeTimeRefused
}

func (c *Camera) create(w http.ResponseWriter, q *query) {
	quirks := c.Vendor.Quirks
	lives, ok := c.lifetime(q.values["InitialTerminationTime"])
	if !ok {
		c.fault(w, http.StatusBadRequest, "Sender", "InvalidArgVal", "UnacceptableInitialTerminationTime")
		return
	}
	c.mu.Lock()
	c.expire()
	if quirks.MaxSubscriptions > 0 && len(c.subs) >= quirks.MaxSubscriptions {
		c.mu.Unlock()
		c.fault(w, http.StatusBadRequest, "Receiver", "ResourceUnavailable", "maximum number of subscriptions")
		return
	}
	c.serial++
	s := &subscription{id: strconv.Itoa(c.serial), ends: time.Now().Add(lives), arrived: make(chan struct{}, 1), over: make(chan struct{})}
	c.subs[s.id] = s
	c.mostSubs = max(c.mostSubs, len(c.subs))
	c.mu.Unlock()
	address := strings.ReplaceAll(quirks.Address, "ADDRESS", c.Address())
	switch address {
	case "":
		address = c.at("/onvif/Subscription?Idx=" + s.id)
	case "-":
		address = ""
	default:
		address += "/onvif/Subscription?Idx=" + s.id
	}
	parameters := ""
	if quirks.EchoParameters {
		address = c.at(c.Vendor.EventPath)
		parameters = `<wsa5:ReferenceParameters><dom0:SubscriptionId xmlns:dom0="http://www.axis.com/2009/event">` + s.id + "</dom0:SubscriptionId></wsa5:ReferenceParameters>"
	}
	c.write(w, 200, "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><wsa5:Address>"+escape(address)+"</wsa5:Address>"+parameters+
		"</tev:SubscriptionReference>"+c.span(lives)+"</tev:CreatePullPointSubscriptionResponse>")
}

// span writes until when a subscription lives.
func (c *Camera) span(lives time.Duration) string {
	now := c.now()
	end := now.Add(lives)
	if c.Vendor.Quirks.GrantsNothing {
		end = now
	}
	write := func(t time.Time) string {
		if c.Vendor.Quirks.BrokenTimes {
			return "0000-00-00T00:00:00Z"
		}
		return t.Format("2006-01-02T15:04:05Z")
	}
	return "<wsnt:CurrentTime>" + write(now) + "</wsnt:CurrentTime><wsnt:TerminationTime>" + write(end) + "</wsnt:TerminationTime>"
}

func (c *Camera) manage(w http.ResponseWriter, q *query, s *subscription) {
	quirks := c.Vendor.Quirks
	switch q.operation {
	case "SetSynchronizationPoint":
		c.mu.Lock()
		for _, m := range c.properties {
			s.push(c.notification(m, "Initialized"))
		}
		c.mu.Unlock()
		c.write(w, 200, "<tev:SetSynchronizationPointResponse/>")
	case "Renew":
		lives, ok := c.lifetime(q.values["TerminationTime"])
		if quirks.NoRenew {
			c.fault(w, http.StatusBadRequest, "Receiver", "ActionNotSupported", "Renew")
			return
		}
		if !ok {
			c.fault(w, http.StatusBadRequest, "Sender", "InvalidArgVal", "UnacceptableTerminationTime")
			return
		}
		c.mu.Lock()
		if quirks.CrashesOnRenewals && !c.lastRenew.IsZero() && time.Since(c.lastRenew) < 50*time.Second {
			c.crashed = true
		}
		c.lastRenew = time.Now()
		s.ends = time.Now().Add(lives)
		c.mu.Unlock()
		c.write(w, 200, "<wsnt:RenewResponse>"+c.span(lives)+"</wsnt:RenewResponse>")
	default:
		c.mu.Lock()
		for id, other := range c.subs {
			if !c.abandoned && (other == s || quirks.UnsubscribeEndsAll) {
				other.end()
				delete(c.subs, id)
			}
		}
		c.mu.Unlock()
		c.write(w, 200, "<wsnt:UnsubscribeResponse/>")
	}
}

// pull waits for messages.
func (c *Camera) pull(w http.ResponseWriter, q *query, s *subscription) {
	quirks := c.Vendor.Quirks
	wait, _ := strconv.Atoi(strings.Trim(q.values["Timeout"], "PTS"))
	limit, _ := strconv.Atoi(q.values["MessageLimit"])
	span := time.Duration(wait) * time.Second
	if quirks.MaxTimeout > 0 && span > quirks.MaxTimeout {
		p := c.Vendor.Prefix
		c.write(w, http.StatusBadRequest, fmt.Sprintf("<%[1]s:Fault><%[1]s:Code><%[1]s:Value>%[1]s:Sender</%[1]s:Value></%[1]s:Code><%[1]s:Reason><%[1]s:Text>too long</%[1]s:Text></%[1]s:Reason><%[1]s:Detail>"+
			"<tev:PullMessagesFaultResponse><tev:MaxTimeout>PT%[2]dS</tev:MaxTimeout><tev:MaxMessageLimit>10</tev:MaxMessageLimit></tev:PullMessagesFaultResponse></%[1]s:Detail></%[1]s:Fault>", p, int(quirks.MaxTimeout.Seconds())))
		return
	}
	dropping := quirks.DropsIdlePolls > 0 && quirks.DropsIdlePolls < span
	if dropping {
		span = quirks.DropsIdlePolls
	}
	if quirks.AnswersAtOnce {
		span = 0
	}
	timer := time.NewTimer(span)
	defer timer.Stop()
	for {
		c.mu.Lock()
		text := ""
		n := min(limit, len(s.queue))
		for _, m := range s.queue[:n] {
			text += m
		}
		s.queue = s.queue[n:]
		if quirks.NoRenew {
			s.ends = time.Now().Add(10 * time.Minute)
		}
		c.mu.Unlock()
		if text != "" {
			c.write(w, 200, "<tev:PullMessagesResponse>"+c.span(time.Minute)+text+"</tev:PullMessagesResponse>")
			return
		}
		select {
		case <-s.arrived:
		case <-s.over:
			c.fault(w, http.StatusBadRequest, "Receiver", "ResourceUnknownFault", "the subscription has ended")
			return
		case <-timer.C:
			if dropping {
				drop(w)
				return
			}
			c.write(w, 200, "<tev:PullMessagesResponse>"+c.span(time.Minute)+"</tev:PullMessagesResponse>")
			return
		case <-q.gone:
			return
		case <-c.closing:
			return
		}
	}
}
