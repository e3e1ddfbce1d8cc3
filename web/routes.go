package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"keepwatch.internal/internal/access"
)

// policy is who may use a route. The zero value means that nobody decided; it keeps the server from starting.
type policy uint8

const (
	unclassified  policy = iota
	public               // anyone; the caller is not identified
	visitor              // anyone; signed-in viewers are identified
	setupOnly            // anyone with the code from the console, while there is no account
	caller               // any account, token or link
	signedIn             // any account or token
	person               // an account that signed in itself; for managing accounts, so no tokens
	measuring            // administrators' tokens made for metrics; for others the route does not exist
	administrator        // administrators; for others the route does not exist
	seesCamera           // viewers with any right on camera {id}: pages about it
	onCamera             // viewers who may take the route's action on camera {id}
	onCameras            // callers; the handler authorizes each camera that the query names, and answers 404 if one is refused
)

type (
	// handler answers a request. failures answers the error that it returns.
	handler func(w http.ResponseWriter, r *http.Request) error

	// cameraHandler answers a request about one camera. The permit says which: it never reads the name in the URL.
	cameraHandler func(w http.ResponseWriter, r *http.Request, p access.Permit) error
)

// route is an entry of the table. An onCamera route has an action and a camera handler, every other route a plain handler.
type route struct {
	method, path string
	policy       policy
	handle       handler
	action       func(*http.Request) access.Action
	camera       cameraHandler
}

// page is a page, or a file of the site.
func page(path string, p policy, h handler) route {
	return route{method: http.MethodGet, path: path, policy: p, handle: h}
}

// form is where a form of a page is sent.
func form(path string, p policy, h handler) route {
	return route{method: http.MethodPost, path: path, policy: p, handle: h}
}

// cameraPage is a page about camera {id}, for viewers who may take the action.
func cameraPage(path string, a access.Action, h cameraHandler) route {
	return footage("GET "+path, a, h)
}

// cameraForm is where a form about camera {id} is sent, for viewers who may take the action.
func cameraForm(path string, a access.Action, h cameraHandler) route {
	return footage("POST "+path, a, h)
}

// api is a call of the API that is about no camera in particular. The pattern is a method and a path.
func api(pattern string, p policy, h handler) route {
	method, path, _ := strings.Cut(pattern, " ")
	return route{method: method, path: path, policy: p, handle: h}
}

// footage is a call about camera {id}, for viewers who may take the action. The pattern is a method and a path.
func footage(pattern string, a access.Action, h cameraHandler) route {
	return footageFor(pattern, func(*http.Request) access.Action { return a }, h)
}

// footageFor is footage where the action depends on the request.
func footageFor(pattern string, action func(*http.Request) access.Action, h cameraHandler) route {
	method, path, _ := strings.Cut(pattern, " ")
	return route{method: method, path: path, policy: onCamera, action: action, camera: h}
}

// routes is every URL the server knows.
func (s *Server) routes() []route {
	return slices.Concat(s.openRoutes(), s.pageRoutes(), s.apiRoutes(), s.footageRoutes())
}

// openRoutes need no session: files, sign-in and links.
func (s *Server) openRoutes() []route {
	return []route{
		page("/healthz", public, s.systemAPI.healthz),
		page("/readyz", public, s.systemAPI.readyz),
		page("/static/{version}/{name...}", public, s.files.static),
		page("/robots.txt", public, s.files.robots),
		page("/certificate", public, s.login.pageCertificate),
		page("/certificate.pem", public, s.login.certificate),
		page("/certificate.crt", public, s.login.certificateFile),
		page("/{$}", visitor, s.login.pageHome),
		page("/setup", setupOnly, s.login.pageSetup),
		form("/setup", setupOnly, s.login.postSetup),
		page("/login", visitor, s.login.pageLogin),
		form("/login", public, s.login.postLogin),
		form("/login/passkey", public, s.login.postPasskeyLogin),
		form("/login/passkey/answer", public, s.login.postPasskeyAnswer),
		form("/logout", public, s.login.postLogout),
		page("/s/{secret}", public, s.link.enterLink),
		page("/link", public, s.link.pageLink),
		form("/link/leave", public, s.link.leaveLink),
	}
}

// pageRoutes are the pages and their forms.
func (s *Server) pageRoutes() []route {
	return []route{
		page("/live", signedIn, s.livePage.pageLive),
		form("/live/arrange", person, s.livePage.form("arrange", s.livePage.writeLiveAfter, s.livePage.arrange)),
		page("/timeline", signedIn, s.camera.pageTimeline),
		page("/cameras", signedIn, s.camera.pageCameras),
		page("/cameras/{id}", seesCamera, s.camera.pageCamera),
		page("/cameras/{id}/days", seesCamera, s.camera.pageDays),
		cameraForm("/cameras/{id}"+pathAccept, access.Manage, s.camera.postAccept),
		page("/saved", signedIn, s.saved.pageSaved),
		cameraForm("/cameras/{id}/keep", access.Manage, s.saved.postKeep),
		cameraPage("/cameras/{id}/kept/{kept}", access.Manage, s.saved.pageKept),
		cameraForm("/cameras/{id}/kept/{kept}/release", access.Manage, s.saved.postRelease),
		cameraPage("/cameras/{id}/delete", access.Manage, s.saved.pageDelete),
		cameraForm("/cameras/{id}/delete", access.Manage, s.saved.postDelete),
		cameraPage("/cameras/{id}/access", access.Share, s.sharing.pageSharing),
		cameraForm("/cameras/{id}/shares", access.Share, s.sharing.postShare),
		cameraForm("/cameras/{id}/shares/revoke", access.Share, s.sharing.postRevoke),
		cameraPage("/cameras/{id}/views", access.Manage, s.auditLog.pageWatched),
		page("/account", person, s.account.pageAccount),
		form("/account/password", person, s.account.form("password", s.account.writeAccount, s.account.changePassword)),
		form("/account/sessions", person, s.account.form("sessions", s.account.writeAccount, s.account.endSessions)),
		form("/account/totp", person, s.account.form("totp", s.account.writeAccount, s.account.beginTOTP)),
		form("/account/totp/on", person, s.account.form("totp", s.account.writeAccount, s.account.confirmTOTP)),
		form("/account/totp/off", person, s.account.form("totp", s.account.writeAccount, s.account.removeTOTP)),
		form("/account/totp/recovery", person, s.account.form("totp", s.account.writeAccount, s.account.newRecoveryCodes)),
		form("/account/passkeys", person, s.account.form("passkeys", s.account.writeAccount, s.account.beginPasskey)),
		form("/account/passkeys/new", person, s.account.form("passkeys", s.account.writeAccount, s.account.finishPasskey)),
		form("/account/passkeys/remove", person, s.account.form("passkeys", s.account.writeAccount, s.account.removePasskey)),
		form("/account/tokens", person, s.account.form("tokens", s.account.writeAccount, s.account.newToken)),
		form("/account/tokens/remove", person, s.account.form("tokens", s.account.writeAccount, s.account.removeToken)),
		page("/account/views", person, s.auditLog.pageOwnViews),
		page("/people", administrator, s.people.pagePeople),
		form("/people", administrator, s.people.form("people", s.people.writePeople, s.people.addPerson)),
		page("/people/{person}/remove", administrator, s.people.pageRemoval),
		form("/people/{person}/remove", administrator, s.people.form("people", s.people.writePeople, s.people.removePerson)),
		page("/add-camera", administrator, s.probe.pageAdd),
		form("/add-camera/find", administrator, s.probe.postFind),
		form("/add-camera/look", administrator, s.probe.postLook),
		form("/add-camera/write", administrator, s.probe.form("add", s.probe.writeAdd, s.probe.add)),
		cameraForm("/cameras/{id}/check", access.Manage, s.probe.postCheck),
		page("/system", signedIn, s.system.pageSystem),
		page("/connections", administrator, s.system.pageConnections),
	}
}

// apiRoutes are the calls of the API that are about no camera in particular.
func (s *Server) apiRoutes() []route {
	return []route{
		api("POST /api/v1/setup", setupOnly, s.accountAPI.setUp),
		api("POST /api/v1/session", public, s.accountAPI.login),
		api("DELETE /api/v1/session", public, s.accountAPI.logout),
		api("POST /api/v1/session/confirm", person, s.accountAPI.confirm),
		api("GET /api/v1/me", caller, s.accountAPI.me),
		api("GET /api/v1/me/sessions", person, s.accountAPI.listSessions),
		api("DELETE /api/v1/me/sessions", person, s.accountAPI.endOtherSessions),
		api("DELETE /api/v1/me/sessions/{number}", person, s.accountAPI.endSession),
		api("GET /api/v1/me/tokens", person, s.accountAPI.listTokens),
		api("POST /api/v1/me/tokens", person, s.accountAPI.newToken),
		api("DELETE /api/v1/me/tokens/{number}", person, s.accountAPI.removeToken),
		api("GET /api/v1/me/views", person, s.accountAPI.ownViews),
		api("GET /api/v1/me/layout", person, s.accountAPI.layout),
		api("PUT /api/v1/me/layout", person, s.accountAPI.setLayout),
		api("GET /api/v1/cameras", caller, s.cameraAPI.list),
		api("GET /api/v1/system", signedIn, s.systemAPI.system),
		api("GET /metrics", measuring, s.systemAPI.metrics),
		api("GET /api/v1/connections", administrator, s.systemAPI.connections),
		api("GET /api/v1/live", caller, s.live.socket),
		api("GET /api/v1/export.zip", onCameras, s.footage.exportZip),
		api("GET /api/v1/kept", signedIn, s.keptAPI.listAll),
	}
}

// footageRoutes are the calls of the API on one camera.
func (s *Server) footageRoutes() []route {
	return []route{
		footage("GET /api/v1/cameras/{id}/timeline", access.Playback, s.footage.timeline),
		footage("GET /api/v1/cameras/{id}/activity", access.Playback, s.footage.activity),
		footage("GET /api/v1/cameras/{id}/days", access.Playback, s.footage.days),
		footageFor("GET /api/v1/cameras/{id}/clip.mp4", fileAction, s.footage.clip),
		footage("GET /api/v1/cameras/{id}/clip.json", access.Export, s.footage.clipSidecar),
		footage("GET /api/v1/cameras/{id}/segments.mp4", access.Playback, s.footage.segments),
		footage("GET /api/v1/cameras/{id}/keyframe.mp4", access.Playback, s.footage.keyFrame),
		footage("GET /api/v1/cameras/{id}/hls/index.m3u8", access.Playback, s.footage.hlsIndex),
		footage("GET /api/v1/cameras/{id}/hls/media.m3u8", access.Playback, s.footage.hlsMedia),
		footage("GET /api/v1/cameras/{id}/hls/keyframes.m3u8", access.Playback, s.footage.hlsKeyFrames),
		footage("GET /api/v1/cameras/{id}/hls/segment.mp4", access.Playback, s.footage.hlsSegmentFile),
		footage("GET /api/v1/cameras/{id}/live.mp4", access.Live, s.live.stream),
		footage("GET /api/v1/cameras/{id}/access", access.Manage, s.cameraAPI.grantees),
		footage("GET /api/v1/cameras/{id}/shares", access.Share, s.cameraAPI.listShares),
		footage("POST /api/v1/cameras/{id}/shares", access.Share, s.cameraAPI.newShare),
		footage("DELETE /api/v1/cameras/{id}/shares/{number}", access.Share, s.cameraAPI.revokeShare),
		footage("GET /api/v1/cameras/{id}/views", access.Manage, s.cameraAPI.views),
		footage("GET /api/v1/cameras/{id}/kept", access.Playback, s.keptAPI.list),
		footage("POST /api/v1/cameras/{id}/kept", access.Manage, s.keptAPI.keep),
		footage("DELETE /api/v1/cameras/{id}/kept/{kept}", access.Manage, s.keptAPI.remove),
		footage("DELETE /api/v1/cameras/{id}/footage", access.Manage, s.keptAPI.deleteFootage),
	}
}

// check returns what is wrong with an entry: above all that it has no policy.
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
