package main

import (
	"context"
	"encoding/json"
	"fmt"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/recorder"
)

// pinStore lets the recorders keep their pins in the accounts database.
type pinStore struct{ people *accounts.Directory }

// placesOf lists the streams of the configuration.
func placesOf(c *config.Config, ids map[string]media.CameraID) []recorder.Place {
	var all []recorder.Place
	for _, one := range c.Cameras {
		for _, s := range []struct {
			quality media.Quality
			source  config.Source
		}{{media.Main, one.Main}, {media.Sub, one.Sub}} {
			if !s.source.IsZero() {
				all = append(all, recorder.Place{Stream: media.StreamID{Camera: ids[one.ID], Quality: s.quality}, Name: one.ID, Address: camera.Address(s.source.Reveal())})
			}
		}
	}
	return all
}

// Pins implements recorder.PinStore.
func (s pinStore) Pins(ctx context.Context) ([]recorder.Pin, error) {
	kept, err := s.people.Pins(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]recorder.Pin, 0, len(kept))
	for _, k := range kept {
		p := recorder.Pin{Stream: media.StreamID{Camera: media.CameraID(k.Camera)}, Address: k.Address, Since: k.Since, Changed: k.Changed}
		if p.Stream.Quality, err = media.ParseQuality(k.Stream); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(k.Evidence), &p.Identity); err != nil {
			return nil, fmt.Errorf("evidence of a pin: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// SetPin implements recorder.PinStore.
func (s pinStore) SetPin(ctx context.Context, p recorder.Pin, what string) error {
	evidence, err := json.Marshal(p.Identity)
	if err != nil {
		return err
	}
	return s.people.SetPin(ctx, accounts.Pin{Camera: access.Camera(p.Stream.Camera), Stream: p.Stream.Quality.String(), Address: p.Address,
		Evidence: string(evidence), Since: p.Since, Changed: p.Changed}, what)
}

// SetClaim implements recorder.PinStore.
func (s pinStore) SetClaim(ctx context.Context, c recorder.Claim) error {
	evidence, err := json.Marshal(c.Identity)
	if err != nil {
		return err
	}
	return s.people.SetClaim(ctx, accounts.Claim{Camera: access.Camera(c.Stream.Camera), Stream: c.Stream.Quality.String(), Address: c.Address,
		Evidence: string(evidence), Differences: c.Differences, Resembles: c.Resembles, Since: c.Since})
}

// DropClaim implements recorder.PinStore.
func (s pinStore) DropClaim(ctx context.Context, of media.StreamID) error {
	return s.people.DropClaim(ctx, access.Camera(of.Camera), of.Quality.String())
}

// Claimed implements recorder.PinStore.
func (s pinStore) Claimed(ctx context.Context, of media.StreamID) (bool, error) {
	claims, err := s.people.ClaimsOf(ctx, access.Camera(of.Camera))
	for _, c := range claims {
		if c.Stream == of.Quality.String() {
			return true, nil
		}
	}
	return false, err
}
