package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// policy says who a route is for. The zero value is nobody decided, and keeps the server from starting.
type policy uint8

const (
	unclassified  policy = iota
	public               // anyone; who it is is not looked at
	visitor              // anyone, told apart from signed-in viewers
	setupOnly            // anyone who has the code from the console, while there is no account
	caller               // any account, token or link
	signedIn             // any account or token
	person               // an account that signed in itself: what manages accounts is for no program
	measuring            // an administrator's tokens that are made to read figures; for others it does not exist
	administrator        // accounts that manage the system; for others it does not exist
	seesCamera           // holders of any right on camera {id}: pages about it
	onCamera             // holders of the route's action on camera {id}
	onCameras            // callers; the handler asks for a permit for every camera that the query names, or answers as if there were none
)

type (
	// handler answers a request; an error it returns is answered by fail, unless the answer has begun.
	handler func(w http.ResponseWriter, r *http.Request) error

	// cameraHandler answers a request about one camera's footage. The permit is the only thing that tells it which.
	cameraHandler func(w http.ResponseWriter, r *http.Request, p access.Permit) error
)

// route is an entry of the table. An onCamera route has an action and a camera handler, every other a plain handler.
type route struct {
	method, path string
	policy       policy
	handle       handler
	action       func(*http.Request) access.Action
	camera       cameraHandler
}

// always is the action of routes whose action does not depend on the request.
func always(a access.Action) func(*http.Request) access.Action {
	return func(*http.Request) access.Action { return a }
}

// routes is every URL the server knows.
func (s *Server) routes() []route {
	return slices.Concat(s.openRoutes(), s.pageRoutes(), s.apiRoutes(), s.footageRoutes())
}

// openRoutes are what needs no session: files, doors and links.
func (s *Server) openRoutes() []route {
	return []route{
		{"GET", "/healthz", public, s.healthz, nil, nil},
		{"GET", "/readyz", public, s.readyz, nil, nil},
		{"GET", "/static/{version}/{name...}", public, s.static, nil, nil},
		{"GET", "/robots.txt", public, s.robots, nil, nil},
		{"GET", "/certificate", public, s.pageCertificate, nil, nil},
		{"GET", "/certificate.pem", public, s.certificate, nil, nil},
		{"GET", "/certificate.crt", public, s.certificateFile, nil, nil},
		{"GET", "/{$}", visitor, s.pageHome, nil, nil},
		{"GET", "/setup", setupOnly, s.pageSetup, nil, nil},
		{"POST", "/setup", setupOnly, s.postSetup, nil, nil},
		{"GET", "/login", visitor, s.pageLogin, nil, nil},
		{"POST", "/login", public, s.postLogin, nil, nil},
		{"POST", "/login/passkey", public, s.postPasskeyLogin, nil, nil},
		{"POST", "/login/passkey/answer", public, s.postPasskeyAnswer, nil, nil},
		{"POST", "/logout", public, s.postLogout, nil, nil},
		{"GET", "/s/{secret}", public, s.enterLink, nil, nil},
		{"GET", "/link", public, s.pageLink, nil, nil},
		{"POST", "/link/leave", public, s.leaveLink, nil, nil},
	}
}

// pageRoutes are the pages and their forms.
func (s *Server) pageRoutes() []route {
	return []route{
		{"GET", "/live", signedIn, s.pageLive, nil, nil},
		{"POST", "/live/arrange", person, s.form("arrange", s.writeLiveAfter, s.arrange), nil, nil},
		{"GET", "/timeline", signedIn, s.pageTimeline, nil, nil},
		{"GET", "/cameras", signedIn, s.pageCameras, nil, nil},
		{"GET", "/cameras/{id}", seesCamera, s.pageCamera, nil, nil},
		{"GET", "/cameras/{id}/days", seesCamera, s.pageDays, nil, nil},
		{"POST", "/cameras/{id}" + pathAccept, onCamera, nil, always(access.Manage), s.postAccept},
		{"GET", "/saved", signedIn, s.pageSaved, nil, nil},
		{"POST", "/cameras/{id}/keep", onCamera, nil, always(access.Manage), s.postKeep},
		{"GET", "/cameras/{id}/kept/{kept}", onCamera, nil, always(access.Manage), s.pageKept},
		{"POST", "/cameras/{id}/kept/{kept}/release", onCamera, nil, always(access.Manage), s.postRelease},
		{"GET", "/cameras/{id}/delete", onCamera, nil, always(access.Manage), s.pageDelete},
		{"POST", "/cameras/{id}/delete", onCamera, nil, always(access.Manage), s.postDelete},
		{"GET", "/cameras/{id}/access", onCamera, nil, always(access.Share), s.pageSharing},
		{"POST", "/cameras/{id}/shares", onCamera, nil, always(access.Share), s.postShare},
		{"POST", "/cameras/{id}/shares/revoke", onCamera, nil, always(access.Share), s.postRevoke},
		{"GET", "/cameras/{id}/views", onCamera, nil, always(access.Manage), s.pageWatched},
		{"GET", "/account", person, s.pageAccount, nil, nil},
		{"POST", "/account/password", person, s.form("password", s.writeAccount, s.changePassword), nil, nil},
		{"POST", "/account/sessions", person, s.form("sessions", s.writeAccount, s.endSessions), nil, nil},
		{"POST", "/account/totp", person, s.form("totp", s.writeAccount, s.beginTOTP), nil, nil},
		{"POST", "/account/totp/on", person, s.form("totp", s.writeAccount, s.confirmTOTP), nil, nil},
		{"POST", "/account/totp/off", person, s.form("totp", s.writeAccount, s.removeTOTP), nil, nil},
		{"POST", "/account/totp/recovery", person, s.form("totp", s.writeAccount, s.newRecoveryCodes), nil, nil},
		{"POST", "/account/passkeys", person, s.form("passkeys", s.writeAccount, s.beginPasskey), nil, nil},
		{"POST", "/account/passkeys/new", person, s.form("passkeys", s.writeAccount, s.finishPasskey), nil, nil},
		{"POST", "/account/passkeys/remove", person, s.form("passkeys", s.writeAccount, s.removePasskey), nil, nil},
		{"POST", "/account/tokens", person, s.form("tokens", s.writeAccount, s.newToken), nil, nil},
		{"POST", "/account/tokens/remove", person, s.form("tokens", s.writeAccount, s.removeToken), nil, nil},
		{"GET", "/account/views", person, s.pageOwnViews, nil, nil},
		{"GET", "/people", administrator, s.pagePeople, nil, nil},
		{"POST", "/people", administrator, s.form("people", s.writePeople, s.addPerson), nil, nil},
		{"GET", "/people/{person}/remove", administrator, s.pageRemoval, nil, nil},
		{"POST", "/people/{person}/remove", administrator, s.form("people", s.writePeople, s.removePerson), nil, nil},
		{"GET", "/system", signedIn, s.pageSystem, nil, nil},
		{"GET", "/connections", administrator, s.pageConnections, nil, nil},
	}
}

// apiRoutes are the calls of the API that are about no camera in particular.
func (s *Server) apiRoutes() []route {
	return []route{
		{"POST", "/api/v1/setup", setupOnly, s.apiSetup, nil, nil},
		{"POST", "/api/v1/session", public, s.apiLogin, nil, nil},
		{"DELETE", "/api/v1/session", public, s.apiLogout, nil, nil},
		{"POST", "/api/v1/session/confirm", person, s.apiConfirm, nil, nil},
		{"GET", "/api/v1/me", caller, s.apiMe, nil, nil},
		{"GET", "/api/v1/me/sessions", person, s.apiSessions, nil, nil},
		{"DELETE", "/api/v1/me/sessions", person, s.apiEndOthers, nil, nil},
		{"DELETE", "/api/v1/me/sessions/{number}", person, s.apiEndSession, nil, nil},
		{"GET", "/api/v1/me/tokens", person, s.apiTokens, nil, nil},
		{"POST", "/api/v1/me/tokens", person, s.apiNewToken, nil, nil},
		{"DELETE", "/api/v1/me/tokens/{number}", person, s.apiRemoveToken, nil, nil},
		{"GET", "/api/v1/me/views", person, s.apiOwnViews, nil, nil},
		{"GET", "/api/v1/me/layout", person, s.apiLayout, nil, nil},
		{"PUT", "/api/v1/me/layout", person, s.apiSetLayout, nil, nil},
		{"GET", "/api/v1/cameras", caller, s.apiCameras, nil, nil},
		{"GET", "/api/v1/system", signedIn, s.apiSystem, nil, nil},
		{"GET", "/metrics", measuring, s.metrics, nil, nil},
		{"GET", "/api/v1/connections", administrator, s.apiConnections, nil, nil},
		{"GET", "/api/v1/live", caller, s.liveSocket, nil, nil},
		{"GET", "/api/v1/export.zip", onCameras, s.exportZip, nil, nil},
		{"GET", "/api/v1/kept", signedIn, s.apiAllKept, nil, nil},
	}
}

// footageRoutes are the calls of the API on one camera.
func (s *Server) footageRoutes() []route {
	return []route{
		{"GET", "/api/v1/cameras/{id}/timeline", onCamera, nil, always(access.Playback), s.timeline},
		{"GET", "/api/v1/cameras/{id}/activity", onCamera, nil, always(access.Playback), s.activity},
		{"GET", "/api/v1/cameras/{id}/days", onCamera, nil, always(access.Playback), s.apiDays},
		{"GET", "/api/v1/cameras/{id}/clip.mp4", onCamera, nil, fileAction, s.clip},
		{"GET", "/api/v1/cameras/{id}/clip.json", onCamera, nil, always(access.Export), s.clipSidecar},
		{"GET", "/api/v1/cameras/{id}/segments.mp4", onCamera, nil, always(access.Playback), s.segments},
		{"GET", "/api/v1/cameras/{id}/keyframe.mp4", onCamera, nil, always(access.Playback), s.keyFrame},
		{"GET", "/api/v1/cameras/{id}/hls/index.m3u8", onCamera, nil, always(access.Playback), s.hlsIndex},
		{"GET", "/api/v1/cameras/{id}/hls/media.m3u8", onCamera, nil, always(access.Playback), s.hlsMedia},
		{"GET", "/api/v1/cameras/{id}/hls/keyframes.m3u8", onCamera, nil, always(access.Playback), s.hlsKeyFrames},
		{"GET", "/api/v1/cameras/{id}/hls/segment.mp4", onCamera, nil, always(access.Playback), s.hlsSegmentFile},
		{"GET", "/api/v1/cameras/{id}/live.mp4", onCamera, nil, always(access.Live), s.liveStream},
		{"GET", "/api/v1/cameras/{id}/access", onCamera, nil, always(access.Manage), s.apiSeers},
		{"GET", "/api/v1/cameras/{id}/shares", onCamera, nil, always(access.Share), s.apiShares},
		{"POST", "/api/v1/cameras/{id}/shares", onCamera, nil, always(access.Share), s.apiNewShare},
		{"DELETE", "/api/v1/cameras/{id}/shares/{number}", onCamera, nil, always(access.Share), s.apiRevoke},
		{"GET", "/api/v1/cameras/{id}/views", onCamera, nil, always(access.Manage), s.apiWatched},
		{"GET", "/api/v1/cameras/{id}/kept", onCamera, nil, always(access.Playback), s.apiKept},
		{"POST", "/api/v1/cameras/{id}/kept", onCamera, nil, always(access.Manage), s.apiKeep},
		{"DELETE", "/api/v1/cameras/{id}/kept/{kept}", onCamera, nil, always(access.Manage), s.apiUnkeep},
		{"DELETE", "/api/v1/cameras/{id}/footage", onCamera, nil, always(access.Manage), s.apiDeleteFootage},
	}
}

// compile checks the table and makes the handler that dispatches by it.
func (s *Server) compile(table []route) (http.Handler, error) {
	mux := http.NewServeMux()
	for _, rt := range table {
		if err := rt.check(); err != nil {
			return nil, fmt.Errorf("route %s %s: %w", rt.method, rt.path, err)
		}
		if err := register(mux, rt.method+" "+rt.path, s.serve(rt)); err != nil {
			return nil, err
		}
	}
	return s.dispatch(mux), nil
}

// register adds a pattern and turns the mux's panic about a bad or conflicting one into an error.
func register(mux *http.ServeMux, pattern string, h http.Handler) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("route %s: %v", pattern, v)
		}
	}()
	mux.Handle(pattern, h)
	return nil
}

func (rt route) check() error {
	named := strings.Contains(rt.path, "/{id}")
	switch rt.policy {
	case unclassified:
		return errors.New("no policy")
	case onCamera:
		if rt.camera == nil || rt.action == nil || rt.handle != nil || !named {
			return errors.New("a route on a camera needs {id}, an action and a handler that takes the permit")
		}
		return nil
	case seesCamera:
		if !named {
			return errors.New("a page about a camera needs {id}")
		}
	case public, visitor, setupOnly, caller, signedIn, person, measuring, administrator, onCameras:
		if named {
			return errors.New("a route that names a camera needs a policy on that camera")
		}
	default:
		return fmt.Errorf("unknown policy %d", rt.policy)
	}
	if rt.handle == nil || rt.camera != nil || rt.action != nil {
		return errors.New("needs one plain handler")
	}
	return nil
}

// dispatch hands a request to its route. Paths and methods that no route has are answered like every other problem.
func (s *Server) dispatch(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		allowed := methodsOf(mux, r)
		if len(allowed) == 0 {
			s.fail(w, r, notFound())
			return
		}
		list := strings.Join(allowed, ", ")
		s.fail(w, r, newProblem(http.StatusMethodNotAllowed, "This address answers to "+list+" only.").with("Allow", list))
	})
}

// methodsOf returns the methods under which the request's path is known.
func methodsOf(mux *http.ServeMux, r *http.Request) []string {
	var allowed []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		probe := r.WithContext(r.Context())
		probe.Method = method
		if _, pattern := mux.Handler(probe); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

// serve makes a route's handler: first the policy, then, if it admits the caller, the handler.
func (s *Server) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.admit(w, r, rt); err != nil {
			s.fail(w, r, err)
		}
	})
}

func (s *Server) admit(w http.ResponseWriter, r *http.Request, rt route) error {
	switch rt.policy {
	case public:
		return rt.handle(w, r)
	case setupOnly:
		_, needed, err := s.Accounts.SetupCode(r.Context())
		if err != nil {
			return err
		}
		if !needed && forPeople(r) {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return nil
		}
		if !needed {
			return accounts.ErrSetupDone
		}
		return rt.handle(w, r)
	}
	v, err := s.resolve(r)
	if rt.policy == visitor {
		return rt.handle(w, withViewer(r, v)) // without a database everyone is a stranger here
	}
	if err != nil {
		return err
	}
	r = withViewer(r, v)
	if v.Kind == access.LinkView && rt.policy != caller && rt.policy != onCamera && rt.policy != onCameras {
		return accounts.ErrNobody
	}
	switch rt.policy {
	case caller, signedIn, onCameras:
		return rt.handle(w, r)
	case person:
		if v.Kind != access.AccountView {
			return newProblem(http.StatusForbidden, "This is for people who signed in, and for no token.")
		}
		return rt.handle(w, r)
	case measuring:
		if !v.Metrics {
			return notFound()
		}
		return rt.handle(w, r)
	case administrator:
		if !v.Admin {
			return notFound()
		}
		return rt.handle(w, r)
	case seesCamera:
		return s.admitPage(w, r, rt.handle)
	case onCamera:
		c := s.cameraNamed(r.PathValue("id"))
		p, err := s.Accounts.Authorize(r.Context(), v, rt.action(r), access.Camera(c.ID))
		if err != nil {
			return err
		}
		return s.inTime(p, rt.camera(w, r, p))
	}
	return notFound()
}

// inTime tells a right that is not there from a permit that ran out before the handler came to use it, on a machine that is
// very busy. Whoever is told had the right a moment ago.
func (s *Server) inTime(p access.Permit, err error) error {
	if !errors.Is(err, access.ErrDenied) || s.Now().Before(p.Expires()) {
		return err
	}
	late := newProblem(http.StatusServiceUnavailable, "The server is too busy to answer in time; try again.").with("Retry-After", "1")
	late.cause = err
	return late
}

// admitPage lets a viewer with any right on camera {id} pass.
func (s *Server) admitPage(w http.ResponseWriter, r *http.Request, h handler) error {
	c := s.cameraNamed(r.PathValue("id"))
	rights, err := s.Accounts.Rights(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	if rights[access.Camera(c.ID)] == 0 {
		return access.ErrDenied
	}
	return h(w, r.WithContext(context.WithValue(r.Context(), cameraKey{}, c)))
}

// cameraNamed returns the camera of that name. For a name that no camera has it returns one that nobody has a right on,
// so that the same questions are asked of the database, and answered the same, for a foreign camera and for none.
func (s *Server) cameraNamed(name string) Camera {
	for _, c := range s.Cameras {
		if c.Name == name {
			return c
		}
	}
	return Camera{ID: s.nobodys}
}

type cameraKey struct{}

// cameraOf returns the camera that a page's URL names. Only routes with the policy seesCamera have one.
func cameraOf(r *http.Request) Camera {
	c, _ := r.Context().Value(cameraKey{}).(Camera)
	return c
}
