package main

import (
	"os"
	"regexp"
	"testing"
)

func TestTheVersionIsTheNewestOfTheChangelog(t *testing.T) {
	changes, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	newest := regexp.MustCompile(`(?m)^## (\d+\.\d+\.\d+) — \d{4}-\d\d-\d\d$`).FindSubmatch(changes)
	if newest == nil || string(newest[1]) != version {
		t.Errorf("the version is %s, the newest heading of CHANGELOG.md is %q", version, newest)
	}
}
