// Package planted contains plausible bugs as small texts, and tests that plant each of them in a copy of the source and check
// that a trial fails. A trial that no bug can fail proves nothing; see docs/trials.md.
//
// It contains tests only. The tree is not changed: the go command gets the changed file as an overlay.
package planted
