package probe

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
)

// Proposal is a camera for the configuration.
type Proposal struct {
	ID        string // as Identifier makes it
	Label     string // "" for the ID
	Main, Sub *url.URL
	Reference string // stands for the password in addresses: "${NAME}" or "${file:PATH}"; the password itself is never written
}

var (
	notInID = regexp.MustCompile(`[^a-z0-9]+`)
	// passwordIn matches a parameter that holds a password, as some cameras want it in the path: user=admin_password=x_channel=1.
	passwordIn = regexp.MustCompile(`(?i)((?:password|passwd|pwd|psw|pass)=)(.+?)(_[a-z]+=|[&/?#]|$)`)
	plainValue = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ./_-]*$`)
	plainURL   = regexp.MustCompile(`^[A-Za-z0-9:/@._\-+~%?&=$\[\]{}]+$`)
)

// Identifier makes an id for the configuration from what is known of a camera: the given names in order, then its host.
func Identifier(host string, names ...string) string {
	for _, name := range names {
		if id := strings.Trim(notInID.ReplaceAllString(strings.ToLower(name), "-"), "-"); id != "" {
			return strings.Trim(id[:min(len(id), 32)], "-")
		}
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip = ip.Unmap(); ip.Is4() {
			return fmt.Sprintf("camera-%d", ip.As4()[3])
		}
		return "camera"
	}
	name, _, _ := strings.Cut(host, ".")
	if id := strings.Trim(notInID.ReplaceAllString(strings.ToLower(name), "-"), "-"); id != "" {
		return id
	}
	return "camera"
}

// Variable returns the name of the environment variable that should hold a camera's password.
func Variable(id string) string {
	return strings.ToUpper(strings.ReplaceAll(id, "-", "_")) + "_PASSWORD"
}

// PasswordOf returns the password in an address: of its login, or of a parameter. It is "" if there is none.
func PasswordOf(u *url.URL) string {
	if u == nil {
		return ""
	}
	if password, ok := u.User.Password(); ok {
		return password
	}
	if m := passwordIn.FindStringSubmatch(u.RequestURI()); m != nil {
		return m[2]
	}
	return ""
}

// YAML returns the lines of the camera in the mapping `cameras:`, indented as they stand there.
func (p Proposal) YAML(indent string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s:\n", indent, p.ID)
	line := func(key, value string, plain *regexp.Regexp) {
		if !plain.MatchString(value) {
			value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
		}
		fmt.Fprintf(&b, "%s%s%s: %s\n", indent, indent, key, value)
	}
	if p.Label != "" && p.Label != p.ID {
		line("label", strings.ReplaceAll(p.Label, "$", "$$"), plainValue)
	}
	line("main", p.address(p.Main), plainURL)
	if p.Sub != nil {
		line("sub", p.address(p.Sub), plainURL)
	}
	return b.String()
}

// address writes an address with the reference in place of the password.
func (p Proposal) address(u *url.URL) string {
	text := func(s string) string { return strings.ReplaceAll(s, "$", "$$") }
	login, rest := "", text(u.RequestURI())
	if password, ok := u.User.Password(); ok {
		login = text(url.User(u.User.Username()).String()) + ":"
		if password != "" {
			login += p.Reference
		}
		login += "@"
	} else if u.User != nil {
		login = text(u.User.String()) + "@"
	}
	rest = passwordIn.ReplaceAllString(rest, "${1}"+strings.ReplaceAll(p.Reference, "$", "$$")+"${3}")
	return u.Scheme + "://" + login + text(u.Host) + rest
}
