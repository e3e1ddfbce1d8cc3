package web

import (
	"context"
	"time"
)

// VerificationReport is the progress of the verification pass, which reads all footage to find damage early.
type VerificationReport struct {
	Round      *time.Time `json:"round"`      // start of the current round
	LastRound  *time.Time `json:"last_round"` // end of the last complete one
	ReadBytes  int64      `json:"read_bytes"` // in this round
	TotalBytes int64      `json:"total_bytes"`
	Found      int64      `json:"found"` // segments that failed verification since the index was created
}

// verification returns the report on the verification pass. It names no camera.
func (r *reports) verification(ctx context.Context) (*VerificationReport, error) {
	x, err := r.store.VerificationPass(ctx)
	if err != nil {
		return nil, err
	}
	return &VerificationReport{Round: moment(x.Began), LastRound: moment(x.LastRound), ReadBytes: x.Read, TotalBytes: x.Total, Found: x.Found}, nil
}
