package storage

import (
	"strings"
	"time"

	"keepwatch.internal/storage/index"
)

// A reason is a sentence for people that begins with its kind, and may go on after a colon with what is special about
// it: "offline: connection refused". The kinds are fixed; each has a Code, which programs may rely on.

// Code names a kind of gap for programs: it never changes, while the words for people may.
type Code = index.Code

// The codes, as docs/time.md lists them.
const (
	CodeNotYet            Code = "not-yet"              // the time has not come
	CodeBefore                 = index.CodeBefore       // the camera was not yet configured
	CodeRetired           Code = "retired"              // the camera is not configured any more
	CodeNotRecorded       Code = "not-recorded"         // the stream is not configured
	CodeWaiting           Code = "waiting"              // no picture yet since the start
	CodePaused            Code = "paused"               // recording is switched off
	CodeCameraOffline     Code = "camera-offline"       // the camera does not answer, or sends nothing that can be recorded
	CodeCameraRefused     Code = "camera-refused"       // wrong user name or password
	CodeCameraQuarantined Code = "camera-quarantined"   // it may be another camera than before
	CodeCameraStream      Code = "camera-stream"        // the stream was interrupted: format, sound or timestamps changed
	CodeClockStep         Code = "clock-step"           // this computer's clock was set
	CodeServerStopped     Code = "server-stopped"       // the program was stopped in good order
	CodeServerDown        Code = "server-down"          // the program ended without being stopped
	CodeComputerDown      Code = "computer-down"        // the computer did: power cut, reset, or a crash of its system
	CodeDiskFull          Code = "disk-full"            //
	CodeDiskSlow          Code = "disk-slow"            // footage came faster than the disk took it
	CodeDiskError         Code = "disk-error"           // the disk did not take footage, or did not keep it
	CodeDamaged           Code = "damaged"              // the footage is there and does not verify
	CodeMissing           Code = "missing"              // the file is gone, and not by us
	CodeDeleted           Code = "deleted-by-retention" //
	CodeDeletedByOwner    Code = "deleted-by-owner"     //
	CodeUnknown           Code = "unknown"              // the index was rebuilt from the files
	CodeOther             Code = "other"                // a reason of another version of the program
)

// Reasons for gaps that the store gives itself. The recorder brings its own with SetGap and Writer.End.
const (
	ReasonNotYet         = "not yet"
	ReasonBefore         = index.ReasonBefore
	ReasonWaiting        = "waiting for the first picture"
	ReasonNotRecorded    = "this stream is not recorded"
	ReasonNotRunning     = "recorder was not running"
	ReasonRetired        = "this camera was removed from the configuration"
	ReasonDeleted        = "deleted by retention"
	ReasonDiskFull       = "disk full"
	ReasonDiskError      = "disk error"
	ReasonLost           = "pictures were lost on the way to the disk"
	ReasonMissing        = "the file is missing"
	ReasonQuarantined    = "the footage does not verify and was set aside"
	ReasonRebuilt        = "unknown: the index was rebuilt from the files"
	ReasonStopped        = "recorder was stopped"
	ReasonComputerDown   = "the computer was off or restarted without stopping the recorder"
	ReasonDeletedByOwner = "deleted by its owner"
)

// The kinds with which the recorder's reasons begin.
const (
	KindOffline     = "offline"
	KindRefused     = "refused"
	KindQuarantined = "quarantined"
	KindInterrupted = "stream interrupted"
	KindClockStep   = "clock step"
	KindConnecting  = "connecting to the camera"
	KindPaused      = "recording is switched off"
	KindDiskSlow    = "the disk is too slow"
)

// Earliest is before anything that this program recorded. A clock that says less was never set: it is read as Earliest.
func Earliest() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

// CodeOf returns the code of a reason, by the kind that it begins with.
func CodeOf(reason string) Code {
	kind, _, _ := strings.Cut(reason, ": ")
	switch kind {
	case KindOffline:
		return CodeCameraOffline
	case KindRefused:
		return CodeCameraRefused
	case KindQuarantined:
		return CodeCameraQuarantined
	case KindInterrupted:
		return CodeCameraStream
	case KindClockStep:
		return CodeClockStep
	case KindConnecting, ReasonWaiting:
		return CodeWaiting
	case KindPaused:
		return CodePaused
	case KindDiskSlow, ReasonLost:
		return CodeDiskSlow
	}
	return ownCode(reason)
}

// ownCode is CodeOf for the reasons that the store gives itself.
func ownCode(reason string) Code {
	switch reason {
	case ReasonNotYet:
		return CodeNotYet
	case ReasonBefore:
		return CodeBefore
	case ReasonRetired:
		return CodeRetired
	case ReasonNotRecorded:
		return CodeNotRecorded
	case ReasonStopped:
		return CodeServerStopped
	case ReasonNotRunning:
		return CodeServerDown
	case ReasonComputerDown:
		return CodeComputerDown
	case ReasonDiskFull:
		return CodeDiskFull
	case ReasonDiskError:
		return CodeDiskError
	case ReasonQuarantined:
		return CodeDamaged
	case ReasonMissing:
		return CodeMissing
	case ReasonDeleted:
		return CodeDeleted
	case ReasonDeletedByOwner:
		return CodeDeletedByOwner
	case ReasonRebuilt:
		return CodeUnknown
	}
	return CodeOther
}
