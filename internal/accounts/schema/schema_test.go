package schema

import (
	"testing"

	"keepwatch.internal/internal/sqlite/sqlitetest"
)

func TestTheSchemaIsWhatTheMigrationsMake(t *testing.T) {
	sqlitetest.CheckSchema(t, files)
}
