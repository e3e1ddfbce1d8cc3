package onviftest

import (
	"bytes"
	"net"
)

// ProbeMatch is the camera's answer to a discovery probe.
func (c *Camera) ProbeMatch() []byte {
	p := c.Vendor.Prefix
	return []byte(`<?xml version="1.0" encoding="utf-8"?><` + p + `:Envelope xmlns:` + p + `="http://www.w3.org/2003/05/soap-envelope" xmlns:wsdd="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing">` +
		"<" + p + ":Header/><" + p + ":Body><wsdd:ProbeMatches><wsdd:ProbeMatch><wsa:EndpointReference><wsa:Address>urn:uuid:" + c.Vendor.Serial + "</wsa:Address></wsa:EndpointReference>" +
		"<wsdd:Types>dn:NetworkVideoTransmitter tds:Device</wsdd:Types><wsdd:Scopes>" + c.Vendor.Scopes + "</wsdd:Scopes><wsdd:XAddrs>" +
		escape(c.at("/onvif/device_service")) + "</wsdd:XAddrs></wsdd:ProbeMatch></wsdd:ProbeMatches></" + p + ":Body></" + p + ":Envelope>")
}

// Respond answers discovery probes on a socket until that is closed.
func (c *Camera) Respond(conn *net.UDPConn) {
	b := make([]byte, 64<<10)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if bytes.Contains(b[:n], []byte("Probe>")) {
			_, _ = conn.WriteToUDPAddrPort(c.ProbeMatch(), from)
		}
	}
}
