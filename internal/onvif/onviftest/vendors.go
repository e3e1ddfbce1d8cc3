package onviftest

import (
	"strings"
	"time"
)

// Vendor is a kind of camera: how it writes, logs in, where its services are, and what it reports.
type Vendor struct {
	Name                  string
	Maker, Model          string
	Firmware, Serial, MAC string
	Prefix                string            // of SOAP elements
	Renamed               map[string]string // other prefixes, by the usual one
	Login                 Login
	Realm                 string
	Port, RTSPPort        string
	MediaPath, EventPath  string
	StreamPath            string // with TOKEN for the profile's
	Media2                bool
	Streams               []Stream
	Zone                  string
	East                  time.Duration // of Greenwich
	Scopes                string        // in discovery
	Quirks                Quirks
	Reports               []Report
}

// Stream is a profile.
type Stream struct {
	Token         string
	Encoding      string // as media 1 or media 2 writes it
	Width, Height int
	Rate, GOP     int
}

// Report is what a vendor's camera says when something happens, and what that is.
type Report struct {
	Begin Message
	End   *Message // nil for a moment
	Kinds []string // in the order in which they are to be reported
}

// state returns a report of a property with one boolean. Values are the ones for on and off, with a slash between.
func state(kind, topic, source, item, values string) Report {
	on, off, _ := strings.Cut(values, "/")
	return Report{Begin: Message{Topic: topic, Source: source, Data: []string{item + "=" + on}},
		End: &Message{Topic: topic, Source: source, Data: []string{item + "=" + off}}, Kinds: []string{kind}}
}

const (
	standard = "VideoSourceConfigurationToken=vsc"
	source   = "Source=vs0"
)

// Plain returns a camera that does everything as the specifications say.
func Plain() Vendor {
	return Vendor{Name: "plain", Maker: "Keepwatch", Model: "Kamera", Firmware: "1", Serial: "P-0001", MAC: "02:00:00:00:00:01", Prefix: "s",
		RTSPPort: "554", MediaPath: "/onvif/media_service", EventPath: "/onvif/event_service", StreamPath: "/TOKEN",
		Streams: []Stream{{"main", "H264", 1920, 1080, 25, 50}, {"sub", "H264", 640, 360, 10, 20}},
		Zone:    "UTC0", Scopes: "onvif://www.onvif.org/name/Plain onvif://www.onvif.org/hardware/Kamera",
		Reports: []Report{state("motion", "tns1:RuleEngine/CellMotionDetector/Motion", standard, "IsMotion", "true/false")}}
}

// of makes a vendor from the plain one.
func of(name string, change func(*Vendor)) Vendor {
	v := Plain()
	v.Name = name
	change(&v)
	return v
}

// Vendors returns twelve cameras that resemble those on the market, in the ways that are publicly known of them: their prefixes,
// logins, addresses, topics and quirks.
func Vendors() []Vendor {
	return []Vendor{hikvision(), dahua(), amcrest(), reolink(), axis(), tapo(), uniview(), hanwha(), bosch(), foscam(), vivotek(), clone()}
}

func hikvision() Vendor {
	return of("hikvision", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "HIKVISION", "DS-2CD2143G2-I", "DS-2CD2143G2-I20210101AAWRF00000001", "44:19:b6:00:00:01"
		v.Prefix, v.Login, v.Realm = "env", Digest, "IP Camera(F0001)"
		v.MediaPath, v.EventPath, v.StreamPath = "/onvif/Media", "/onvif/Events", "/Streaming/Channels/101?transportmode=unicast&profile=TOKEN"
		v.Media2, v.Streams = true, []Stream{{"Profile_1", "H265", 2688, 1520, 25, 50}, {"Profile_2", "H264", 640, 360, 25, 50}}
		v.Zone, v.East = "CST-8:00:00", 8*time.Hour
		v.Scopes = "onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/hardware/DS-2CD2143G2-I onvif://www.onvif.org/name/HIKVISION%20DS-2CD2143G2-I"
		v.Quirks = Quirks{ForgetsNonces: true, UnsubscribeEndsAll: true}
		v.Reports = append(v.Reports, state("motion", "tns1:VideoSource/MotionAlarm", source, "State", "true/false"),
			state("intrusion", "tns1:RuleEngine/FieldDetector/ObjectsInside", standard, "IsInside", "true/false"),
			state("input", "tns1:Device/Trigger/tnshik:AlarmIn", "AlarmInToken=1", "State", "true/false"),
			Report{Begin: Message{Topic: "tns1:RuleEngine/LineDetector/Crossed", Source: standard, Data: []string{"ObjectId=1"}, Moment: true}, Kinds: []string{"line"}})
	})
}

func dahua() Vendor {
	return of("dahua", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "Dahua", "IPC-HDW2431T", "5J00000PAZ00001", "38:AF:29:00:00:01"
		v.Login, v.Realm, v.Port = Digest, "Login to 5J00000PAZ00001", "80"
		v.MediaPath, v.EventPath, v.StreamPath = "/onvif/media_service", "/onvif/event_service", "/cam/realmonitor?channel=1&subtype=0&unicast=true&proto=Onvif&token=TOKEN"
		v.Media2 = true
		v.Zone = "GMT+08:00"
		v.East = 8 * time.Hour
		v.Quirks = Quirks{RelativeTimeRefused: true, MaxSubscriptions: 3}
		v.Reports = append(v.Reports, state("motion", "tns1:VideoSource/MotionAlarm", source, "State", "true/false"),
			state("tamper", "tns1:VideoSource/GlobalSceneChange/ImagingService", source, "State", "true/false"))
	})
}

func amcrest() Vendor {
	return of("amcrest", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "Amcrest", "IP5M-T1179EW", "AMC000000000001", "9c8ecd000001"
		v.Login, v.Realm = OldDigest, "Login to AMC1"
		v.StreamPath = "/cam/realmonitor?channel=1&subtype=TOKEN"
		v.Quirks = Quirks{NoSnapshot: "empty", GrantsNothing: true, DropsIdlePolls: 20 * time.Second}
		v.Reports = append(v.Reports, state("sound", "tns1:AudioAnalytics/Audio/DetectedSound", "AudioSourceConfigurationToken=1", "IsSoundDetected", "1/0"))
	})
}

func reolink() Vendor {
	return of("reolink", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "Reolink", "Reolink Video Doorbell PoE", "1234567890", "ec:71:db:00:00:01"
		v.Prefix, v.Login, v.Port = "SOAP-ENV", Token, "8000"
		v.StreamPath = "/Preview_01_TOKEN"
		v.Quirks = Quirks{Address: "http://ADDRESS:8000", UnitsIgnored: true, NoGetServices: true}
		for _, r := range [][2]string{{"PeopleDetect", "person"}, {"VehicleDetect", "vehicle"}, {"DogCatDetect", "animal"}, {"FaceDetect", "face"}, {"Visitor", "doorbell"}, {"Package", "package"}} {
			v.Reports = append(v.Reports, state(r[1], "tns1:RuleEngine/MyRuleDetector/"+r[0], "Source=000", "State", "true/false"))
		}
	})
}

func axis() Vendor {
	return of("axis", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "AXIS", "M3045-V", "ACCC8E000001", "AC:CC:8E:00:00:01"
		v.Prefix, v.Login = "SOAP-ENV", Token
		v.MediaPath, v.EventPath, v.StreamPath = "/onvif/services", "/onvif/services/events", "/onvif-media/media.amp?profile=TOKEN&sessiontimeout=60&streamtype=unicast"
		v.Quirks = Quirks{EchoParameters: true}
		v.Reports = []Report{
			state("motion", "tnsaxis:CameraApplicationPlatform/VMD/Camera1Profile1", "port=1", "active", "1/0"),
			state("motion", "tns1:RuleEngine/tnsaxis:VMD3/vmd3_video_1", "areaid=0", "active", "1/0"),
			state("tamper", "tns1:VideoSource/tnsaxis:Tampering", "channel=1", "tampering", "1/0"),
			state("input", "tns1:Device/tnsaxis:IO/Port", "port=0", "state", "1/0"),
			state("storage-failure", "tnsaxis:Storage/Disruption", "disk_id=SD_DISK", "disruption", "1/0"),
		}
	})
}

func tapo() Vendor {
	return of("tapo", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "tp-link", "Tapo C320WS", "a0b1c2d3", "5C-62-8B-00-00-01"
		v.Prefix, v.Login, v.Port = "SOAP-ENV", Token, "2020"
		v.MediaPath, v.EventPath, v.StreamPath = "/onvif/service", "/onvif/service_events", "/stream1?token=TOKEN"
		v.Quirks = Quirks{BrokenTimes: true, MaxTimeout: 30 * time.Second, NoSnapshot: "fault", DeniesPullPoint: true}
		v.Reports = append(v.Reports, state("person", "tns1:RuleEngine/PeopleDetector/People", standard, "IsPeople", "true/false"),
			state("tamper", "tns1:RuleEngine/CellMotionDetector/Motion", "Rule=tamper", "IsTamper", "true/false"),
			Report{Begin: Message{Topic: "tns1:RuleEngine/CellMotionDetector/TpSmartEvent", Source: standard, Data: []string{"IsPeople=true", "IsPet=true"}},
				End: &Message{Topic: "tns1:RuleEngine/CellMotionDetector/TpSmartEvent", Source: standard, Data: []string{"IsPeople=false", "IsPet=false"}}, Kinds: []string{"person", "animal"}})
	})
}

func uniview() Vendor {
	return of("uniview", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "UNIVIEW", "IPC3614LE", "210235C0000001", "48:ea:63:00:00:01"
		v.Login, v.Realm = SHA256Digest, "48ea63000001"
		v.StreamPath = "/media/video1?token=TOKEN"
		v.Quirks = Quirks{ServiceHost: "10.20.30.40:80", RelativeTimeBroken: true}
		v.Reports = append(v.Reports, state("tamper", "tns1:RuleEngine/TamperDetector/Tamper", standard, "IsTamper", "true/false"))
	})
}

func hanwha() Vendor {
	return of("hanwha", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "Hanwha Techwin", "XNV-6080", "ZB7X70GK000001", "00:09:18:00:00:01"
		v.Login, v.Realm = Digest, "iPolis_00:09:18:00:00:01"
		v.Prefix, v.Renamed = "SOAP-ENV", map[string]string{"tt": "ns1", "wsnt": "ns2"}
		v.MediaPath, v.EventPath, v.StreamPath = "/onvif/media_service", "/onvif/event_service", "/onvif/TOKEN/media.smp"
		v.Quirks = Quirks{AnswersAtOnce: true}
		v.Reports = []Report{
			state("motion", "tns1:VideoAnalytics/tnssamsung:MotionDetection", standard, "State", "1/0"),
			state("sound", "tns1:AudioSource/tnssamsung:AudioDetection", "AudioSourceToken=1", "State", "true/false"),
			state("relay", "tns1:Device/Trigger/Relay", "RelayToken=1", "LogicalState", "active/inactive"),
		}
	})
}

func bosch() Vendor {
	return of("bosch", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "Bosch", "FLEXIDOME IP 5000i", "044518000000000001", "00:04:63:00:00:01"
		v.Login, v.Realm = Token, ""
		v.Media2, v.StreamPath = true, "/rtsp_tunnel?p=0&line=1&inst=TOKEN"
		v.Quirks = Quirks{NoRenew: true, OperatorOnly: true, EchoesPassword: true}
		v.Reports = []Report{
			state("motion", "tns1:VideoAnalytics/Motion", "VideoSource=1", "State", "true/false"),
			state("input", "tns1:Device/Trigger/DigitalInput", "InputToken=1", "LogicalState", "true/false"),
		}
	})
}

func foscam() Vendor {
	return of("foscam", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "Foscam", "R4M", "000000000001", "C0:A6:6D:00:00:01"
		v.Login, v.Port, v.RTSPPort = EmptyLogin, "888", "88"
		v.StreamPath = "/videoMain?t=TOKEN"
		v.Quirks = Quirks{Clock1970: true, CrashesOnRenewals: true, NoGetCapabilities: true}
	})
}

func vivotek() Vendor {
	return of("vivotek", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "VIVOTEK", "IB9387-HT", "0002D1000001", "0002D1000001"
		v.Login, v.Realm = Token, ""
		v.StreamPath = "/live.sdp?t=TOKEN"
		v.Zone, v.East = "CST-8", 8*time.Hour
		v.Quirks = Quirks{LocalTimeOnly: true, ClockOffset: 40 * time.Minute, BadUTF8: true, NoEventAddress: true}
		v.Reports = []Report{
			state("motion", "tns1:tns1:RuleEngine/tns1:MotionRegionDetector/tns1:Motion//.", "VideoSource=vs0", "State", "1/0"),
			state("tamper", "tns1:VideoAnalytics/tnsvivotek:Tampering", "VideoSource=vs0", "State", "true/false"),
		}
	})
}

func clone() Vendor {
	return of("clone", func(v *Vendor) {
		v.Maker, v.Model, v.Serial, v.MAC = "H264", "IPC Kamera", "1", "00:12:41:00:00:01"
		v.Login, v.Port = NoLogin, "8899"
		v.StreamPath = "/user=admin_password=_channel=1_stream=TOKEN.sdp"
		v.Quirks = Quirks{Address: "-", NoDate: true, BrokenTimes: true, AnswersAtOnce: true, NoGetServices: true, NoSnapshot: "empty", ServiceHost: "192.168.1.10:8899"}
		v.Reports = []Report{state("motion", "tns1:VideoSource/MotionAlarm", "VideoSourceToken=V_SRC_000", "State", "true/false"),
			{Begin: Message{Topic: "tns1:VideoSource/Kamera/Something", Source: "Source=1", Data: []string{"Level=7"}, Moment: true}, Kinds: []string{""}}}
	})
}
