// Package segment keeps one segment file: it creates, appends to, seals, reads, verifies, repairs and salvages it, and lays out
// what is served of it. A segment file is an init header, fragments, and a table of them at its end (docs/disk-format.md).
//
// It promises that a fragment is handed out only when its label verifies and names the camera, stream, run and time that the
// caller expects, that repairing cuts nothing behind which good footage follows, and that a file whose sync failed is not
// written to or synced again.
//
// Which segments there are, who may see them, and how long they are kept does not belong here: it knows no index and no permit.
// Times are microseconds since 1970, UTC, unless they are a time.Time.
package segment
