package web

import "time"

// Connection is all connections of one protocol to one address since the program started.
type Connection struct {
	Camera   string // id in the configuration; Probed for a look of an administrator; empty for several
	Protocol string // rtsp, rtsps, rtp (UDP), http, https, ws-discovery (UDP) or dns
	Address  string // host:port as configured; for dns the name, for refusals what was wanted
	Remote   string // resolved ip:port; empty for dns and refusals
	First    time.Time
	Last     time.Time // of the newest attempt or byte
	Count    uint64    // attempts that were made
	Failed   uint64    // of them
	Refused  uint64    // attempts refused because the configuration does not name the address
	Open     int       // now
	Sent     uint64    // bytes
	Received uint64    // bytes
}
