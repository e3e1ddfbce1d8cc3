// Package access decides who may see what. It has no I/O: the viewer behind a request, the actions that a right can allow,
// and the permit.
//
// A Permit is the only key to footage. Its fields are unexported, and its one constructor is Decide. Only Authorize in
// package accounts calls Decide, inside a read of the accounts database; a test in archtest enforces this. A handler
// that forgets to ask for a permit does not compile, and a permit for one camera opens no other.
package access

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Camera is a camera's UUID. Its type is unnamed so that media.CameraID is assignable to and from it.
type Camera = [16]byte

// Action is something a right can allow on a camera.
type Action uint16

// The actions. The accounts database stores their numbers, which never change.
const (
	Live     Action = 1 << iota // watch live video
	Playback                    // watch recordings
	Export                      // download recordings
	Audio                       // hear the audio of whatever may be watched
	Share                       // pass one's own rights on to others
	Manage                      // for the owner only: settings, keeping and deleting footage, access and the audit log
)

var actionNames = [...]string{"live", "playback", "export", "audio", "share", "manage"}

// ErrDenied is returned by Decide. The web responds exactly as for a camera that does not exist.
var ErrDenied = errors.New("not permitted")

// ParseAction parses the name that String returns.
func ParseAction(s string) (Action, error) {
	for i, name := range actionNames {
		if s == name {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("unknown action %q: one of %s", s, strings.Join(actionNames[:], ", "))
}

// String returns the action's name.
func (a Action) String() string {
	for i, name := range actionNames {
		if a == 1<<i {
			return name
		}
	}
	return "invalid"
}

// Rights is a set of actions on one camera.
type Rights uint16

// Owned is the rights of a camera's owner: everything.
const Owned = Rights(Live | Playback | Export | Audio | Share | Manage)

// Watching is the rights that show or download footage.
const Watching = Rights(Live | Playback | Export)

// Has reports whether the set contains a. It never contains an invalid action.
func (r Rights) Has(a Action) bool { return a != 0 && Rights(a)&r == Rights(a) }

// Names returns the names of the actions in the set, in their fixed order.
func (r Rights) Names() []string {
	names := []string{}
	for i, name := range actionNames {
		if r.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// ViewerKind says how a viewer proved who it is.
type ViewerKind uint8

// The kinds of viewer. The zero value is nobody.
const (
	Nobody      ViewerKind = iota
	AccountView            // a person with a session
	TokenView              // a program with a token of an account
	LinkView               // anyone with a share link
)

// Viewer is the identified caller of a request. The zero Viewer is nobody and may see nothing.
type Viewer struct {
	Kind      ViewerKind
	AccountID int64  // of the account, or of the account that the token belongs to; 0 for links
	GrantID   int64  // row of the session, token or link by which the viewer came
	Name      string // the account's name; for people and the audit log, never for decisions
	Admin     bool   // manages accounts and the system; gives access to no camera. Never set for tokens and links
	Metrics   bool   // a token that may read the figures of the system
}

// IsZero reports whether v is nobody.
func (v Viewer) IsZero() bool { return v.Kind == Nobody }

// Synthetic reports whether v is one of the accounts with which the running server tests itself. No person uses them.
func (v Viewer) Synthetic() bool { return v.AccountID < 0 }

// Permit is proof that a viewer may do one action on one camera now. The zero Permit allows nothing.
type Permit struct {
	viewer  Viewer
	camera  Camera
	action  Action
	audio   bool
	window  Window
	expires time.Time
}

// Decide makes the permit if the grant allows the action, and returns ErrDenied otherwise. The grant must have been read
// for exactly this viewer and camera. The permit lasts until expires.
func Decide(v Viewer, c Camera, g Grant, a Action, expires time.Time) (Permit, error) {
	if v.IsZero() || c == (Camera{}) || !g.allows(a) {
		return Permit{}, ErrDenied
	}
	return Permit{viewer: v, camera: c, action: a, audio: g.Rights.Has(Audio), window: g.Window, expires: expires}, nil
}

// Viewer returns the viewer who may do the action.
func (p Permit) Viewer() Viewer { return p.viewer }

// Camera returns the one camera that the permit opens.
func (p Permit) Camera() Camera { return p.camera }

// Action returns the one action that the permit allows.
func (p Permit) Action() Action { return p.action }

// Audio reports whether the viewer may also hear.
func (p Permit) Audio() bool { return p.audio }

// Window returns the recorded time that the permit opens. Callers that hand out recorded footage stay within it.
func (p Permit) Window() Window { return p.window }

// Expires returns when the permit ends.
func (p Permit) Expires() time.Time { return p.expires }

// Check returns nil while the permit allows any of the actions at the time now, and ErrDenied otherwise.
func (p Permit) Check(now time.Time, actions ...Action) error {
	if p.viewer.IsZero() || p.camera == (Camera{}) || !now.Before(p.expires) {
		return ErrDenied
	}
	for _, a := range actions {
		if p.action == a {
			return nil
		}
	}
	return ErrDenied
}
