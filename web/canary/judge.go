package canary

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"keepwatch.internal/internal/media"
)

// probe is an answer to the canary.
type probe struct {
	status int // 0 if there was no answer
	header string
	body   []byte
}

// verdictOn is the result of comparing two answers.
type verdictOn uint8

const (
	unproven verdictOn = iota // at least one of them is inconclusive
	apart                     // the same for the other's camera as for one that does not exist
	differ                    // they differ: the existence of the camera shows, unless by chance
	leaking                   // it contains a mark of the other's camera
)

// undecided reports whether an answer is about the server's state and not about rights: a busy database, a server that is
// stopping, a caller with too much open.
func (p probe) undecided() bool {
	switch p.status {
	case 0, http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return p.status >= 500
}

// judge compares the answer about the other's camera with that about a camera that does not exist.
func judge(other probe, missing probe, marks [][]byte) verdictOn {
	switch {
	case other.holds(marks):
		return leaking
	case other.undecided(), missing.undecided(), missing.status != http.StatusNotFound:
		return unproven
	case other.status != missing.status, other.header != missing.header, !bytes.Equal(other.body, missing.body):
		return differ
	}
	return apart
}

// holds reports whether the answer contains any of the marks.
func (p probe) holds(marks [][]byte) bool {
	for _, m := range marks {
		if bytes.Contains(p.body, m) || strings.Contains(p.header, string(m)) {
			return true
		}
	}
	return false
}

// Mark is contained in every synthetic picture of the camera.
func Mark(id media.CameraID) []byte { return []byte("keepwatch canary " + id.String()) }

// marksOf is what identifies the camera in an answer: the mark of its pictures, and its UUID as text and as in labels.
func marksOf(c Camera) [][]byte {
	id := c.ID
	return [][]byte{Mark(id), []byte(id.String()), id[:]}
}

// clockPattern finds the server's time in a page, which differs between two answers.
func clockPattern() *regexp.Regexp { return regexp.MustCompile(`data-now="\d+"`) }

// checkOwn returns an error if an owner did not get its own camera: then refusals to others prove nothing.
func checkOwn(p probe, mark []byte, footage bool) error {
	switch {
	case p.status == 0:
		return errors.New("an answer was cut off")
	case p.status != http.StatusOK:
		return fmt.Errorf("the owner got status %d", p.status)
	case footage && !bytes.Contains(p.body, mark):
		return errors.New("the owner did not get its footage")
	}
	return nil
}
