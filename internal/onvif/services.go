package onvif

import (
	"cmp"
	"context"
	"errors"
	"strings"
)

// Services says which services a camera has. PTZ and imaging are named for those who will need them.
type Services struct {
	Media, Media2, Events, PTZ, Imaging bool
	// PullPoint is what the camera says of itself (WSPullPointSupport). Some say false and have it all the same, so it is not
	// believed.
	PullPoint bool

	media, media2, events endpoint
	ports                 map[string]string // ports as the camera names them, and as they are reached
}

// Services asks which services there are, by GetServices and GetCapabilities: either may be missing, fail or leave some out. The
// answer is kept.
func (c *Client) Services(ctx context.Context) (Services, error) {
	c.mu.Lock()
	known := c.services
	c.mu.Unlock()
	if known != nil {
		return *known, nil
	}
	addresses := map[string]string{}
	list, errList := c.call(ctx, request{at: c.device, action: deviceService + "/GetServices",
		body: `<GetServices xmlns="` + deviceService + `"><IncludeCapability>false</IncludeCapability></GetServices>`})
	for _, s := range list.first("GetServicesResponse").all("Service") {
		addresses[strings.TrimSuffix(s.value("Namespace"), "/")] = s.value("XAddr")
	}
	if ctx.Err() != nil || errors.Is(errList, ErrRefused) {
		return Services{}, errors.Join(errList, ctx.Err())
	}
	old, err := c.call(ctx, request{at: c.device, action: deviceService + "/GetCapabilities",
		body: `<GetCapabilities xmlns="` + deviceService + `"><Category>All</Category></GetCapabilities>`})
	if err != nil && (errList != nil || ctx.Err() != nil || errors.Is(err, ErrRefused)) {
		return Services{}, err
	}
	has := old.first("GetCapabilitiesResponse", "Capabilities")
	for _, s := range []struct{ name, space string }{{"Device", deviceService}, {"Media", mediaService}, {"Events", eventService}, {"PTZ", ptzService}, {"Imaging", imagingService}} {
		if at := has.value(s.name, "XAddr"); at != "" && addresses[s.space] == "" {
			addresses[s.space] = at
		} else if _, there := addresses[s.space]; has.first(s.name) != nil && !there {
			addresses[s.space] = ""
		}
	}
	found := c.locate(addresses)
	found.PullPoint = isTrue(has.value("Events", "WSPullPointSupport"))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.services = &found
	return found, nil
}

// locate turns the addresses of services, by namespace, into endpoints. A service without an address that can be read is asked
// where the device service is: many cameras have one address for all.
func (c *Client) locate(addresses map[string]string) Services {
	ports := map[string]string{}
	if a, ok := readAddress(addresses[deviceService]); ok {
		// What the camera takes its own port to be is the one that the client reaches it at.
		port := cmp.Or(a.port, usualPort(a.scheme == "https"))
		ports[port] = c.device.port
	}
	at := func(space, usual string) (endpoint, bool) {
		address, ok := addresses[space]
		e, readable := c.believe(address, ports)
		if !readable {
			e = endpoint{port: c.device.port, path: usual}
		}
		return e, ok
	}
	s := Services{ports: ports}
	s.media, s.Media = at(mediaService, "/onvif/media_service")
	s.media2, s.Media2 = at(media2Service, "/onvif/media2_service")
	s.events, s.Events = at(eventService, "/onvif/event_service")
	_, s.PTZ = at(ptzService, "")
	_, s.Imaging = at(imagingService, "")
	return s
}

// ports returns the ports as the camera names them, and as they are reached, as far as they are known.
func (c *Client) ports() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.services == nil {
		return nil
	}
	return c.services.ports // never changes
}
