package view

// Certificate is the page that helps to install the certificate of the box's own authority.
type Certificate struct {
	Shell        Shell
	SHA256, SHA1 string
	Devices      []DeviceSteps
}

// DeviceSteps says how to trust a certificate on one kind of device.
type DeviceSteps struct {
	Name  string
	File  string // URL of the form of the certificate that it takes
	Kind  string // of the file, in words
	Steps []string
	Note  string
}
