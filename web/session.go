package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// sessions resolves who asks, and begins and ends the sessions of browsers.
type sessions struct {
	accounts *accounts.Directory
	logger   *slog.Logger
}

// cookieAge is how long a browser keeps the cookie, in seconds: the longest that browsers allow (RFC 6265bis section
// 5.5). Accounts decides how long the session itself lasts.
const cookieAge = 400 * 86400

// cookieName returns the name of the session cookie. Under TLS the prefix __Host- keeps other names and plain HTTP from
// planting one (RFC 6265bis section 4.1.3).
func cookieName(secure bool) string {
	if secure {
		return "__Host-keepwatch"
	}
	return "keepwatch"
}

func setSession(w http.ResponseWriter, r *http.Request, session string) {
	secure := infoOf(r).secure
	c := &http.Cookie{Name: cookieName(secure), Value: session, Path: "/", MaxAge: cookieAge, HttpOnly: true,
		Secure: secure, SameSite: http.SameSiteLaxMode}
	if session == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// sessionOf returns the session that the request's cookie holds. Two cookies of the name are none: one was planted.
func sessionOf(r *http.Request) string {
	cookies := r.CookiesNamed(cookieName(infoOf(r).secure))
	if len(cookies) != 1 {
		return ""
	}
	return cookies[0].Value
}

type viewerKey struct{}

// viewerOf returns the resolved caller of the request; the zero Viewer when it proved no identity.
func viewerOf(r *http.Request) access.Viewer {
	v, _ := r.Context().Value(viewerKey{}).(access.Viewer)
	return v
}

func withViewer(r *http.Request, v access.Viewer) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), viewerKey{}, v))
}

// resolve finds out who asks. An Authorization header is taken alone, never mixed with a cookie: a program that sends a
// bad token is told so, whatever session the same machine has. The error is accounts.ErrNobody or the database's.
//
// Requests of a link say so in the query, as=link: then its cookie alone counts.
func (s *sessions) resolve(r *http.Request) (access.Viewer, error) {
	if isLink(r) {
		return s.linkViewer(r)
	}
	if values := r.Header.Values("Authorization"); len(values) > 0 {
		scheme, token, _ := strings.Cut(values[0], " ")
		if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
			return access.Viewer{}, accounts.ErrNobody
		}
		return s.accounts.ByToken(r.Context(), strings.TrimSpace(token))
	}
	session := sessionOf(r)
	if session == "" {
		return access.Viewer{}, accounts.ErrNobody
	}
	return s.accounts.BySession(r.Context(), session)
}

// credentials are what a person types to come in.
type credentials struct {
	Code     string `json:"-"` // for the set-up only
	Username string `json:"username"`
	Password string `json:"password"`
	TOTP     string `json:"totp,omitempty"` // a code of the second factor, or a recovery code
}

func (c credentials) String() string { return "credentials of " + c.Username }

// apiLogin answers POST /api/v1/session.
func (s *Server) apiLogin(w http.ResponseWriter, r *http.Request) error {
	var c credentials
	if err := readJSON(r, &c); err != nil {
		return err
	}
	v, err := s.sessions.login(w, r, c)
	if err != nil {
		return err
	}
	return s.writeMe(w, r, v)
}

// login starts a session, ends the one that the browser had, and sets the cookie.
func (s *sessions) login(w http.ResponseWriter, r *http.Request, c credentials) (access.Viewer, error) {
	ctx := r.Context()
	session, err := s.accounts.Login(ctx, accounts.Attempt{Username: c.Username, Password: c.Password, Code: c.TOTP,
		Address: infoOf(r).client, Agent: r.UserAgent()})
	if err != nil {
		return access.Viewer{}, err
	}
	return s.enter(w, r, session)
}

// enter lets the holder of a new session in.
func (s *sessions) enter(w http.ResponseWriter, r *http.Request, session string) (access.Viewer, error) {
	ctx := r.Context()
	v, err := s.accounts.BySession(ctx, session)
	if err != nil {
		return access.Viewer{}, err
	}
	if old := sessionOf(r); old != "" {
		if err := s.accounts.Logout(ctx, old); err != nil {
			s.logger.Warn("end previous session", "req", infoOf(r).id, "err", err)
		}
	}
	setSession(w, r, session)
	return v, nil
}

// apiLogout answers DELETE /api/v1/session. It needs no session that still lasts: who wants to be out is out.
func (s *Server) apiLogout(w http.ResponseWriter, r *http.Request) error {
	if err := s.sessions.logout(w, r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *sessions) logout(w http.ResponseWriter, r *http.Request) error {
	if session := sessionOf(r); session != "" {
		if err := s.accounts.Logout(r.Context(), session); err != nil {
			return err
		}
	}
	setSession(w, r, "")
	return nil
}

// apiSetup answers POST /api/v1/setup.
func (s *Server) apiSetup(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Code string `json:"code"`
		credentials
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	body.credentials.Code = body.Code
	v, err := s.sessions.setUp(w, r, body.credentials)
	if err != nil {
		return err
	}
	return s.writeMe(w, r, v)
}

// setUp makes the first account and signs it in.
func (s *sessions) setUp(w http.ResponseWriter, r *http.Request, c credentials) (access.Viewer, error) {
	if err := s.accounts.Setup(r.Context(), c.Code, c.Username, c.Password); err != nil {
		return access.Viewer{}, err
	}
	return s.login(w, r, c)
}

// me is the answer of GET /api/v1/me, and of those that sign in.
type me struct {
	Username string              `json:"username"`
	Admin    bool                `json:"admin"`
	Actions  map[string][]string `json:"actions"` // by camera id
}

func (s *Server) apiMe(w http.ResponseWriter, r *http.Request) error {
	return s.writeMe(w, r, viewerOf(r))
}

func (s *Server) writeMe(w http.ResponseWriter, r *http.Request, v access.Viewer) error {
	rights, err := s.Accounts.Rights(r.Context(), v)
	if err != nil {
		return err
	}
	m := me{Username: v.Name, Admin: v.Admin, Actions: map[string][]string{}}
	for _, c := range s.Cameras {
		if held := rights[access.Camera(c.ID)]; held != 0 {
			m.Actions[c.Name] = held.Names()
		}
	}
	return writeJSON(w, r, http.StatusOK, m)
}

// readJSON reads the request's body, one JSON object with nothing unknown in it and nothing after it, into v.
func readJSON(r *http.Request, v any) error {
	if err := requireType(r, "application/json"); err != nil {
		return err
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return problem(http.StatusBadRequest, "The body is not the expected JSON object: "+jsonMistake(err)+".")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problem(http.StatusBadRequest, "The body continues after the JSON object.")
	}
	return nil
}

// jsonMistake says what is wrong without repeating the body, which may hold a password.
func jsonMistake(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		return fmt.Sprintf("%s has the wrong type", e.Field)
	}
	if strings.Contains(err.Error(), "unknown field") {
		return "it has an unknown field"
	}
	return "it cannot be parsed"
}

func requireType(r *http.Request, want string) error {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || got != want {
		return problem(http.StatusUnsupportedMediaType, "The body's type must be "+want+".")
	}
	return nil
}

// readForm reads the request's form.
func readForm(r *http.Request) (url.Values, error) {
	if err := requireType(r, "application/x-www-form-urlencoded"); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, problem(http.StatusBadRequest, "The form cannot be parsed.")
	}
	return form, nil
}

// localPath returns next when it is a path on this server, and "/" for anything that a browser could take for a way out.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\x00\r\n\t") {
		return "/"
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || strings.Contains(u.Path, "//") {
		return "/"
	}
	for _, c := range next {
		if c < 0x20 || c == 0x7f {
			return "/"
		}
	}
	switch u.Path {
	case "/login", "/logout", "/setup":
		return "/"
	}
	return u.RequestURI()
}
