package onvif

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// notify makes a PullMessagesResponse with one notification. Data are name=value pairs.
func notify(topic, operation string, data ...string) string {
	items := ""
	for _, d := range data {
		name, value, _ := strings.Cut(d, "=")
		items += fmt.Sprintf(`<tt:SimpleItem Name="%s" Value="%s"/>`, name, value)
	}
	return `<PullMessagesResponse><w:NotificationMessage><w:Topic Dialect="d">` + topic + `</w:Topic><w:Message><tt:Message UtcTime="2026-11-30T10:00:00Z" PropertyOperation="` +
		operation + `"><tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="1"/></tt:Source><tt:Data>` + items +
		`</tt:Data></tt:Message></w:Message></w:NotificationMessage></PullMessagesResponse>`
}

func TestTopicsHaveTheirKinds(t *testing.T) {
	for _, c := range []struct {
		topic string
		data  []string
		want  string
	}{
		{"tns1:RuleEngine/CellMotionDetector/Motion", []string{"IsMotion=true"}, "motion:1"},
		{"tns1:RuleEngine/CellMotionDetector/Motion//.", []string{"IsMotion=false"}, "motion:2"},
		{"tns1:RuleEngine/tns1:CellMotionDetector/tns1:Motion", []string{"IsMotion=1"}, "motion:1"},
		{"tns1:RuleEngine/CellMotionDetector/Motion", []string{"Rule=false", "IsMotion=true"}, "motion:1"},
		{"tns1:RuleEngine/CellMotionDetector/Motion", []string{"IsPeople=true", "IsPet=false", "IsTamper=0"}, "person:1 animal:2 tamper:2"},
		{"tns1:RuleEngine/CellMotionDetector/Motion", []string{"IsMotion=true", "IsVehicle=true"}, "vehicle:1 motion:1"},
		{"tns1:RuleEngine/FieldDetector/ObjectsInside", []string{"IsInside=true", "ClassTypes=Human Vehicle"}, "person:1 vehicle:1 intrusion:1"},
		{"tns1:RuleEngine/ObjectDetection/Object", []string{"ClassTypes=Human Vehicle"}, "person:0 vehicle:0"},
		{"tns1:RuleEngine/MyRuleDetector/Visitor", []string{"State=true"}, "doorbell:1"},
		{"tns1:RuleEngine/MyRuleDetector/Package", []string{"State=true"}, "package:1"},
		{"tns1:RuleEngine/LineDetector/Crossed", []string{"ObjectId=7"}, "line:0"},
		{"tns1:VideoAnalytics/tnssamsung:MotionDetection", []string{"State=1"}, "motion:1"},
		{"tnsaxis:CameraApplicationPlatform/VMD/Camera1Profile1", []string{"active=1"}, "motion:1"},
		{"tns1:Device/Trigger/DigitalInput", []string{"LogicalState=active"}, "input:1"},
		{"tns1:Device/HardwareFailure/StorageFailure", []string{"Failed=true"}, "storage-failure:1"},
		{"tns1:AudioAnalytics/Audio/DetectedSound", []string{"IsSoundDetected=true"}, "sound:1"},
		{"tns1:VideoSource/GlobalSceneChange/ImagingService", []string{"State=true"}, "tamper:1"},
		{"acme:Nobody/Knows/This", []string{"State=true"}, ":1"},
	} {
		n, err := parse([]byte(notify(c.topic, "Changed", c.data...)))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, one := range readNotifications(n, time.Unix(1, 0)) {
			got = append(got, fmt.Sprintf("%s:%d", one.Kind, one.reading))
			if one.Camera.Hour() != 10 || one.At != time.Unix(1, 0) || one.Source != "VideoSourceConfigurationToken=1" || one.Operation != Changed {
				t.Errorf("%s: %+v", c.topic, one)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %v is %v, want %s", c.topic, c.data, got, c.want)
		}
	}
}

func TestTimesThatAreNoneAreUnknown(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-30T10:00:01Z":        "2026-11-30T10:00:01Z",
		"2026-11-30 10:00:01":         "2026-11-30T10:00:01Z",
		"2026-11-30T10:00:01+02:00":   "2026-11-30T08:00:01Z",
		"2026-1-3T1:00:01.25-0700":    "2026-01-03T08:00:01.25Z",
		"0000-00-00T00:00:00Z":        "",
		"2026-11-30T00:61:16Z":        "",
		"2026-11-30T-07:00:00Z":       "",
		"":                            "",
		"2026-11-30T10:00:01Z; DROP ": "",
	} {
		got := ""
		if v, ok := readTime(text); ok {
			got = v.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]time.Duration{"PT60S": time.Minute, "PT10M": 10 * time.Minute, "P1DT1H": 25 * time.Hour, "PT0.5S": 0, "PT": 0, "60": -1, "": -1} {
		got, ok := readDuration(text)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

func TestStatesBeginAndEnd(t *testing.T) {
	var got []string
	s := newStates(func(e Event) {
		got = append(got, fmt.Sprintf("%s %s %d-%d", e.Kind, e.State, e.Since.Unix(), e.At.Unix()))
	})
	at := func(second int64, kind Kind, r reading) {
		now := time.Unix(second, 0)
		s.pass(now)
		s.take(Notification{Kind: kind, Topic: "t", At: now, reading: r})
	}
	at(1, Motion, on)
	at(2, Motion, on)
	at(3, Motion, off)
	at(4, Motion, off)
	at(5, Line, moment)
	at(14, Line, moment)
	at(30, Person, on)
	s.lose(time.Unix(31, 0))
	at(32, Person, off)
	want := []string{"motion on 1-1", "motion off 1-3", "line on 5-5", "line off 5-24", "person on 30-30", "person unknown 30-31", "person off 32-32"}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestManyStatesStayBounded(t *testing.T) {
	count := map[State]int{}
	s := newStates(func(e Event) { count[e.State]++ })
	for i := range 10 * maxStates {
		r := on
		if i%2 == 1 {
			r = off
		}
		s.take(Notification{Kind: Line, Source: fmt.Sprint(i), At: time.Unix(int64(i), 0), reading: r})
	}
	if len(s.on) != maxStates || len(s.off) > maxStates || count[Unknown] != 4*maxStates {
		t.Errorf("%d on, %d off, %v", len(s.on), len(s.off), count)
	}
}

func FuzzNotifications(f *testing.F) {
	f.Add([]byte(notify("tns1:RuleEngine/CellMotionDetector/Motion", "Changed", "IsMotion=true")))
	f.Add([]byte(notify("a:b/c:d/.", "Deleted", "ClassTypes=Human,Vehicle", "IsPeople=1")))
	f.Add([]byte(notify("/////", "Initialized", "=", "State=")))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := parse(data)
		if err != nil {
			return
		}
		events := 0
		s := newStates(func(Event) { events++ })
		all := readNotifications(n, time.Unix(1, 0))
		for _, one := range all {
			if len(one.Topic) > 1200 || len(one.Source) > 300 || strings.ContainsAny(one.Topic+one.Source, "\n\x00") {
				t.Errorf("%q %q", one.Topic, one.Source)
			}
			s.take(one)
		}
		if s.lose(time.Unix(2, 0)); len(all) > maxNotifications || events > 2*len(all) || len(s.on) != 0 {
			t.Errorf("%d notifications, %d events", len(all), events)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte(match))
	f.Add([]byte(`<E><Body><Fault><Code><Value>s:Sender</Value><Subcode><Value>ter:NotAuthorized</Value></Subcode></Code><Reason><Text>no &lt;secret&gt;</Text></Reason></Fault></Body></E>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Envelope><Body><a>&x;</a></Body></Envelope>`))
	f.Add([]byte(strings.Repeat("<a>", 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := parse(data)
		if err != nil {
			return
		}
		var b strings.Builder
		n.write(&b, "")
		again, err := parse([]byte(b.String()))
		if err == nil && (again.name != n.name || len(again.kids) != len(n.kids)) {
			t.Errorf("%s became %s", n.name, b.String())
		}
		_ = readClock(n.deep("SystemDateAndTime"), time.Unix(1, 0))
		_ = readMAC(n.deep("GetNetworkInterfacesResponse"))
		_ = readProfile(n)
		if fault := n.deep("Fault"); fault != nil {
			if f := readFault(fault); len(scrub(f.Reason, "secret")) > maxReason || len(f.Code) > 400 || strings.Contains(scrub(f.Reason, "secret"), "secret") {
				t.Errorf("%+v", f)
			}
		}
		for _, text := range []string{n.value("XAddr"), n.text} {
			if a, ok := readAddress(text); ok && (!strings.HasPrefix(a.path, "/") || a.port != "" && !isPort(a.port)) {
				t.Errorf("%q: %+v", text, a)
			}
		}
	})
}
