package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"keepwatch.internal/internal/config"
)

// errHelp is returned if a command's help was requested.
var errHelp = errors.New("help")

// newFlags returns an empty flag set that returns mistakes instead of printing them.
func newFlags() *flag.FlagSet {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return fs
}

// parse parses flags, which may be anywhere on the command line, and returns the other words.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	var words []string
	for {
		switch err := fs.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return nil, errHelp
		case err != nil:
			return nil, &usageError{strings.TrimPrefix(err.Error(), "flag ")}
		}
		rest := fs.Args()
		if len(rest) == 0 {
			return words, nil
		}
		words, args = append(words, rest[0]), rest[1:]
	}
}

// parseNone is parse for commands that take flags only.
func parseNone(fs *flag.FlagSet, args []string) error {
	words, err := parse(fs, args)
	if err == nil && len(words) > 0 {
		return usagef("unexpected argument %q", strings.Join(words, " "))
	}
	return err
}

// configFlag adds -config.
func configFlag(fs *flag.FlagSet) *string { return fs.String("config", "", "configuration file") }

// findConfig returns the given path, or the first default path with a configuration.
func findConfig(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if path := os.Getenv("NVR_CONFIG"); path != "" {
		return path, nil
	}
	places := []string{"/config/config.yaml", "config.yaml"}
	for _, path := range places {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no configuration: -config and $NVR_CONFIG are not set, and there is no %s. "+
		"Copy config.example.yaml to config.yaml and add your cameras, or run \"nvr demo\"", strings.Join(places, " and no "))
}

// loadConfig reads the configuration and prints each of its mistakes.
func loadConfig(t terminal, given string) (*config.Config, error) {
	path, err := findConfig(given)
	if err != nil {
		return nil, err
	}
	c, err := config.Load(path, os.LookupEnv)
	if mistakes := (*config.Error)(nil); errors.As(err, &mistakes) {
		fmt.Fprintln(t.err, strings.TrimRight(mistakes.Error(), "\n"))
		return nil, errSaid
	}
	return c, err
}

// configOf reads the configuration for a command whose only flag is -config.
func configOf(t terminal, args []string) (*config.Config, error) {
	fs := newFlags()
	path := configFlag(fs)
	if err := parseNone(fs, args); err != nil {
		return nil, err
	}
	return loadConfig(t, *path)
}
