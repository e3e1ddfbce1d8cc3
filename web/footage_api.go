package web

import (
	"time"

	"keepwatch.internal/storage"
)

// longClips is how many clips of more than longClip may be opened at the same moment.
const (
	longClips = 2
	longClip  = time.Hour
)

// footageAPI serves recorded footage: clips, segments, key frames, playlists and zips, and what there is when.
type footageAPI struct {
	gate     *gate
	cameras  *cameraList
	store    *storage.Store
	site     siteClock
	coverage coverage
	version  string        // of the program, for sidecars
	slots    *slots        // of clips
	opening  chan struct{} // held while a long clip is opened
}
