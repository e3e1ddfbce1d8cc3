// Package index keeps the index of a store of footage: one SQLite database that says which cameras there are, which
// segments they have, what each stream's timeline holds and why there are gaps, what is kept, and which integrity issues
// are open. All SQL of storage is here.
//
// It promises that segments of a stream never overlap and stay with their camera (schema.sql enforces both), that the
// rows of a stream's ledger divide time without overlap or hole, and that a query by a camera's UUID returns rows of that
// camera alone. A lost index is made again from the files, so that a commit need not wait for the disk.
//
// Times are microseconds since 1970, UTC, unless they are a time.Time; spans are half-open. Whoever writes runs a Tx;
// Reader answers from the newest state, from one moment in a View, and from inside a transaction that writes.
//
// Files of footage, permits and clocks do not belong here: the index knows what a segment's file is called, and never
// opens it.
package index
