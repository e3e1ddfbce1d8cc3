package web

import (
	"context"
	"net/http"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// cameraAPI answers about cameras, and who may see them.
type cameraAPI struct {
	accounts *accounts.Directory
	cameras  *cameraList
	shares   *shares
	now      func() time.Time
}

// CameraReport is a camera in /api/v1/cameras.
type CameraReport struct {
	ID        string         `json:"id"`   // in URLs
	UUID      string         `json:"uuid"` // in the labels of its footage
	Label     string         `json:"label"`
	State     string         `json:"state"`
	Reason    string         `json:"reason"`
	Since     *time.Time     `json:"since"`
	LastFrame *time.Time     `json:"last_frame"`
	HasSub    bool           `json:"has_sub"`
	Audio     bool           `json:"audio"`
	Actions   []string       `json:"actions"` // what the viewer may do
	Streams   []StreamReport `json:"streams"`
	Advice    []string       `json:"advice"`
}

// StreamReport is a stream of a CameraReport.
type StreamReport struct {
	Quality       string       `json:"quality"`
	Codec         string       `json:"codec"`
	Width         int          `json:"width"`
	Height        int          `json:"height"`
	FPS           float64      `json:"fps"`
	BitsPerSecond int64        `json:"bits_per_second"`
	GOPSeconds    float64      `json:"gop_seconds"`
	LostPackets   uint64       `json:"lost_packets"`
	Audio         *SoundReport `json:"audio"`                          // null if the camera offers no sound
	Transport     string       `json:"transport,omitempty"`            // tcp or udp
	ReceiveBuffer int64        `json:"receive_buffer_bytes,omitempty"` // that the system granted for UDP
	TLS           string       `json:"tls,omitempty"`                  // version
	WeakTLS       string       `json:"weak_tls,omitempty"`             // what is weak about it
}

// SoundReport is the sound of a stream.
type SoundReport struct {
	Codec    string `json:"codec"` // what the camera sends
	Recorded bool   `json:"recorded"`
	Why      string `json:"why"` // why it is not recorded, or what is left out; empty if all is well
}

// soundReport returns the sound of a stream, or nil if the camera offers none.
func soundReport(s Sound) *SoundReport {
	if s.Codec == "" {
		return nil
	}
	return &SoundReport{Codec: s.Codec, Recorded: s.Recorded, Why: s.Why}
}

// list answers GET /api/v1/cameras.
func (a *cameraAPI) list(w http.ResponseWriter, r *http.Request) error {
	cameras, err := a.reports(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	return writeJSON(w, r, http.StatusOK, map[string]any{"cameras": cameras})
}

// reports returns reports on the cameras on which the viewer has any right, in display order.
func (a *cameraAPI) reports(ctx context.Context, v access.Viewer) ([]CameraReport, error) {
	rights, err := a.accounts.Rights(ctx, v)
	if err != nil {
		return nil, err
	}
	status := a.cameras.statusByID()
	reports := []CameraReport{}
	for _, c := range a.cameras.all {
		held := rights[access.Camera(c.ID)]
		if held == 0 {
			continue
		}
		reports = append(reports, report(c, status[c.ID], held))
	}
	return reports, nil
}

func report(c Camera, st CameraStatus, held access.Rights) CameraReport {
	out := CameraReport{ID: c.Name, UUID: c.ID.String(), Label: c.Label, State: st.State, Reason: st.Reason,
		Since: moment(st.Since), LastFrame: moment(st.LastFrame), HasSub: c.HasSub, Audio: c.Audio, Actions: held.Names(),
		Streams: []StreamReport{}, Advice: append([]string{}, st.Advice...)}
	for _, stream := range st.Streams {
		out.Streams = append(out.Streams, StreamReport{Quality: stream.Quality.String(), Codec: stream.Codec,
			Width: stream.Width, Height: stream.Height, FPS: stream.FPS, BitsPerSecond: stream.BitsPerSecond,
			GOPSeconds: stream.GOP.Seconds(), LostPackets: stream.LostPackets, Audio: soundReport(stream.Sound),
			Transport: stream.Link.Transport, ReceiveBuffer: stream.Link.Buffer, TLS: stream.Link.TLS, WeakTLS: stream.Link.Weak})
	}
	return out
}

// moment returns a time in UTC for JSON, or nil (null) for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
