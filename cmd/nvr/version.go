package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

// version is the version of this source, the newest in CHANGELOG.md. It is written only here.
const version = "0.1.0"

// versionText returns the version, with its commit if the build knows it, e.g. "0.1.0+5a7d140e" or
// "0.1.0+5a7d140e.modified".
func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit := settings["vcs.revision"]
	if len(commit) < 8 {
		return version
	}
	text := version + "+" + commit[:8]
	if settings["vcs.modified"] == "true" {
		text += ".modified"
	}
	return text
}

// versionCommand is nvr version.
func versionCommand(_ context.Context, t terminal, args []string) error {
	if err := parseNone(newFlags(), args); err != nil {
		return err
	}
	fmt.Fprintln(t.out, "keepwatch "+versionText())
	return nil
}
