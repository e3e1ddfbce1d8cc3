package onvif

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Item is a named value of a notification (tt:SimpleItem).
type Item struct{ Name, Value string }

// Operation is how a property changed (ONVIF Core section 9.5.2); empty for events that are no properties.
type Operation string

// The operations.
const (
	Initialized Operation = "Initialized" // the value when the subscription began
	Changed     Operation = "Changed"
	Deleted     Operation = "Deleted"
)

// Notification is one thing that a camera reports. All text is printable and short.
type Notification struct {
	Kind      Kind   // empty if the topic is not known
	Topic     string // without namespaces, such as RuleEngine/CellMotionDetector/Motion
	Source    string // which part of the camera: NAME=VALUE of its source and key items, with semicolons between
	Operation Operation
	Items     []Item // source, key and data items, as the camera wrote them
	// At is when it happened: when the answer arrived, minus the time that answers of this camera take. Cameras' own times are
	// often wrong and never decide an order.
	At     time.Time
	Camera time.Time // the time that the camera gives; zero if it gives none that can be read

	reading reading
}

// reading is what a notification says of a state.
type reading uint8

const (
	moment reading = iota // that something happened, not that it lasts
	on
	off
)

const (
	maxNotifications = 200 // of one answer
	maxItems         = 32  // of one notification
	maxKinds         = 8   // that one notification is about
)

// readNotifications reads the notifications in a response, in their order. One that is about several kinds gives several.
func readNotifications(n *node, at time.Time) []Notification {
	var found []Notification
	rules := topicRules()
	for _, one := range n.all("NotificationMessage") {
		found = append(found, readNotification(one, at, rules)...)
		if len(found) >= maxNotifications {
			return found[:maxNotifications]
		}
	}
	return found
}

func readNotification(n *node, at time.Time, rules []topicRule) []Notification {
	message := n.first("Message", "Message")
	if message == nil {
		message = n.first("Message")
	}
	topic := plainTopic(n.value("Topic"))
	if message == nil || topic == "" {
		return nil
	}
	base := Notification{Topic: topic, At: at}
	if operation := Operation(message.attr("PropertyOperation")); slices.Contains([]Operation{Initialized, Changed, Deleted}, operation) {
		base.Operation = operation
	}
	base.Camera, _ = readTime(message.attr("UtcTime"))
	source := append(readItems(message.first("Source")), readItems(message.first("Key"))...)
	data := readItems(message.first("Data"))
	var parts []string
	for _, item := range source {
		parts = append(parts, item.Name+"="+item.Value)
	}
	base.Source = printable(strings.Join(parts, ";"), 300)
	base.Items = append(source, data...)
	return base.meanings(data, rules)
}

// readItems reads the simple items directly below.
func readItems(n *node) []Item {
	var items []Item
	for _, i := range n.all("SimpleItem") {
		if len(items) < maxItems {
			items = append(items, Item{printable(i.attr("Name"), 60), printable(i.attr("Value"), 120)})
		}
	}
	return items
}

// meanings returns the notification once for each kind that it is about.
func (n Notification) meanings(data []Item, rules []topicRule) []Notification {
	var found []Notification
	add := func(kind Kind, r reading) {
		if n.Operation == Deleted {
			r = off
		}
		same := func(other Notification) bool { return other.Kind == kind }
		if i := slices.IndexFunc(found, same); i >= 0 {
			if r == on || found[i].reading == moment {
				found[i].reading = r
			}
		} else if len(found) < maxKinds {
			one := n
			one.Kind, one.reading = kind, r
			found = append(found, one)
		}
	}
	i := slices.IndexFunc(rules, func(r topicRule) bool { return r.fits(n.Topic) })
	rule := topicRule{}
	if i >= 0 {
		rule = rules[i]
	}
	for _, one := range itemKinds() {
		if value, ok := valueOf(data, one.item); ok {
			add(one.kind, readState(value))
		}
	}
	byItem := len(found) > 0
	for _, item := range data {
		if strings.EqualFold(item.Name, "ClassTypes") || strings.EqualFold(item.Name, "ObjectType") || strings.EqualFold(item.Name, "Class") {
			for class := range strings.FieldsFuncSeq(item.Value, func(r rune) bool { return r == ' ' || r == ',' }) {
				if kind := classKind(class); kind != "" {
					add(kind, stateIn(data, rule.item))
				}
			}
		}
	}
	if _, named := valueOf(data, rule.item); rule.kind != "" && (named || !byItem) || len(found) == 0 {
		add(rule.kind, stateIn(data, rule.item))
	}
	return found
}

// valueOf returns the value of the first item with one of the names, which | separates.
func valueOf(items []Item, names string) (string, bool) {
	for name := range strings.SplitSeq(names, "|") {
		for _, i := range items {
			if name != "" && strings.EqualFold(i.Name, name) {
				return i.Value, true
			}
		}
	}
	return "", false
}

// usualItems are the names under which cameras give a state, where the table names none.
const usualItems = "State|IsMotion|LogicalState|IsInside|Active|IsActive|Alarm|Motion|Triggered"

// stateIn returns the state in the named item, or else in one with a usual name. Without either, the notification is of a moment.
func stateIn(items []Item, names string) reading {
	value, ok := valueOf(items, names)
	if !ok {
		value, ok = valueOf(items, usualItems)
	}
	if !ok {
		return moment
	}
	return readState(value)
}

// readState reads a state as cameras write it. What is neither is a moment.
func readState(value string) reading {
	switch low := strings.ToLower(strings.TrimSpace(value)); {
	case isTrue(low):
		return on
	case slices.Contains([]string{"false", "0", "inactive", "off", "no"}, low):
		return off
	}
	return moment
}

// key is what a state belongs to.
func (n Notification) key() string {
	return cmp.Or(string(n.Kind), "?") + " " + n.Topic + " " + n.Source
}
