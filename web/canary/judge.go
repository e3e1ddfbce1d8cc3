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

// probe is an answer that the canary got.
type probe struct {
	status int // 0 when the answer broke off before it began
	header string
	body   []byte
}

// verdictOn is what a pair of answers shows.
type verdictOn uint8

const (
	unproven verdictOn = iota // at least one of them decides nothing
	apart                     // the one about the other's camera is that about a camera that is not there
	differ                    // they differ: the camera's being there shows, unless it is chance
	leaking                   // what is another's is in it
)

// undecided reports whether an answer is about the server's state and not about rights: databases that are busy, a server
// that stops, a caller that has too much open. No right was found or refused then.
func (p probe) undecided() bool {
	switch p.status {
	case 0, http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	return p.status >= 500
}

// judge compares the answer about the other's camera with the one, to the same caller, about a camera that is not there.
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

// holds reports whether any of the marks is in the answer.
func (p probe) holds(marks [][]byte) bool {
	for _, m := range marks {
		if bytes.Contains(p.body, m) || strings.Contains(p.header, string(m)) {
			return true
		}
	}
	return false
}

// Mark is what every synthetic picture of the camera holds.
func Mark(id media.CameraID) []byte { return []byte("keepwatch canary " + id.String()) }

// marksOf is what betrays the camera wherever it stands: its pictures' mark, its UUID as text, and as it stands in labels.
func marksOf(c Camera) [][]byte {
	id := c.ID
	return [][]byte{Mark(id), []byte(id.String()), id[:]}
}

// clock finds the server's time in a page, which differs between two answers.
func clockPattern() *regexp.Regexp { return regexp.MustCompile(`data-now="\d+"`) }

// checkOwn returns why an owner's answer about its own camera proves nothing: then neither does what another is refused.
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
