package web

import (
	"context"
	"time"
)

// ScrubReport says how far the slow reading of all footage has come, in which damage is found before anybody asks for it.
type ScrubReport struct {
	Round      *time.Time `json:"round"`      // begin of the round that is under way
	LastRound  *time.Time `json:"last_round"` // end of the last full one
	ReadBytes  int64      `json:"read_bytes"` // in this round
	TotalBytes int64      `json:"total_bytes"`
	Found      int64      `json:"found"` // segments that did not verify, since the index was made
}

// scrub reports on it. It names no camera.
func (s *Server) scrub(ctx context.Context) (*ScrubReport, error) {
	x, err := s.Store.Scrub(ctx)
	if err != nil {
		return nil, err
	}
	return &ScrubReport{Round: moment(x.Began), LastRound: moment(x.LastRound), ReadBytes: x.Read, TotalBytes: x.Total, Found: x.Found}, nil
}
