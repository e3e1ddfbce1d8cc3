package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// admission is what a request passes between middleware and handler: it finds the route and the caller, and applies the
// route's policy. Permits for routes on a camera are minted here.
type admission struct {
	resolve  func(*http.Request) (access.Viewer, error)
	accounts *accounts.Directory
	cameras  *cameraList
	gate     *gate
	failures *failures
}

// compile checks the table and returns the handler that dispatches by it.
func (a *admission) compile(table []route) (http.Handler, error) {
	mux := http.NewServeMux()
	for _, rt := range table {
		if err := rt.check(); err != nil {
			return nil, fmt.Errorf("route %s %s: %w", rt.method, rt.path, err)
		}
		if err := register(mux, rt.method+" "+rt.path, a.serve(rt)); err != nil {
			return nil, err
		}
	}
	return a.dispatch(mux), nil
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

// dispatch hands a request to its route. Unknown paths and methods are answered with a problem.
func (a *admission) dispatch(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		allowed := methodsOf(mux, r)
		if len(allowed) == 0 {
			a.failures.answer(w, r, notFound())
			return
		}
		list := strings.Join(allowed, ", ")
		a.failures.answer(w, r, newProblem(http.StatusMethodNotAllowed, "This address accepts only "+list+".").with("Allow", list))
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

// serve returns the handler of a route: first its policy, then, if that admits the caller, what it is for.
func (a *admission) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.admit(w, r, rt); err != nil {
			a.failures.answer(w, r, err)
		}
	})
}

func (a *admission) admit(w http.ResponseWriter, r *http.Request, rt route) error {
	switch rt.policy {
	case public:
		return rt.handle(w, r)
	case setupOnly:
		_, needed, err := a.accounts.SetupCode(r.Context())
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
	v, err := a.resolve(r)
	if rt.policy == visitor {
		return rt.handle(w, withViewer(r, v)) // without a database nobody is signed in
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
			return newProblem(http.StatusForbidden, "This is for signed-in people only; tokens cannot use it.")
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
		return a.admitPage(w, r, rt.handle)
	case onCamera:
		c := a.cameras.named(r.PathValue("id"))
		p, err := a.accounts.Authorize(r.Context(), v, rt.action(r), access.Camera(c.ID))
		if err != nil {
			return err
		}
		return a.gate.inTime(p, rt.camera(w, r, p))
	}
	return notFound()
}

// admitPage lets a viewer with any right on camera {id} pass.
func (a *admission) admitPage(w http.ResponseWriter, r *http.Request, h handler) error {
	c := a.cameras.named(r.PathValue("id"))
	rights, err := a.accounts.Rights(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	if rights[access.Camera(c.ID)] == 0 {
		return access.ErrDenied
	}
	return h(w, r.WithContext(context.WithValue(r.Context(), cameraKey{}, c)))
}

type cameraKey struct{}

// cameraOf returns the camera that a page's URL names. Only routes with the policy seesCamera have one.
func cameraOf(r *http.Request) Camera {
	c, _ := r.Context().Value(cameraKey{}).(Camera)
	return c
}
