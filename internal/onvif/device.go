package onvif

import (
	"context"
	"errors"
	"net"
	"strings"
)

// Device is what a camera says it is. All text is printable and short; what the camera does not say is empty. Serial and MAC are
// evidence of which camera it is, but not proof: anybody can say them, and some makers give all their cameras the same.
type Device struct {
	Manufacturer string
	Model        string
	Firmware     string
	Serial       string
	HardwareID   string
	MAC          string // of its network interface in use, as 00:11:22:33:44:55; empty if it does not say
}

// Device asks what the camera is (GetDeviceInformation, GetNetworkInterfaces). A camera that keeps its network to itself has an
// empty MAC.
func (c *Client) Device(ctx context.Context) (Device, error) {
	body, err := c.ask(ctx, "GetDeviceInformation")
	if err != nil {
		return Device{}, err
	}
	n := body.first("GetDeviceInformationResponse")
	text := func(name string) string { return printable(n.value(name), 120) }
	d := Device{Manufacturer: text("Manufacturer"), Model: text("Model"), Firmware: text("FirmwareVersion"),
		Serial: text("SerialNumber"), HardwareID: text("HardwareId")}
	body, err = c.ask(ctx, "GetNetworkInterfaces")
	switch {
	case err == nil:
		d.MAC = readMAC(body.first("GetNetworkInterfacesResponse"))
	case ctx.Err() != nil:
		return Device{}, ctx.Err()
	case errors.Is(err, ErrRefused):
		return Device{}, err
	}
	return d, nil
}

// ask calls an operation of the device service that has no arguments.
func (c *Client) ask(ctx context.Context, operation string) (*node, error) {
	return c.call(ctx, request{at: c.device, action: deviceService + "/" + operation, body: "<" + operation + ` xmlns="` + deviceService + `"/>`})
}

// readMAC returns the hardware address of the first interface that is enabled, or else of the first that has one.
func readMAC(n *node) string {
	found := ""
	for _, i := range n.all("NetworkInterfaces") {
		mac := normalMAC(i.value("Info", "HwAddress"))
		switch {
		case mac == "":
		case isTrue(i.value("Enabled")):
			return mac
		case found == "":
			found = mac
		}
	}
	return found
}

// normalMAC writes a hardware address of six bytes with colons, in lower case. Addresses that no device has are none.
func normalMAC(s string) string {
	digits := strings.NewReplacer(":", "", "-", "", ".", "", " ", "").Replace(s)
	if len(digits) != 12 {
		return ""
	}
	var parts []string
	for i := 0; i < 12; i += 2 {
		parts = append(parts, digits[i:i+2])
	}
	mac, err := net.ParseMAC(strings.Join(parts, ":"))
	if err != nil || mac.String() == "00:00:00:00:00:00" || mac.String() == "ff:ff:ff:ff:ff:ff" {
		return ""
	}
	return mac.String()
}

// isTrue reads a boolean as cameras write it.
func isTrue(s string) bool {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "1", "active", "on", "yes":
		return true
	}
	return false
}
