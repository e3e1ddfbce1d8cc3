package web

import (
	"context"
	"time"
)

// VerificationReport says how far the verification pass has come, which reads all footage to find damage before anybody asks for it.
type VerificationReport struct {
	Round      *time.Time `json:"round"`      // begin of the round that is under way
	LastRound  *time.Time `json:"last_round"` // end of the last full one
	ReadBytes  int64      `json:"read_bytes"` // in this round
	TotalBytes int64      `json:"total_bytes"`
	Found      int64      `json:"found"` // segments that did not verify, since the index was made
}

// verification reports on the pass. It names no camera.
func (r *reports) verification(ctx context.Context) (*VerificationReport, error) {
	x, err := r.store.VerificationPass(ctx)
	if err != nil {
		return nil, err
	}
	return &VerificationReport{Round: moment(x.Began), LastRound: moment(x.LastRound), ReadBytes: x.Read, TotalBytes: x.Total, Found: x.Found}, nil
}
