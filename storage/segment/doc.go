// Package segment handles one segment file: it creates, appends to, closes, reads, verifies, repairs and salvages it, and
// computes the byte layout of the MP4 served from it. A segment file is an init header, fragments, and an index table of the
// fragments, which closing the file appends (docs/disk-format.md).
//
// It promises:
//   - a fragment is returned only when its label verifies and names the camera, stream, run and time that the caller expects;
//   - repair truncates only a tail with no valid footage after it;
//   - a file whose sync failed is never written to or synced again.
//
// Read in this order: write.go, read.go, verify.go, repair.go, salvage.go, layout.go.
//
// Not here: which segments there are, who may see them, how long they are kept. The package does not import index or access.
// Times are microseconds since 1970, UTC, unless they are a time.Time.
package segment
