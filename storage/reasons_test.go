package storage

import (
	"database/sql"
	"os"
	"regexp"
	"testing"
	"time"

	"keepwatch.internal/internal/media"
)

// everyReason is one of each kind.
var everyReason = map[string]Code{
	ReasonNotYet: CodeNotYet, ReasonBefore: CodeBefore, ReasonWaiting: CodeWaiting, ReasonNotRecorded: CodeNotRecorded,
	ReasonNotRunning: CodeServerDown, ReasonStopped: CodeServerStopped, ReasonComputerDown: CodeComputerDown, ReasonRetired: CodeRetired,
	ReasonDeleted: CodeDeleted, ReasonDeletedByOwner: CodeDeletedByOwner, ReasonDiskFull: CodeDiskFull, ReasonDiskError: CodeDiskError,
	ReasonLost: CodeDiskSlow, ReasonMissing: CodeMissing, ReasonQuarantined: CodeDamaged, ReasonRebuilt: CodeUnknown,
	KindOffline + ": connection refused": CodeCameraOffline, KindRefused + ": wrong user name or password": CodeCameraRefused,
	KindQuarantined + ": another camera answers": CodeCameraQuarantined, KindInterrupted + ": the picture format changed": CodeCameraStream,
	KindClockStep + ": set forward by 1h0m0s": CodeClockStep, KindConnecting: CodeWaiting, KindPaused: CodePaused, KindDiskSlow: CodeDiskSlow,
	"the moon is full": CodeOther,
}

func TestEveryReasonHasItsCodeInTheIndexAndTheManual(t *testing.T) {
	k := newKit(t, "front-door")
	id := k.ids["front-door"]
	manual, err := os.ReadFile("../docs/time.md")
	ok(t, err)
	at := epoch
	for reason, code := range everyReason {
		ok(t, k.SetGap(t.Context(), media.StreamID{Camera: id, Quality: media.Main}, at, reason))
		k.clock.set(at.Add(time.Second))
		gaps := k.timeline(id, at, at.Add(time.Second)).Gaps
		if len(gaps) != 1 || gaps[0].Code != code || gaps[0].Reason != reason {
			t.Errorf("%q: %+v, want code %s", reason, gaps, code)
		}
		if !regexp.MustCompile("(?m)^\\| `" + string(code) + "` \\|").Match(manual) {
			t.Errorf("docs/time.md does not list %s", code)
		}
		at = at.Add(time.Second)
	}
}

func TestGapsOfAnOlderIndexGetTheCodesOfToday(t *testing.T) {
	step, err := os.ReadFile("index/migrations/0002_gap_codes.sql")
	ok(t, err)
	first, err := os.ReadFile("index/migrations/0001_footage.sql")
	ok(t, err)
	db, err := sql.Open("sqlite", ":memory:")
	ok(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	exec := func(query string, args ...any) {
		t.Helper()
		_, err := db.ExecContext(t.Context(), query, args...)
		ok(t, err)
	}
	exec(string(first))
	n := 0
	for reason := range everyReason {
		n++
		exec("INSERT INTO ledger (camera, quality, start_us, reason) VALUES (1, 1, ?, ?)", n, reason)
	}
	exec(string(step))
	rows, err := db.QueryContext(t.Context(), "SELECT code, reason FROM ledger")
	ok(t, err)
	defer rows.Close()
	newer := map[Code]bool{CodeComputerDown: true, CodeDeletedByOwner: true, CodeCameraQuarantined: true, CodeCameraStream: true,
		CodeClockStep: true, CodeServerStopped: true, CodeNotYet: true, CodeDiskSlow: true}
	for ; rows.Next(); n-- {
		var code, reason string
		ok(t, rows.Scan(&code, &reason))
		if want := everyReason[reason]; Code(code) != want && !newer[want] {
			t.Errorf("%q has the code %s, want %s", reason, code, want)
		}
	}
	if ok(t, rows.Err()); n != 0 {
		t.Errorf("%d rows are missing", n)
	}
}
