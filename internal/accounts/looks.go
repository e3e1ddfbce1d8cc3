package accounts

import (
	"context"

	"keepwatch.internal/internal/access"
)

// NoteLook puts on record that an administrator has the server connect to an address that the configuration does not name, before it
// does. The address has no login in it. It returns access.ErrDenied for others, or ErrNobody.
func (ps *people) NoteLook(ctx context.Context, v access.Viewer, address string) error {
	return ps.own(ctx, v, func(a *amendment) error {
		if err := isAdmin(ctx, a.Tx, v.AccountID); err != nil {
			return err
		}
		a.note("camera looked at", address, 0, nil)
		return nil
	})
}

// NoteAddition puts on record that an administrator adds a camera to the configuration, before it is done. The session must be freshly
// confirmed. It returns access.ErrDenied for others, ErrNobody or ErrNotFresh.
func (ps *people) NoteAddition(ctx context.Context, v access.Viewer, name string) error {
	return ps.administers(ctx, v, func(a *amendment) error {
		a.note("camera added to the configuration", name, 0, nil)
		return nil
	})
}

// NoteCheck puts on record that somebody has the server connect to one of its cameras to check its settings. It returns ErrNobody, or
// access.ErrDenied for tokens and links.
func (ps *people) NoteCheck(ctx context.Context, p access.Permit) error {
	camera := p.Camera()
	return ps.own(ctx, p.Viewer(), func(a *amendment) error {
		a.note("camera checked", "", 0, &camera)
		return nil
	})
}
