package web

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/audit"
	"keepwatch.internal/internal/live"
	"keepwatch.internal/storage"
)

// failures answers requests whose handlers return an error.
type failures struct {
	page   func(w http.ResponseWriter, r *http.Request, p *Problem) error // shows a problem to people
	logger *slog.Logger
}

// answer answers with err. If part of an answer was already sent, it aborts the connection, so that the part cannot be taken
// for the whole.
func (f *failures) answer(w http.ResponseWriter, r *http.Request, err error) {
	resp := responseOf(w)
	if resp.failed || r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		panic(http.ErrAbortHandler) // the caller is gone, or the server is stopping
	}
	p := problemOf(err)
	if p.Status >= 500 {
		p.Instance = infoOf(r).id
		level := slog.LevelError
		if errors.Is(err, errStopping) {
			level = slog.LevelInfo
		}
		f.logger.Log(r.Context(), level, "request failed", "req", infoOf(r).id, "status", p.Status, "err", causeOf(err))
	}
	if resp.started {
		panic(http.ErrAbortHandler)
	}
	f.write(w, r, p)
}

func causeOf(err error) error {
	if p, ok := errors.AsType[*Problem](err); ok && p.cause != nil {
		return p.cause
	}
	return err
}

// write sends a problem: JSON to programs, a page to people. It drops the headers that a handler has set, so that all answers
// of one kind have the same headers.
func (f *failures) write(w http.ResponseWriter, r *http.Request, p *Problem) {
	h := w.Header()
	clear(h)
	baseHeaders(h)
	maps.Copy(h, p.header)
	if !forPeople(r) {
		if p.Status == http.StatusUnauthorized {
			h.Set("WWW-Authenticate", `Bearer realm="keepwatch"`)
		}
		writeProblem(w, r, p)
		return
	}
	if p.Status == http.StatusUnauthorized {
		http.Redirect(w, r, loginURL(r), http.StatusSeeOther)
		return
	}
	if err := f.page(w, r, p); err != nil {
		panic(http.ErrAbortHandler) // the caller is gone
	}
}

// forPeople reports whether a request is for a page.
func forPeople(r *http.Request) bool {
	switch p := r.URL.Path; {
	case p == "/api", strings.HasPrefix(p, "/api/"), strings.HasPrefix(p, "/static/"), p == "/healthz", p == "/readyz", p == "/robots.txt", p == "/metrics":
		return false
	}
	return true
}

// loginURL is the login page, which leads back to the requested page.
func loginURL(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return "/login"
	}
	next := localPath(r.URL.RequestURI())
	if next == "/" {
		return "/login"
	}
	return "/login?next=" + url.QueryEscape(next)
}

// problemOf maps errors to statuses. It is the only place that does.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		clone := *p
		return &clone
	}
	if throttled, ok := errors.AsType[*accounts.ThrottledError](err); ok {
		seconds := strconv.Itoa(int(throttled.RetryAfter.Seconds()) + 1)
		return newProblem(http.StatusTooManyRequests, "Too many attempts. Wait a little and try again.").
			with("Retry-After", seconds)
	}
	if invalid, ok := errors.AsType[*accounts.InvalidError](err); ok {
		return newProblem(http.StatusBadRequest, sentence(invalid.Sentence))
	}
	switch {
	case errors.Is(err, access.ErrDenied):
		return notFound()
	case errors.Is(err, accounts.ErrNobody):
		return newProblem(http.StatusUnauthorized, "Sign in first, or send a token that is valid.")
	case errors.Is(err, audit.ErrUnrecorded):
		p := newProblem(http.StatusServiceUnavailable, "Viewing is logged, and the log cannot be written at the moment, so nothing is shown.")
		p.cause = err
		return p
	case errors.Is(err, audit.ErrTooManyViews):
		return newProblem(http.StatusTooManyRequests, "This account or link is watching from too many places at once. Close some and try again.").with("Retry-After", "60")
	case errors.Is(err, errHalted):
		return haltedProblem()
	case errors.Is(err, accounts.ErrNotFresh):
		p := newProblem(http.StatusForbidden, "Confirm your password first: POST /api/v1/session/confirm. That lasts for ten minutes.")
		p.Type = "urn:keepwatch:problem:confirm"
		return p
	case errors.Is(err, accounts.ErrNeedsCode):
		p := newProblem(http.StatusUnauthorized, "The password is correct. Enter the code of your second factor, or a recovery code.")
		p.Type = "urn:keepwatch:problem:code-needed"
		return p
	case errors.Is(err, accounts.ErrBadFactor):
		return newProblem(http.StatusUnauthorized, "That code is wrong or was already used. Wait for the next one.")
	case errors.Is(err, accounts.ErrBadLogin):
		return newProblem(http.StatusUnauthorized, "Wrong name or password.")
	case errors.Is(err, accounts.ErrBadCode):
		return newProblem(http.StatusForbidden, "Wrong set-up code. It is printed on the server's console and in its log.")
	case errors.Is(err, accounts.ErrSetupDone):
		return newProblem(http.StatusConflict, "This server is already set up. Sign in instead.")
	}
	if p := footageProblem(err); p != nil {
		return p
	}
	p := newProblem(http.StatusServiceUnavailable, "This is not available at the moment; the log has the cause.")
	p.cause = err // of a disk or a database: callers' mistakes are handled above, and ours panic
	return p
}

// responseOf finds the writer that the outermost middleware made.
func responseOf(w http.ResponseWriter) *response {
	for {
		switch t := w.(type) {
		case *response:
			return t
		case interface{ Unwrap() http.ResponseWriter }:
			w = t.Unwrap()
		default:
			panic("web: a response that the middleware did not make")
		}
	}
}

// sentence turns an error text into a sentence, with a capital and a full stop.
func sentence(clause string) string {
	first, size := utf8.DecodeRuneInString(clause)
	whole := string(unicode.ToUpper(first)) + clause[size:]
	if strings.HasSuffix(whole, ".") {
		return whole
	}
	return whole + "."
}

// footageProblem maps the errors of storage and live; nil for others, which come from disks and databases.
func footageProblem(err error) *Problem {
	if changed, ok := errors.AsType[*storage.FormatChangedError](err); ok {
		p := newProblem(http.StatusConflict, "The video format changed within the span. Request the parts one by one.")
		p.Type = "urn:keepwatch:problem:format-changed"
		p.Parts = []spanJSON{}
		for _, part := range changed.Parts {
			p.Parts = append(p.Parts, spanJSON{From: part.From.UTC(), To: part.To.UTC()})
		}
		return p
	}
	if p := keptProblem(err); p != nil {
		return p
	}
	switch {
	case errors.Is(err, storage.ErrNoFootage), errors.Is(err, storage.ErrGone), errors.Is(err, storage.ErrUnknownCamera):
		return newProblem(http.StatusNotFound, "This camera has no footage of that time. The timeline says why.")
	case errors.Is(err, live.ErrNoStream):
		return newProblem(http.StatusNotFound, "This camera has no live picture now.")
	case errors.Is(err, storage.ErrTooLong), errors.Is(err, storage.ErrSpan):
		return newProblem(http.StatusBadRequest, sentence(err.Error()))
	case errors.Is(err, storage.ErrQuarantined):
		p := newProblem(http.StatusServiceUnavailable, "Footage of that span failed its check and was quarantined.")
		p.cause = err
		return p
	case errors.Is(err, errStopping):
		return newProblem(http.StatusServiceUnavailable, "The server is stopping.")
	}
	return nil
}
