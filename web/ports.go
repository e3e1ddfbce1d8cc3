package web

import (
	"context"

	"keepwatch.internal/internal/access"
)

// directory is what the web needs of accounts.
type directory interface {
	SetupCode(ctx context.Context) (code string, needed bool, err error)
	Setup(ctx context.Context, code, username, password string) error
	Login(ctx context.Context, username, password, address string) (session string, err error)
	Logout(ctx context.Context, session string) error
	BySession(ctx context.Context, session string) (access.Viewer, error)
	ByToken(ctx context.Context, token string) (access.Viewer, error)
	Authorize(ctx context.Context, v access.Viewer, a access.Action, c access.Camera) (access.Permit, error)
	Rights(ctx context.Context, v access.Viewer) (map[access.Camera]access.Rights, error)
}
