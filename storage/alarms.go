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

// alarms keeps what is wrong now.
type alarms struct {
	clock    *storeClock
	alarming sync.Mutex
	raised   map[string]Alarm
}

// raise adds an alarm, or renews the text of one that is raised.
func (a *alarms) raise(code, text string) {
	a.alarming.Lock()
	defer a.alarming.Unlock()
	x, standing := a.raised[code]
	if !standing {
		x = Alarm{Code: code, Since: a.clock.now()}
	}
	x.Text = text
	if a.raised == nil {
		a.raised = map[string]Alarm{}
	}
	a.raised[code] = x
}

// lower ends an alarm, if it is raised.
func (a *alarms) lower(code string) {
	a.alarming.Lock()
	defer a.alarming.Unlock()
	delete(a.raised, code)
}

// standing reports whether an alarm was raised and not lowered.
func (a *alarms) standing(code string) bool {
	a.alarming.Lock()
	defer a.alarming.Unlock()
	_, ok := a.raised[code]
	return ok
}

// Alarms returns what is wrong with the store now, the oldest first. It needs no permit, since it shows no footage.
func (a *alarms) Alarms(context.Context) []Alarm {
	a.alarming.Lock()
	defer a.alarming.Unlock()
	out := make([]Alarm, 0, len(a.raised))
	for _, x := range a.raised {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b Alarm) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Code, b.Code)) })
	return out
}
