package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/config"
)

// openAccounts opens the accounts database. The newest entry of its audit log is also stored next to the keys, which a copy of
// the database does not contain.
func openAccounts(ctx context.Context, c *config.Config, key [32]byte, log *slog.Logger) (*accounts.Directory, error) {
	return accounts.Open(ctx, accountsOptions(c, key, log))
}

func accountsOptions(c *config.Config, key [32]byte, log *slog.Logger) accounts.Options {
	return accounts.Options{Path: filepath.Join(c.Data, "accounts.db"), Logger: log,
		Key: key, Anchor: filepath.Join(c.Data, "keys", "record.anchor")}
}

// checkOwners returns an error for owners in the configuration that have no account. It returns nil if there is no accounts
// database, or one from a newer or older version.
func checkOwners(ctx context.Context, c *config.Config) error {
	o := accountsOptions(c, [32]byte{}, slog.New(slog.DiscardHandler))
	if _, err := os.Stat(o.Path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	o.ReadOnly = true
	people, err := accounts.Open(ctx, o)
	if err != nil {
		return nil // not a mistake in the configuration; nvr run reports it
	}
	all := make([]accounts.Ownership, 0, len(c.Cameras))
	for _, one := range c.Cameras {
		all = append(all, accounts.Ownership{Name: one.ID, Owners: one.Owners})
	}
	return errors.Join(people.CheckOwners(ctx, all), people.Close())
}
