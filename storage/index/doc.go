// Package index is the SQLite index of the recordings. It knows which cameras there are, which segments they have, what each
// stream's timeline holds and why there are gaps, which clips are protected from retention, and which integrity issues are
// open. All SQL of storage is here.
//
// It promises:
//   - segments of a stream never overlap and stay with their camera (schema.sql enforces both);
//   - the ledger (the change list behind each timeline) covers all time exactly once;
//   - a query by a camera's UUID returns rows of that camera only.
//
// A lost index can be rebuilt from the files, so a commit is not fsynced (synchronous = NORMAL): see LogName.
//
// Read in this order:
//   - schema.sql and index.go: the tables, and how a Reader asks and a Tx writes;
//   - cameras.go, runs.go and segments.go: the rows of footage, and segment_changes.go: how a segment's state changes;
//   - ledger.go: the timeline, and ledger_check.go: what must be true of it;
//   - kept.go, issues.go, verification.go and heartbeat.go: what is protected, what is damaged, when the recorder last ran;
//   - usage.go, activity.go and key_frames.go: sizes, and the packed key frames of a segment.
//
// Times are microseconds since 1970, UTC, unless they are a time.Time; spans are half-open. Writes use a Tx. A Reader sees the
// latest state, or a snapshot inside View, or uncommitted changes inside a Tx.
//
// Not here: files of footage, permits, clocks. The index knows the name of a segment's file and never opens it. It never reads
// the clock.
package index
