package storage

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"keepwatch.internal/storage/disk"
)

// RunCheck runs storage/check and returns its JSON report. Tests of this package cannot import storage/check, which imports this
// package, so TestMain sets it.
var RunCheck func(context.Context, CheckCall) (report []byte, err error)

// CheckCall says how a store is checked.
type CheckCall struct {
	Store            Options
	ReadData, Repair bool
	Patience         time.Duration
	Open             func(string) (disk.Folder, error)
}

// report is the JSON report of a check.
type report struct {
	Store    string    `json:"store"`
	Cameras  int       `json:"cameras"`
	Segments int64     `json:"segments"`
	Bytes    int64     `json:"bytes"`
	Read     int64     `json:"bytes_read"`
	Errors   []problem `json:"findings"`
	Warnings []problem `json:"notes"`
	Omitted  int       `json:"omitted"`
}

// problem is an error or a warning in a report.
type problem struct {
	Kind    string     `json:"kind"`
	Camera  string     `json:"camera"`
	Stream  string     `json:"stream"`
	File    string     `json:"file"`
	Row     *time.Time `json:"row"`
	From    *time.Time `json:"from"`
	To      *time.Time `json:"to"`
	Text    string     `json:"problem"`
	Seconds float64    `json:"seconds"`
	Remedy  string     `json:"remedy"`
	Done    string     `json:"done"`
}

// The kinds of errors and warnings that these tests expect.
const (
	ErrorMissing  = "file-missing"
	ErrorShort    = "file-short"
	ErrorDamaged  = "segment-damaged"
	ErrorKeys     = "row-differs"
	ErrorSetAside = "segment-set-aside"
	ErrorForeign  = "segment-foreign"
	ErrorLedger   = "ledger-differs"
	ErrorSums     = "sums-differ"
	ErrorIndex    = "index-damaged"
	ErrorManifest = "camera-card"
	WarningIssue  = "doubt"
)

// runCheck runs a check and reads its report.
func runCheck(ctx context.Context, call CheckCall) (*report, error) {
	b, err := RunCheck(ctx, call)
	r := &report{}
	if len(b) > 0 {
		err = errors.Join(err, json.Unmarshal(b, r))
	}
	return r, err
}
