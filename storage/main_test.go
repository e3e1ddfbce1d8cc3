package storage_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"keepwatch.internal/storage"
	"keepwatch.internal/storage/check"
)

func TestMain(m *testing.M) {
	storage.RunCheck = func(ctx context.Context, c storage.CheckCall) ([]byte, error) {
		r, err := check.Run(ctx, check.Options{Recordings: c.Store.Recordings, Data: c.Store.Data, MasterKey: c.Store.MasterKey,
			ReadData: c.ReadData, Repair: c.Repair, Patience: c.Patience, Store: c.Store, Open: c.Open})
		b, unmarshalled := json.Marshal(r)
		return b, errors.Join(err, unmarshalled)
	}
	os.Exit(m.Run())
}
