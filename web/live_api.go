package web

import (
	"log/slog"
	"time"

	"keepwatch.internal/internal/live"
	"keepwatch.internal/internal/media"
)

// liveAPI answers with pictures as they come: all tiles of a page on one socket, or one camera as an endless MP4.
type liveAPI struct {
	gate    *gate
	cameras *cameraList
	hub     *live.Hub
	keys    func(media.CameraID) media.LabelKey
	slots   *slots // of answers without an end
	now     func() time.Time
	logger  *slog.Logger
}
