package onvif

import "strings"

// Kind is what a notification is about. The empty Kind is a topic that is not known; it is handed on as the camera wrote it.
type Kind string

// The kinds.
const (
	Motion         Kind = "motion"
	Person         Kind = "person"
	Vehicle        Kind = "vehicle"
	Animal         Kind = "animal"
	Face           Kind = "face"
	Package        Kind = "package"
	Doorbell       Kind = "doorbell"
	Line           Kind = "line"      // somebody or something crossed a line
	Intrusion      Kind = "intrusion" // is in an area, or stays there
	Tamper         Kind = "tamper"    // the camera is covered, moved or cannot see
	Sound          Kind = "sound"
	Input          Kind = "input" // a digital input
	Relay          Kind = "relay" // a relay output
	StorageFailure Kind = "storage-failure"
)

// topicRule says what the notifications of a topic mean. Topics are without namespaces.
type topicRule struct {
	topic string // a segment may be *; a last segment ** stands for any number of segments
	kind  Kind
	item  string // the items with the state, separated by |; one of the usual names if empty
}

// topicRules is the table of topics: those of the ONVIF specifications (Analytics annex A, Device IO, Imaging), then vendors' own.
// The first rule that fits a topic decides.
func topicRules() []topicRule {
	return []topicRule{
		{"VideoSource/MotionAlarm", Motion, "State"},
		{"RuleEngine/CellMotionDetector/Motion", Motion, "IsMotion"},
		{"RuleEngine/MotionRegionDetector/Motion", Motion, "State"},
		{"RuleEngine/FieldDetector/ObjectsInside", Intrusion, "IsInside"},
		{"RuleEngine/LoiteringDetector/**", Intrusion, ""},
		{"RuleEngine/LineDetector/Crossed", Line, ""},
		{"RuleEngine/TamperDetector/Tamper", Tamper, "IsTamper|State"},
		{"RuleEngine/Recognition/Face", Face, ""},
		{"RuleEngine/Recognition/LicensePlate", Vehicle, ""},
		{"VideoSource/GlobalSceneChange/*", Tamper, "State"},
		{"VideoSource/ImageTooBlurry/*", Tamper, "State"},
		{"VideoSource/ImageTooDark/*", Tamper, "State"},
		{"VideoSource/ImageTooBright/*", Tamper, "State"},
		{"AudioAnalytics/Audio/DetectedSound", Sound, "IsSoundDetected"},
		{"AudioSource/DetectedSound", Sound, ""},
		{"Device/Trigger/DigitalInput", Input, "LogicalState|State"},
		{"Device/Trigger/Relay", Relay, "LogicalState|State"},
		{"Device/HardwareFailure/StorageFailure", StorageFailure, "Failed"},
		// TP-Link and its clones have detectors with the kind in the name.
		{"RuleEngine/PeopleDetector/People", Person, "IsPeople"},
		{"RuleEngine/CellMotionDetector/People", Person, "IsPeople"},
		{"RuleEngine/CellMotionDetector/Tamper", Tamper, "IsTamper"},
		{"RuleEngine/CellMotionDetector/Intrusion", Intrusion, "IsIntrusion"},
		{"RuleEngine/CellMotionDetector/LineCross", Line, "IsLineCross"},
		// Reolink.
		{"RuleEngine/MyRuleDetector/PeopleDetect", Person, "State"},
		{"RuleEngine/MyRuleDetector/VehicleDetect", Vehicle, "State"},
		{"RuleEngine/MyRuleDetector/DogCatDetect", Animal, "State"},
		{"RuleEngine/MyRuleDetector/FaceDetect", Face, "State"},
		{"RuleEngine/MyRuleDetector/Visitor", Doorbell, "State"},
		{"RuleEngine/MyRuleDetector/Package", Package, "State"},
		// Hikvision, Dahua, Uniview.
		{"Device/Trigger/AlarmIn", Input, "State|LogicalState"},
		{"Device/Trigger/DoorBell", Doorbell, ""},
		{"RuleEngine/FieldDetector/ObjectIsInside", Intrusion, ""},
		{"VideoAnalytics/SmartMotion/Human", Person, ""},
		{"VideoAnalytics/SmartMotion/Vehicle", Vehicle, ""},
		{"VideoAnalytics/FaceDetection", Face, ""},
		// AXIS.
		{"CameraApplicationPlatform/VMD/*", Motion, "active"},
		{"CameraApplicationPlatform/ObjectAnalytics/*", Motion, "active"},
		{"RuleEngine/VMD3/*", Motion, "active|areaid"},
		{"VideoAnalytics/MotionDetection", Motion, "motion|State|IsMotion"},
		{"VideoSource/Tampering", Tamper, "tampering"},
		{"VideoSource/ABR", "", ""},
		{"AudioSource/TriggerLevel", Sound, "triggered"},
		{"Device/IO/Port", Input, "state"},
		{"Device/IO/VirtualInput", Input, "active"},
		{"Storage/Disruption", StorageFailure, "disruption"},
		// Hanwha, Bosch, Vivotek.
		{"VideoAnalytics/Motion", Motion, ""},
		{"VideoAnalytics/Tampering", Tamper, ""},
		{"VideoSource/FaceDetection", Face, ""},
		{"VideoSource/MotionDetection", Motion, ""},
		{"AudioSource/AudioDetection", Sound, ""},
		{"RuleEngine/AudioDetection/*", Sound, ""},
	}
}

// itemKinds lists boolean items that say themselves what they are about. Where one is present it decides, whatever the topic:
// TP-Link puts people, pets and tampering in items of the topic for motion.
func itemKinds() [12]struct {
	item string
	kind Kind
} {
	return [...]struct {
		item string
		kind Kind
	}{
		{"ispeople", Person}, {"isperson", Person}, {"ishuman", Person}, {"isvehicle", Vehicle}, {"ispet", Animal}, {"isanimal", Animal},
		{"isface", Face}, {"ispackage", Package}, {"istamper", Tamper}, {"islinecross", Line}, {"isintrusion", Intrusion}, {"issounddetected", Sound},
	}
}

// classKind returns the kind of an object class, as analytics write it (ClassTypes).
func classKind(class string) Kind {
	switch strings.ToLower(class) {
	case "human", "person", "people", "pedestrian":
		return Person
	case "vehicle", "vehical", "car", "truck", "bus", "bicycle", "motorcycle", "licenseplate":
		return Vehicle
	case "animal", "pet", "dog", "cat":
		return Animal
	case "face":
		return Face
	case "package", "parcel":
		return Package
	}
	return ""
}

// plainTopic strips what vendors add: a namespace in front of the first segment or of each, and empty or dotted segments at
// the end.
func plainTopic(s string) string {
	var segments []string
	for segment := range strings.SplitSeq(strings.TrimSpace(s), "/") {
		if i := strings.LastIndex(segment, ":"); i >= 0 {
			segment = segment[i+1:]
		}
		if segment = printable(segment, 80); segment != "" && segment != "." && len(segments) < 12 {
			segments = append(segments, segment)
		}
	}
	return strings.Join(segments, "/")
}

// fits reports whether a plain topic is what a rule is for.
func (r topicRule) fits(topic string) bool {
	want, have := strings.Split(r.topic, "/"), strings.Split(topic, "/")
	for i, w := range want {
		switch {
		case w == "**":
			return true
		case i >= len(have), w != "*" && !strings.EqualFold(w, have[i]):
			return false
		}
	}
	return len(want) == len(have)
}
