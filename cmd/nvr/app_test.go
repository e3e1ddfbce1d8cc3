package main

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestADiskThatHangsDoesNotKeepTheProgramFromEnding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		began := time.Now()
		err := within(diskPatience, "close", func() error { <-release; return nil })
		if err == nil || !strings.Contains(err.Error(), "does not answer") || time.Since(began) != diskPatience {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(release)
		cause := errors.New("cause")
		if err := within(diskPatience, "close", func() error { return cause }); !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
}
