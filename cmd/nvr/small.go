package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

// release is the version of this source.
const release = "0.1.0"

// version is set by the build: -ldflags "-X main.version=…". It is empty otherwise.
var version string

// versionText returns the version, with the commit it was built from where the build knows it.
func versionText() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 8 {
			return release + "+" + s.Value[:8]
		}
	}
	return release
}

func versionCommand(_ context.Context, t terminal, args []string) error {
	if err := parseNone(newFlags(), args); err != nil {
		return err
	}
	fmt.Fprintln(t.out, "keepwatch "+versionText())
	return nil
}

// validateCommand is nvr validate.
func validateCommand(ctx context.Context, t terminal, args []string) error {
	c, err := configOf(t, args)
	if err != nil {
		return err
	}
	if err := checkOwners(ctx, c); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "fine: %d cameras\n", len(c.Cameras))
	return nil
}
