package web

import (
	"log/slog"
	"time"

	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
)

// liveAPI serves live video: all tiles of a page on one socket, or one camera as an endless MP4.
type liveAPI struct {
	gate    *gate
	cameras *cameraList
	hub     *live.Hub
	keys    func(media.CameraID) media.LabelKey
	slots   *slots // for endless answers
	now     func() time.Time
	logger  *slog.Logger
}
