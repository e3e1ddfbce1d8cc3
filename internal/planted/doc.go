// Package planted keeps faults that people could make, as small texts, and tests that plant each of them in a copy of the
// source and look that a trial goes red. A trial that no fault can turn red proves nothing; docs/trials.md lists which
// trial caught what.
//
// It holds tests only. Nothing of the tree is changed: the go command gets the harmed file as an overlay.
package planted
