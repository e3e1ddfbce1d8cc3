package main

import (
	"keepwatch.internal/internal/camera"
	"keepwatch.internal/internal/config"
	"keepwatch.internal/internal/outbound"
	"keepwatch.internal/web"
)

// newDialer returns the dialer, which connects to the configured cameras and to nothing else.
func newDialer(c *config.Config) *outbound.Dialer {
	var places []outbound.Place
	for _, one := range c.Cameras {
		for _, source := range []config.Source{one.Main, one.Sub} {
			if !source.IsZero() {
				places = append(places, outbound.Place{Camera: one.ID, Address: camera.Address(source.Reveal())})
			}
		}
	}
	return outbound.New(outbound.Options{Places: places})
}

// connections returns all connections since the start, for the web.
func (a *app) connections() []web.Connection {
	var all []web.Connection
	for _, c := range a.out.Connections() {
		if c.Camera == outbound.Probe {
			c.Camera = web.Probed
		}
		all = append(all, web.Connection(c))
	}
	return all
}
