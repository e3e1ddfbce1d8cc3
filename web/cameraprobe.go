package web

import (
	"context"

	"keepwatch.internal/internal/media"
)

// CameraProbe looks at cameras before they are added, and checks those that are. cmd/nvr implements it, because web knows neither
// cameras nor the configuration. Errors that people can act on are a *ProbeError.
type CameraProbe interface {
	// Discover asks the local network which cameras are there. It connects to none of them.
	Discover(ctx context.Context) ([]FoundCamera, error)
	// Host returns the host that an address names, without anything secret.
	Host(address string) (string, error)
	// Look connects to a camera that the configuration does not name.
	Look(ctx context.Context, q ProbeRequest) (*ProbeResult, error)
	// Check connects to a camera of the configuration. Its result has no pictures and no lines.
	Check(ctx context.Context, camera media.CameraID) (*ProbeResult, error)
	// Add writes a proposal that Look made for the account to the configuration. It says what is to be done next.
	Add(account int64, proposal, id string) (next string, err error)
}

// ProbeError says in a sentence for people why a probe found nothing, or why a camera was not added.
type ProbeError struct{ Words string }

func (e *ProbeError) Error() string { return e.Words }

// FoundCamera is a camera that answered on the local network.
type FoundCamera struct {
	Address               string // for ProbeRequest
	Name, Model, Location string // as it says itself; may be empty
}

// ProbeRequest says which camera to look at.
type ProbeRequest struct {
	Account            int64  // who wants to know
	Address            string // host, host:port or the URL of a stream
	Username, Password string
	TryCommon          bool // try the commonest paths
}

// ProbeResult is what a look at a camera showed, for people.
type ProbeResult struct {
	Device  string // what the camera says it is; may be empty
	Streams []ProbedStream
	Advice  []string
	MaySub  string // where its sub stream usually is, if that was not tried

	// The rest is empty if the camera cannot be recorded, and for cameras of the configuration.
	ID       string // for the configuration
	Lines    string // for the configuration, without the password
	Hint     string // what to do with them
	Proposal string // names the lines for Add
	Fixed    string // why the configuration cannot be written; empty if it can
}

// ProbedStream is one stream of a camera.
type ProbedStream struct {
	Name    string // "Main stream"
	Address string // without a login
	Facts   []ProbedFact
	Trouble string // why it could not be watched; empty if it could

	Picture     []byte // a key frame as an MP4 of one picture, or a JPEG; nil without
	PictureType string
	NoPicture   string // why there is none, if that needs to be said
}

// ProbedFact is a line about a stream.
type ProbedFact struct{ Label, Value string }

// Probed stands in Connection.Camera for a camera that an administrator looked at and that the configuration does not name.
const Probed = "(probe)"

// noProbe is the CameraProbe of a server without one.
type noProbe struct{}

var errNoProbe = &ProbeError{Words: "This server cannot look at cameras."}

func (noProbe) Discover(context.Context) ([]FoundCamera, error)             { return nil, errNoProbe }
func (noProbe) Host(string) (string, error)                                 { return "", errNoProbe }
func (noProbe) Look(context.Context, ProbeRequest) (*ProbeResult, error)    { return nil, errNoProbe }
func (noProbe) Check(context.Context, media.CameraID) (*ProbeResult, error) { return nil, errNoProbe }
func (noProbe) Add(account int64, proposal, id string) (next string, err error) {
	return "", errNoProbe
}
