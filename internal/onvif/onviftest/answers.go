package onviftest

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// write sends a SOAP body in the vendor's manner. It has the elements of ONVIF with the prefixes tds, trt, tr2, tev, tt and wsnt.
func (c *Camera) write(w http.ResponseWriter, status int, body string) {
	p := c.Vendor.Prefix
	text := `<?xml version="1.0" encoding="UTF-8"?>` + "\n<" + p + `:Envelope xmlns:` + p + `="http://www.w3.org/2003/05/soap-envelope"` +
		` xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tr2="http://www.onvif.org/ver20/media/wsdl"` +
		` xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2"` +
		` xmlns:wsa5="http://www.w3.org/2005/08/addressing" xmlns:tns1="http://www.onvif.org/ver10/topics" xmlns:ter="http://www.onvif.org/ver10/error">` +
		"<" + p + ":Header/><" + p + ":Body>" + body + "</" + p + ":Body></" + p + ":Envelope>"
	for from, to := range c.Vendor.Renamed {
		text = strings.NewReplacer("<"+from+":", "<"+to+":", "</"+from+":", "</"+to+":", "xmlns:"+from+"=", "xmlns:"+to+"=").Replace(text)
	}
	if c.Vendor.Quirks.BadUTF8 {
		text = strings.ReplaceAll(text, "Kamera", "Kam\xe9ra\xff")
	}
	w.Header().Set("Content-Type", "application/soap+xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// fault sends a SOAP fault.
func (c *Camera) fault(w http.ResponseWriter, status int, code, subcode, reason string) {
	p := c.Vendor.Prefix
	if c.Vendor.Quirks.EchoesPassword {
		reason += " (" + c.password() + ")"
	}
	c.write(w, status, fmt.Sprintf("<%[1]s:Fault><%[1]s:Code><%[1]s:Value>%[1]s:%[2]s</%[1]s:Value><%[1]s:Subcode><%[1]s:Value>ter:%[3]s</%[1]s:Value></%[1]s:Subcode></%[1]s:Code>"+
		"<%[1]s:Reason><%[1]s:Text xml:lang=\"en\">%[4]s</%[1]s:Text></%[1]s:Reason></%[1]s:Fault>", p, code, subcode, escape(reason)))
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

// answer answers an admitted request.
func (c *Camera) answer(w http.ResponseWriter, q *query) {
	v, quirks := c.Vendor, c.Vendor.Quirks
	switch q.operation {
	case "GetSystemDateAndTime":
		c.write(w, 200, c.dateAndTime())
	case "GetDeviceInformation":
		c.write(w, 200, "<tds:GetDeviceInformationResponse><tds:Manufacturer>"+escape(v.Maker)+"</tds:Manufacturer><tds:Model>"+escape(v.Model)+
			"</tds:Model><tds:FirmwareVersion>"+v.Firmware+"</tds:FirmwareVersion><tds:SerialNumber>"+v.Serial+"</tds:SerialNumber><tds:HardwareId>1.0</tds:HardwareId></tds:GetDeviceInformationResponse>")
	case "GetNetworkInterfaces":
		c.write(w, 200, `<tds:GetNetworkInterfacesResponse><tds:NetworkInterfaces token="lo"><tt:Enabled>true</tt:Enabled><tt:Info><tt:HwAddress>00:00:00:00:00:00</tt:HwAddress></tt:Info></tds:NetworkInterfaces>`+
			`<tds:NetworkInterfaces token="eth0"><tt:Enabled>true</tt:Enabled><tt:Info><tt:Name>eth0</tt:Name><tt:HwAddress>`+v.MAC+`</tt:HwAddress></tt:Info></tds:NetworkInterfaces></tds:GetNetworkInterfacesResponse>`)
	case "GetServices":
		if quirks.NoGetServices {
			c.fault(w, http.StatusBadRequest, "Receiver", "ActionNotSupported", "Optional Action Not Implemented")
			return
		}
		c.write(w, 200, c.services())
	case "GetCapabilities":
		if quirks.NoGetCapabilities {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		c.write(w, 200, c.capabilities())
	case "GetProfiles", "GetStreamUri", "GetSnapshotUri":
		c.media(w, q)
	case "CreatePullPointSubscription", "PullMessages", "Renew", "Unsubscribe", "SetSynchronizationPoint":
		c.events(w, q)
	default:
		c.fault(w, http.StatusBadRequest, "Receiver", "ActionNotSupported", q.operation)
	}
}

func (c *Camera) dateAndTime() string {
	quirks := c.Vendor.Quirks
	fields := func(t time.Time) string {
		return fmt.Sprintf("<tt:Time><tt:Hour>%d</tt:Hour><tt:Minute>%d</tt:Minute><tt:Second>%d</tt:Second></tt:Time><tt:Date><tt:Year>%d</tt:Year><tt:Month>%d</tt:Month><tt:Day>%d</tt:Day></tt:Date>",
			t.Hour(), t.Minute(), t.Second(), t.Year(), t.Month(), t.Day())
	}
	text := "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>" +
		escape(c.Vendor.Zone) + "</tt:TZ></tt:TimeZone>"
	now := c.now()
	switch {
	case quirks.NoDate:
	case quirks.LocalTimeOnly:
		text += "<tt:LocalDateTime>" + fields(now.Add(c.Vendor.East)) + "</tt:LocalDateTime>"
	default:
		text += "<tt:UTCDateTime>" + fields(now) + "</tt:UTCDateTime><tt:LocalDateTime>" + fields(now.Add(c.Vendor.East)) + "</tt:LocalDateTime>"
	}
	return text + "</tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
}

// at returns the address of a service as the camera writes it.
func (c *Camera) at(path string) string {
	host := c.Vendor.Quirks.ServiceHost
	if host == "" {
		host = c.Address()
	}
	return "http://" + host + path
}

func (c *Camera) services() string {
	v := c.Vendor
	one := func(space, path string) string {
		return "<tds:Service><tds:Namespace>http://www.onvif.org/" + space + "</tds:Namespace><tds:XAddr>" + c.at(path) + "</tds:XAddr><tds:Version><tt:Major>2</tt:Major><tt:Minor>6</tt:Minor></tds:Version></tds:Service>"
	}
	text := "<tds:GetServicesResponse>" + one("ver10/device/wsdl", "/onvif/device_service") + one("ver10/media/wsdl", v.MediaPath)
	if v.Media2 {
		text += one("ver20/media/wsdl", v.MediaPath+"2")
	}
	if !v.Quirks.NoEventAddress {
		text += one("ver10/events/wsdl", v.EventPath)
	}
	return text + "</tds:GetServicesResponse>"
}

func (c *Camera) capabilities() string {
	v := c.Vendor
	text := "<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>" + c.at("/onvif/device_service") + "</tt:XAddr></tt:Device>"
	if !v.Quirks.NoEventAddress {
		text += "<tt:Events><tt:XAddr>" + c.at(v.EventPath) + "</tt:XAddr><tt:WSSubscriptionPolicySupport>true</tt:WSSubscriptionPolicySupport><tt:WSPullPointSupport>" +
			fmt.Sprint(!v.Quirks.DeniesPullPoint) + "</tt:WSPullPointSupport></tt:Events>"
	}
	return text + "<tt:Media><tt:XAddr>" + c.at(v.MediaPath) + "</tt:XAddr></tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
}

// media answers the two media services.
func (c *Camera) media(w http.ResponseWriter, q *query) {
	v := c.Vendor
	two := v.Media2 && q.path == v.MediaPath+"2"
	if q.path != v.MediaPath && !two {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	switch {
	case q.operation == "GetProfiles" && v.Login == EmptyLogin && !c.known(q):
		c.write(w, 200, "<trt:GetProfilesResponse/>")
	case q.operation == "GetProfiles" && two:
		text := "<tr2:GetProfilesResponse>"
		for _, s := range v.Streams {
			text += `<tr2:Profiles token="` + s.Token + `" fixed="true"><tr2:Name>Kamera ` + s.Token + `</tr2:Name><tr2:Configurations><tr2:VideoSource token="vsc"><tt:SourceToken>vs0</tt:SourceToken></tr2:VideoSource>` +
				fmt.Sprintf(`<tr2:VideoEncoder token="e" GovLength="%d"><tt:Encoding>%s</tt:Encoding><tt:Resolution><tt:Width>%d</tt:Width><tt:Height>%d</tt:Height></tt:Resolution><tt:RateControl><tt:FrameRateLimit>%d.0</tt:FrameRateLimit><tt:BitrateLimit>2048</tt:BitrateLimit></tt:RateControl></tr2:VideoEncoder>`,
					s.GOP, s.Encoding, s.Width, s.Height, s.Rate) + "</tr2:Configurations></tr2:Profiles>"
		}
		c.write(w, 200, text+"</tr2:GetProfilesResponse>")
	case q.operation == "GetProfiles":
		text := "<trt:GetProfilesResponse>"
		for _, s := range v.Streams {
			if s.Encoding != "H264" && v.Media2 {
				continue // media 1 knows no H.265
			}
			text += `<trt:Profiles token="` + s.Token + `" fixed="true"><tt:Name>Kamera ` + s.Token + `</tt:Name><tt:VideoSourceConfiguration token="vsc"><tt:SourceToken>vs0</tt:SourceToken></tt:VideoSourceConfiguration>` +
				fmt.Sprintf(`<tt:VideoEncoderConfiguration token="e"><tt:Encoding>%s</tt:Encoding><tt:Resolution><tt:Width>%d</tt:Width><tt:Height>%d</tt:Height></tt:Resolution><tt:RateControl><tt:FrameRateLimit>%d</tt:FrameRateLimit><tt:BitrateLimit>2048</tt:BitrateLimit></tt:RateControl><tt:H264><tt:GovLength>%d</tt:GovLength></tt:H264></tt:VideoEncoderConfiguration>`,
					s.Encoding, s.Width, s.Height, s.Rate, s.GOP) +
				"<tt:AudioEncoderConfiguration><tt:Encoding>G711</tt:Encoding><tt:SampleRate>8</tt:SampleRate></tt:AudioEncoderConfiguration></trt:Profiles>"
		}
		c.write(w, 200, text+"</trt:GetProfilesResponse>")
	default:
		c.uri(w, q, two)
	}
}

func (c *Camera) uri(w http.ResponseWriter, q *query, two bool) {
	v := c.Vendor
	host := v.Quirks.ServiceHost
	if host == "" {
		host = c.Address()
	}
	host, _, _ = strings.Cut(host, ":")
	uri := "rtsp://" + host + ":" + v.RTSPPort + strings.ReplaceAll(v.StreamPath, "TOKEN", q.values["ProfileToken"])
	if q.operation == "GetSnapshotUri" {
		uri = c.at("/snap.jpg?p=" + q.values["ProfileToken"])
		switch v.Quirks.NoSnapshot {
		case "fault":
			c.fault(w, http.StatusInternalServerError, "Receiver", "ActionNotSupported", "no snapshot")
			return
		case "empty":
			c.write(w, 200, "<trt:GetSnapshotUriResponse><trt:MediaUri/></trt:GetSnapshotUriResponse>")
			return
		}
	}
	if two {
		c.write(w, 200, "<tr2:"+q.operation+"Response><tr2:Uri>"+escape(uri)+"</tr2:Uri></tr2:"+q.operation+"Response>")
		return
	}
	c.write(w, 200, "<trt:"+q.operation+"Response><trt:MediaUri><tt:Uri>"+escape(uri)+"</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect></trt:MediaUri></trt:"+q.operation+"Response>")
}
