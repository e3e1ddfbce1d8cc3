package web

import (
	"net/http"
	"testing"

	"keepwatch.internal/internal/access"
)

// refused returns the status with which a slot was refused, or 0 if it was granted.
func refused(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	p, ok := err.(*Problem)
	if !ok {
		t.Fatal(err)
	}
	return p.Status
}

func TestLinksTakeNoSlotsFromAccounts(t *testing.T) {
	s := newSlots(maxStreams, maxStreamsAccount)
	var releases []func()
	status := 0
	for grant := int64(1); status == 0; grant++ { // anyone who may share can create any number of links
		for range maxStreamsAccount {
			release, err := s.take(access.Viewer{Kind: access.LinkView, GrantID: grant})
			if status = refused(t, err); status != 0 {
				break
			}
			releases = append(releases, release)
		}
	}
	if status != http.StatusServiceUnavailable || len(releases) != maxStreams/4 {
		t.Errorf("links took %d slots of %d and then got status %d", len(releases), maxStreams, status)
	}
	release, err := s.take(access.Viewer{Kind: access.AccountView, AccountID: 1, GrantID: 1})
	if err != nil {
		t.Fatalf("an account: %v", err)
	}
	release()
	for _, release := range releases {
		release()
	}
	if s.all != 0 || s.links != 0 || len(s.ofOne) != 0 {
		t.Errorf("afterwards %d are taken, %d by links: %v", s.all, s.links, s.ofOne)
	}
}

func TestALinkIsNotCountedAsAnotherAccount(t *testing.T) {
	s := newSlots(maxStreams, 1)
	if _, err := s.take(access.Viewer{Kind: access.LinkView, GrantID: 1}); err != nil {
		t.Fatal(err)
	}
	for _, account := range []int64{-1, 1} { // -1 is one of the synthetic accounts, by which the server tests itself
		if _, err := s.take(access.Viewer{Kind: access.AccountView, AccountID: account, GrantID: 1}); err != nil {
			t.Errorf("account %d has no room since link 1 took its own: %v", account, err)
		}
	}
}
