package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// Problem is an answer that says what went wrong: RFC 9457 for programs, a page for people. It is an error, so that a
// handler returns it; the sentence in Detail is for whoever asked, the cause goes to the log.
type Problem struct {
	Type     string     `json:"type"`
	Title    string     `json:"title"`
	Status   int        `json:"status"`
	Detail   string     `json:"detail,omitempty"`
	Instance string     `json:"instance,omitempty"` // the request's id, where the log says more
	Parts    []spanJSON `json:"parts,omitempty"`    // the spans to ask for instead

	field  string      // of the form that came in, which it is about; empty for none
	header http.Header // further headers of the answer; nil for none
	cause  error       // for the log
}

// spanJSON is a half-open stretch of time on the wire.
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

// Unwrap returns the cause, which is never shown.
func (p *Problem) Unwrap() error { return p.cause }

// problem makes the error that is answered with the status and a sentence that its reader can act on.
func problem(status int, detail string) error {
	return newProblem(status, detail)
}

// mistakeIn is a mistake in a field of a form.
func mistakeIn(field string, status int, detail string) error {
	p := newProblem(status, detail)
	p.field = field
	return p
}

func newProblem(status int, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// with adds a header to the answer.
func (p *Problem) with(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

// notFound is the one answer for what is not there and for what is not the caller's. It holds nothing of the request.
func notFound() *Problem {
	return newProblem(http.StatusNotFound, "There is nothing here.")
}

// writeProblem answers with a problem as JSON. Headers that a handler had prepared for a success are dropped.
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
		_, _ = w.Write(body) // a client that is gone needs no answer
	}
}

// writeJSON answers 200 with v, or with status where it is another success.
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
