package storage

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Alarm is a condition of the store that somebody should know of for as long as it lasts. It is for whoever manages the
// system, who need not be an owner: it tells of disks and folders, and names no camera.
type Alarm struct {
	Code  string    // for programs: one of the constants below, or one that another part of the store documents
	Since time.Time // when it was noticed
	Text  string    // for people: what is wrong, where, and how to fix it, in sentences
}

// Codes of alarms. They never change their meaning.
const (
	AlarmDiskFull     = "disk-full"     // recordings or data have no space left, and footage is being dropped
	AlarmNothingLeft  = "nothing-left"  // storage.min_free cannot be kept: nothing is left to delete
	AlarmSyncFailed   = "sync-failed"   // a disk did not keep what it had taken
	AlarmIndexRebuilt = "index-rebuilt" // the index was damaged or missing and is made again from the files
	AlarmIndexOld     = "index-old"     // the index was older than the recordings
	AlarmNetworkDisk  = "network-disk"  // the data folder is not on a disk of this computer
	AlarmNotExamined  = "not-recovered" // files of the last process could not be read
	AlarmQuarantine   = "quarantine"    // footage that does not verify lies in the quarantine folder
)

// alarms keeps what is wrong now. The zero value is ready.
type alarms struct {
	mu  sync.Mutex
	now map[string]Alarm
}

// raise adds an alarm, or renews the text of one that stands.
func (s *Store) raise(code, text string) {
	s.alarms.mu.Lock()
	defer s.alarms.mu.Unlock()
	a, standing := s.alarms.now[code]
	if !standing {
		a = Alarm{Code: code, Since: s.now()}
	}
	a.Text = text
	if s.alarms.now == nil {
		s.alarms.now = map[string]Alarm{}
	}
	s.alarms.now[code] = a
}

// lower ends an alarm, if it stands.
func (s *Store) lower(code string) {
	s.alarms.mu.Lock()
	defer s.alarms.mu.Unlock()
	delete(s.alarms.now, code)
}

// standing reports whether an alarm was raised and not lowered.
func (s *Store) standing(code string) bool {
	s.alarms.mu.Lock()
	defer s.alarms.mu.Unlock()
	_, ok := s.alarms.now[code]
	return ok
}

// Alarms returns what is wrong with the store now, the oldest first. It needs no permit, since it shows no footage.
func (s *Store) Alarms(context.Context) []Alarm {
	s.alarms.mu.Lock()
	defer s.alarms.mu.Unlock()
	out := make([]Alarm, 0, len(s.alarms.now))
	for _, a := range s.alarms.now {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Alarm) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Code, b.Code)) })
	return out
}
