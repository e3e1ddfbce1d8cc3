// Package archtest checks the source tree against its rules. It contains only tests, which read the source of every package.
// They check who imports whom (against the table in docs/architecture.md), that permits have one source, that only one dialer
// opens connections, that no cache is shared between viewers, and the style: package comments, no init functions, no mutable
// package-level state, short functions, files and parameter lists.
//
// Every finding says what is wrong, where, and how to fix it. Every rule is itself tested on small sources that break it. A wrong
// rule is changed here, for everybody; there is no list of exceptions.
package archtest
