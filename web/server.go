// Package web is the only package that serves HTTP: routes and their policies, the JSON API, live and recorded footage, and the
// handlers of pages.
//
// It promises:
//   - Every route is in one table with a policy. With a route that has none, the server does not start.
//   - A route on a camera gets an access.Permit for exactly that camera, issued for this request by accounts.Authorize. storage
//     and live give footage only for a permit.
//   - A camera that the caller may not see gets the same response as a missing one, byte for byte.
//   - No footage, rights or responses are cached between requests.
//
// What does not belong here: camera addresses, files and SQL. Templates are in web/view, the privacy self-check in web/canary.
//
// Read in this order:
//
//  1. routes.go: every URL, its policy and its handler.
//  2. middleware.go, admission.go: what a request passes, who is admitted, where permits are issued.
//  3. gate.go: checks on outgoing footage: permit renewal, audit entry, stop after a canary leak.
//  4. footage_clip.go, live_tile.go: how recorded and live footage is sent.
//  5. server.go: how the handlers are assembled.
//
// Files with handlers begin with footage_, live_, api_ or page_. Those that begin with report_ gather figures for pages and API.
// The others are shared by handlers: cameras.go, shares.go, coverage.go, siteclock.go, words.go, cameraprobe.go, slots.go (limits on open
// responses), form.go, params.go and response.go.
package web

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/identity"
	"keepwatch.internal/internal/layout"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
	"keepwatch.internal/web/canary"
)

// Camera is a configured camera.
type Camera struct {
	ID     media.CameraID
	Name   string // the id in configuration and URLs
	Label  string // for people
	HasSub bool   // a sub stream is configured
	Audio  bool   // sound is recorded
}

// CameraStatus is a snapshot of a camera's recording.
type CameraStatus struct {
	ID        media.CameraID
	State     string // recording, connecting, offline, paused …
	Reason    string // for people; empty if all is well
	Since     time.Time
	LastFrame time.Time // zero until the first
	Streams   []StreamStatus
	Advice    []string // sentences on how to improve the camera's settings
}

// StreamStatus is a snapshot of one stream of a camera.
type StreamStatus struct {
	Quality       media.Quality
	Codec         string
	Width, Height int // pixels
	FPS           float64
	BitsPerSecond int64
	GOP           time.Duration // between key frames
	LostPackets   uint64        // since the session began
	Sound         Sound
	Link          Link
	Identity      string // how reliably the camera is recognised, for people; empty before the first contact
}

// Sound is the sound that a camera offers with a stream.
type Sound struct {
	Codec    string // what the camera sends; empty if it offers no sound, or before the first picture
	Recorded bool
	Why      string // why it is not recorded, or what is left out; a sentence without a full stop
}

// Link is how a stream arrives from its camera.
type Link struct {
	Transport string // tcp or udp; empty before the first picture
	Buffer    int64  // receive buffer that the system granted for UDP, bytes; 0 if unknown, or over TCP
	TLS       string // version of TLS; empty without
	Weak      string // what is weak about the TLS; empty if nothing is
}

// Status gives the state of recording. cmd/nvr implements it, because web does not import recorder.
type Status interface {
	Cameras() []CameraStatus
	Ready() error // nil when databases are open and recorders started
}

// Options is what a Server needs.
type Options struct {
	Accounts *accounts.Directory
	Views    *audit.ViewLog  // logs who watches what
	Identity *identity.Store // which device each camera is
	Layouts  *layout.Store   // of the live page
	Store    *storage.Store
	Hub      *live.Hub
	Status   Status
	Cameras  []Camera       // in display order
	Location *time.Location // the site's time zone, for display and file names; nil is UTC

	Hosts    []string       // additional host names of the server
	Networks []netip.Prefix // who may connect; at least one
	Proxies  []netip.Prefix // whose X-Forwarded-* headers count
	Secure   bool           // served over TLS

	// Canary are the synthetic cameras of the privacy self-check; without them RunCanary does nothing.
	Canary [2]media.CameraID

	Connections func() []Connection // all connections since the start, ordered by camera; nil returns none

	Probe CameraProbe // looks at cameras before they are added; nil cannot

	CertificatePEM []byte // of the server's own authority, to install on devices; may be empty
	Version        string
	Logger         *slog.Logger     // nil discards
	Now            func() time.Time // nil is time.Now
}

// complete fills in defaults, and returns an error if something is missing.
func (o *Options) complete() error {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Probe == nil {
		o.Probe = noProbe{}
	}
	if o.Accounts == nil || o.Views == nil || o.Identity == nil || o.Layouts == nil || o.Store == nil || o.Hub == nil || o.Status == nil {
		return errors.New("web: accounts, view log, identities, layouts, store, hub and status are needed")
	}
	if len(o.Networks) == 0 {
		return errors.New("web: there is no network that may connect")
	}
	return nil
}

// Server answers HTTP. It assembles the handlers, runs them, and stops footage after a leak. Make one with New.
type Server struct {
	options  Options
	handler  http.Handler
	canary   *canary.Canary // nil without synthetic cameras
	stopping chan struct{}  // closed by Run when the server stops; streams then end

	shared
	apiGroups
	pageGroups
	files      fileServer
	middleware *middleware
	admission  *admission
}

// shared is what several groups of handlers need.
type shared struct {
	cameras  *cameraList
	gate     *gate
	site     siteClock
	sessions *sessions
	shares   *shares
	kept     *keptList
	coverage coverage
	outgoing *connectionLog
	reports  *reports
}

// apiGroups are the handlers of the API and of footage, grouped by what they need.
type apiGroups struct {
	live       *liveAPI
	footage    *footageAPI
	accountAPI *accountAPI
	cameraAPI  *cameraAPI
	keptAPI    *keptAPI
	systemAPI  *systemAPI
}

// New assembles a server and checks its route table: an entry without a policy is an error. It starts nothing.
func New(o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	files, err := preparedStatic()
	if err != nil {
		return nil, fmt.Errorf("static files: %w", err)
	}
	s := &Server{options: o, files: files, stopping: make(chan struct{})}
	s.shared = s.newShared()
	s.apiGroups = s.newAPIGroups()
	s.pageGroups = s.newPageGroups()
	failures := &failures{page: s.login.errorPage, logger: o.Logger}
	s.admission = &admission{resolve: s.sessions.resolve, accounts: o.Accounts, cameras: s.cameras, gate: s.gate, failures: failures}
	s.middleware = &middleware{hosts: o.Hosts, networks: o.Networks, proxies: o.Proxies, secure: o.Secure, failures: failures, logger: o.Logger}
	routes, err := s.admission.compile(s.routes())
	if err != nil {
		return nil, err
	}
	s.handler = s.middleware.wrap(routes)
	if s.cameras.site < len(s.cameras.all) {
		s.canary = canary.New(s.canaryOptions())
	}
	return s, nil
}

func (s *Server) newShared() shared {
	o := s.options
	x := shared{site: siteClock{now: o.Now, location: o.Location}, sessions: &sessions{accounts: o.Accounts, logger: o.Logger},
		shares: &shares{accounts: o.Accounts},
		cameras: &cameraList{all: slices.Concat(o.Cameras, syntheticCameras(o.Canary)), site: len(o.Cameras), unknown: media.NewCameraID(),
			status: o.Status, accounts: o.Accounts},
		gate: &gate{accounts: o.Accounts, views: o.Views, halted: s.leaked, stopping: s.stopping, now: o.Now}}
	x.kept = &keptList{accounts: o.Accounts, cameras: x.cameras, store: o.Store}
	x.coverage = coverage{store: o.Store, site: x.site}
	x.outgoing = &connectionLog{list: o.Connections, cameras: x.cameras}
	x.reports = &reports{accounts: o.Accounts, cameras: x.cameras, store: o.Store, site: x.site, version: o.Version, canary: s.canaryReport}
	return x
}

func (s *Server) newAPIGroups() apiGroups {
	o := s.options
	streams, clips := newSlots(maxStreams, maxStreamsAccount), newSlots(maxClips, maxClipsAccount)
	return apiGroups{
		live: &liveAPI{gate: s.gate, cameras: s.cameras, hub: o.Hub, keys: o.Store.LabelKey, slots: streams, now: o.Now, logger: o.Logger},
		footage: &footageAPI{gate: s.gate, cameras: s.cameras, store: o.Store, site: s.site, coverage: s.coverage, version: o.Version,
			slots: clips, opening: make(chan struct{}, longClips)},
		accountAPI: &accountAPI{accounts: o.Accounts, sessions: s.sessions, layouts: o.Layouts, cameras: s.cameras},
		cameraAPI:  &cameraAPI{accounts: o.Accounts, cameras: s.cameras, shares: s.shares, now: o.Now},
		keptAPI:    &keptAPI{accounts: o.Accounts, cameras: s.cameras, store: o.Store, kept: s.kept},
		systemAPI: &systemAPI{reports: s.reports, outgoing: s.outgoing, status: o.Status, gate: s.gate, streams: streams, clips: clips,
			logger: o.Logger},
	}
}

// Handler answers everything, all middleware included.
func (s *Server) Handler() http.Handler { return s.handler }
