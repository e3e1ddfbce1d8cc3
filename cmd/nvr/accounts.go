package main

import (
	"context"
	"log/slog"
	"path/filepath"

	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/config"
)

// openAccounts opens the accounts database. The newest entry of its record is noted beside the keys, where a copy of the
// database does not reach.
func openAccounts(ctx context.Context, c *config.Config, key [32]byte, log *slog.Logger) (*accounts.Directory, error) {
	return accounts.Open(ctx, accounts.Options{Path: filepath.Join(c.Data, "accounts.db"), Logger: log,
		Key: key, Anchor: filepath.Join(c.Data, "keys", "record.anchor")})
}
