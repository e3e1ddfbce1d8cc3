package storage

import (
	"strings"
	"testing"

	"keepwatch.internal/internal/sqlite/sqlitetest"
)

func TestSchemaIsWhatTheMigrationsMake(t *testing.T) { sqlitetest.CheckSchema(t, indexFiles) }

func TestHotQueriesUseTheirKeys(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	for name, x := range map[string]struct {
		query string
		args  []any
	}{
		"timeline":     {ledgerQuery, []any{id[:], 1, 0, 10}},
		"clip":         {segmentsQuery, []any{id[:], 1, 0, 10}},
		"activity":     {activityQuery, []any{id[:], 1, 0, 10}},
		"coarse":       {coarseActivityQuery, []any{id[:], 1, 0, 10}},
		"before":       {segmentBeforeQuery, []any{id[:], 1, 10}},
		"key frame":    {keyFrameQuery, []any{id[:], 1, 10}},
		"unsettled":    {unsettledQuery, []any{1, 10}},
		"loose":        {looseQuery, []any{1, 1, 0, 10}},
		"held":         {heldQuery, []any{1}},
		"touched":      {touchedQuery, []any{1, 1, 0, 10}},
		"kept":         {keptQuery, []any{1}},
		"kept one":     {keptOneQuery, []any{1, id[:]}},
		"kept in":      {keptInQuery, []any{1, 0, 10}},
		"last end":     {lastEndQuery, []any{1, 1}},
		"last settled": {lastSettledQuery, []any{1, 1}},
		"last start":   {lastStartQuery, []any{1, 1}},
		"holding":      {holdingQuery, []any{1, 1, 10}},
	} {
		plan := sqlitetest.Plan(t, k.index, x.query, x.args...)
		if strings.Contains(plan, "SCAN") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s walks more than it returns:\n%s", name, plan)
		}
	}
}
