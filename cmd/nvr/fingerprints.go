package main

import (
	"context"
	"encoding/json"
	"fmt"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/identity"
	"keepwatch.internal/internal/media"
	"keepwatch.internal/recorder"
)

// fingerprintStore stores the recorders' fingerprints in the accounts database.
type fingerprintStore struct{ kept *identity.Store }

// streamsOf lists the streams of the configuration.
func streamsOf(c *config.Config, ids map[string]media.CameraID) []recorder.ConfiguredStream {
	var all []recorder.ConfiguredStream
	for _, one := range c.Cameras {
		for _, s := range []struct {
			quality media.Quality
			source  config.Source
		}{{media.Main, one.Main}, {media.Sub, one.Sub}} {
			if !s.source.IsZero() {
				all = append(all, recorder.ConfiguredStream{Stream: media.StreamID{Camera: ids[one.ID], Quality: s.quality}, Name: one.ID, Address: camera.Address(s.source.Reveal())})
			}
		}
	}
	return all
}

// Fingerprints implements recorder.FingerprintStore.
func (s fingerprintStore) Fingerprints(ctx context.Context) ([]recorder.Fingerprint, error) {
	rows, err := s.kept.Fingerprints(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]recorder.Fingerprint, 0, len(rows))
	for _, k := range rows {
		p := recorder.Fingerprint{Stream: media.StreamID{Camera: media.CameraID(k.Camera)}, Address: k.Address, Since: k.Since, Changed: k.Changed}
		if p.Stream.Quality, err = media.ParseQuality(k.Stream); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(k.Evidence), &p.Identity); err != nil {
			return nil, fmt.Errorf("evidence of a fingerprint: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// SetFingerprint implements recorder.FingerprintStore.
func (s fingerprintStore) SetFingerprint(ctx context.Context, p recorder.Fingerprint, what string) error {
	evidence, err := json.Marshal(p.Identity)
	if err != nil {
		return err
	}
	return s.kept.SetFingerprint(ctx, identity.Fingerprint{Camera: access.Camera(p.Stream.Camera), Stream: p.Stream.Quality.String(), Address: p.Address,
		Evidence: string(evidence), Since: p.Since, Changed: p.Changed}, what)
}

// SetNewDevice implements recorder.FingerprintStore.
func (s fingerprintStore) SetNewDevice(ctx context.Context, c recorder.NewDevice) error {
	evidence, err := json.Marshal(c.Identity)
	if err != nil {
		return err
	}
	return s.kept.SetNewDevice(ctx, identity.NewDevice{Camera: access.Camera(c.Stream.Camera), Stream: c.Stream.Quality.String(), Address: c.Address,
		Evidence: string(evidence), Differences: c.Differences, Resembles: c.Resembles, Since: c.Since})
}

// ForgetNewDevice implements recorder.FingerprintStore.
func (s fingerprintStore) ForgetNewDevice(ctx context.Context, of media.StreamID) error {
	return s.kept.ForgetNewDevice(ctx, access.Camera(of.Camera), of.Quality.String())
}

// HasNewDevice implements recorder.FingerprintStore.
func (s fingerprintStore) HasNewDevice(ctx context.Context, of media.StreamID) (bool, error) {
	devices, err := s.kept.NewDevicesOf(ctx, access.Camera(of.Camera))
	for _, c := range devices {
		if c.Stream == of.Quality.String() {
			return true, nil
		}
	}
	return false, err
}
