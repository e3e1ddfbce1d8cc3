package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Problem is an error answer: RFC 9457 for programs, a page for people. Handlers return it as an error. Detail is for the
// caller; the cause goes to the log.
type Problem struct {
	Type     string     `json:"type"`
	Title    string     `json:"title"`
	Status   int        `json:"status"`
	Detail   string     `json:"detail,omitempty"`
	Instance string     `json:"instance,omitempty"` // the request's id in the log
	Parts    []spanJSON `json:"parts,omitempty"`    // spans to request instead

	field  string      // name of the form field that it is about; empty for none
	header http.Header // additional headers; nil for none
	cause  error       // for the log
}

// spanJSON is a half-open time span in JSON.
type spanJSON struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Error returns the title and the detail.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// Unwrap returns the cause, which callers never see.
func (p *Problem) Unwrap() error { return p.cause }

// problem returns an error that is answered with that status. The detail tells the caller what to do.
func problem(status int, detail string) error {
	return newProblem(status, detail)
}

// mistakeIn returns a problem with a field of a form.
func mistakeIn(field string, status int, detail string) error {
	p := newProblem(status, detail)
	p.field = field
	return p
}

func newProblem(status int, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// with adds a header and returns p.
func (p *Problem) with(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

// notFound is the same answer for what does not exist and for what is not the caller's. It repeats nothing of the request.
func notFound() *Problem {
	return newProblem(http.StatusNotFound, "There is nothing here.")
}

// writeProblem answers with a problem as JSON.
func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings, numbers and times in range always marshal
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client may be gone
	}
}

// writeJSON answers with v as JSON.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = w.Write(body)
	return err
}
