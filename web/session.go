package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// sessions identifies callers, and starts and ends the sessions of browsers.
type sessions struct {
	accounts *accounts.Directory
	logger   *slog.Logger
}

// cookieAge is how long a browser keeps the cookie, in seconds: the longest that browsers allow (RFC 6265bis section
// 5.5). Accounts decides how long the session itself lasts.
const cookieAge = 400 * 86400

// cookieName returns the name of the session cookie. Under TLS the prefix __Host- keeps other hosts and plain HTTP from setting
// it (RFC 6265bis section 4.1.3).
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

// sessionOf returns the session in the request's cookie. Two cookies of that name count as none: one was planted.
func sessionOf(r *http.Request) string {
	cookies := r.CookiesNamed(cookieName(infoOf(r).secure))
	if len(cookies) != 1 {
		return ""
	}
	return cookies[0].Value
}

type viewerKey struct{}

// viewerOf returns the caller of the request; the zero Viewer if not signed in.
func viewerOf(r *http.Request) access.Viewer {
	v, _ := r.Context().Value(viewerKey{}).(access.Viewer)
	return v
}

func withViewer(r *http.Request, v access.Viewer) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), viewerKey{}, v))
}

// resolve identifies the caller. With an Authorization header cookies are ignored, so that a program with a bad token is refused
// even if a session exists. The error is accounts.ErrNobody or the database's.
//
// With as=link in the query only the cookie of the link counts.
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

// credentials are what a person enters to sign in.
type credentials struct {
	Code     string `json:"-"` // for the set-up only
	Username string `json:"username"`
	Password string `json:"password"`
	TOTP     string `json:"totp,omitempty"` // a code of the second factor, or a recovery code
}

func (c credentials) String() string { return "credentials of " + c.Username }

// login starts a session, ends the browser's previous one, and sets the cookie.
func (s *sessions) login(w http.ResponseWriter, r *http.Request, c credentials) (access.Viewer, error) {
	ctx := r.Context()
	session, err := s.accounts.Login(ctx, accounts.Attempt{Username: c.Username, Password: c.Password, Code: c.TOTP,
		Address: infoOf(r).client, Agent: r.UserAgent()})
	if err != nil {
		return access.Viewer{}, err
	}
	return s.enter(w, r, session)
}

// enter sets the cookie of a new session, and ends the previous one.
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

func (s *sessions) logout(w http.ResponseWriter, r *http.Request) error {
	if session := sessionOf(r); session != "" {
		if err := s.accounts.Logout(r.Context(), session); err != nil {
			return err
		}
	}
	setSession(w, r, "")
	return nil
}

// setUp creates the first account and signs it in.
func (s *sessions) setUp(w http.ResponseWriter, r *http.Request, c credentials) (access.Viewer, error) {
	if err := s.accounts.Setup(r.Context(), c.Code, c.Username, c.Password); err != nil {
		return access.Viewer{}, err
	}
	return s.login(w, r, c)
}

// localPath returns next if it is a path on this server, and "/" for anything that could lead a browser elsewhere.
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
