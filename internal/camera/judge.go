package camera

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Verdict says whether a device is the expected camera.
type Verdict uint8

// The verdicts. The zero value is not a verdict.
const (
	Same    Verdict = iota + 1 // nothing differs
	Changed                    // the same camera with a change, which is recorded
	Another                    // a contradiction, which is quarantined
)

// Difference is one difference between the expected and the seen identity.
type Difference struct {
	Kind           string // one of the Kind constants
	Expected, Seen string
}

// String returns the difference as text for people.
func (d Difference) String() string {
	return fmt.Sprintf("%s: was %q, is %q", d.Kind, short(d.Expected), short(d.Seen))
}

func short(s string) string {
	if len(s) == 64 && !strings.Contains(s, " ") {
		return s[:16] + "…"
	}
	return s
}

// Known is another camera of the configuration, with its fingerprint.
type Known struct {
	Name     string // id in the configuration
	SameHost bool   // it is at the same host as the judged camera, at another port
	Identity Identity
}

// Compare decides from two identities alone. Fields that are empty in either are ignored.
//
// Strong evidence is the key, the serial number, the MAC address and a realm with a serial number. Everything else, including
// realms shared by a whole model range, is weak, since firmware updates and settings change it.
//
//  1. Another key or serial number is another camera. So is one that now asks for the password in clear text.
//  2. Otherwise, matching strong evidence makes it the same camera, whatever else changed.
//  3. Otherwise, another MAC address or another serial number in the realm is another camera.
//  4. Otherwise, it is another camera if the realm or title changed together with the picture format, or if realm and title
//     both changed. Less is a change of settings or firmware.
func Compare(expected, seen Identity) (Verdict, []Difference) {
	return compare(expected, seen, func(string) bool { return false })
}

// compare is Compare, except that a match has no weight for kinds of evidence shared with other cameras.
func compare(expected, seen Identity, shared func(kind string) bool) (Verdict, []Difference) {
	var all []Difference
	differs, agrees := map[string]bool{}, false
	theirs := seen.traits()
	for i, p := range expected.traits() {
		s := theirs[i]
		switch {
		case p.value == "" || s.value == "":
		case p.value != s.value:
			differs[p.kind] = true
			all = append(all, Difference{p.kind, p.value, s.value})
		case strong(s) && !shared(p.kind):
			agrees = true
		}
	}
	realms := trait{KindRealm, expected.Realm}
	downgrade := strings.HasPrefix(expected.Realm, "digest ") && strings.HasPrefix(seen.Realm, "basic ")
	switch {
	case len(all) == 0:
		return Same, nil
	case differs[KindKey], differs[KindSerial], downgrade:
		return Another, all
	case agrees:
		return Changed, all
	case differs[KindMAC], differs[KindRealm] && (strong(realms) || strong(trait{KindRealm, seen.Realm})):
		return Another, all
	case differs[KindPicture] && (differs[KindRealm] || differs[KindTitle]), differs[KindRealm] && differs[KindTitle]:
		return Another, all
	}
	return Changed, all
}

// Judge also considers the other cameras of the configuration. expected is nil at the first contact. If the device resembles
// another configured camera more than the expected one, the verdict is Another and twin names that camera. At the first contact
// this needs the MAC address or serial number of another camera.
func Judge(expected *Identity, seen Identity, others []Known) (v Verdict, differences []Difference, twin string) {
	if expected == nil {
		for _, o := range others {
			if !o.SameHost && o.Identity.owns(seen) {
				return Another, nil, o.Name
			}
		}
		return Same, nil, ""
	}
	v, differences = compare(*expected, seen, func(kind string) bool { return sharedBy(others, kind, seen.of(kind)) })
	own := likeness(*expected, seen, *expected)
	for _, o := range others {
		if likeness(o.Identity, seen, *expected) > own {
			return Another, differences, o.Name
		}
	}
	return v, differences, ""
}

// owns reports whether id and the seen identity share a serial number or MAC address. Keys do not count, since some makers ship
// one key in all their cameras.
func (id Identity) owns(seen Identity) bool {
	realm := trait{KindRealm, id.Realm}
	return id.Serial != "" && id.Serial == seen.Serial || id.MAC != "" && id.MAC == seen.MAC || strong(realm) && id.Realm == seen.Realm
}

func sharedBy(others []Known, kind, value string) bool {
	return slices.ContainsFunc(others, func(o Known) bool { return o.Identity.of(kind) == value })
}

// strongWeight is the weight of a strong match: more than all weak ones together.
const strongWeight = 8

// likeness returns how well the seen identity matches id, in the kinds of evidence that scope has.
func likeness(id, seen, scope Identity) int {
	n := 0
	theirs, in := seen.traits(), scope.traits()
	for i, t := range id.traits() {
		switch {
		case t.value == "" || in[i].value == "" || t.value != theirs[i].value:
		case strong(t):
			n += strongWeight
		default:
			n++
		}
	}
	return n
}

var (
	// hardwareNumber matches a MAC address in the realm, as Axis and Uniview write it.
	hardwareNumber = regexp.MustCompile(`(?i)(?:^|[^0-9a-f])(?:[0-9a-f]{12}|[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})(?:$|[^0-9a-f])`)
	// serialWord matches words of letters and digits that may be serial numbers.
	serialWord = regexp.MustCompile(`[0-9A-Za-z]{8,}`)
	// serialInBrackets matches the end of a serial number in brackets, as Hikvision writes it.
	serialInBrackets = regexp.MustCompile(`\([0-9A-Za-z]*[0-9]{5,}[0-9A-Za-z]*\)`)
)

// digitsOfSerial is the number of digits in a serial number, as opposed to a model or a year.
const digitsOfSerial = 5

// strong reports whether a trait identifies a single camera.
func strong(t trait) bool {
	switch t.kind {
	case KindKey, KindSerial, KindMAC:
		return t.value != ""
	case KindRealm:
		return namesOneCamera(t.value)
	}
	return false
}

// namesOneCamera reports whether a realm contains something like a serial number or a MAC address.
func namesOneCamera(realm string) bool {
	if hardwareNumber.MatchString(realm) && strings.ContainsAny(realm, "0123456789") || serialInBrackets.MatchString(realm) {
		return true
	}
	for _, word := range serialWord.FindAllString(realm, -1) {
		digits := 0
		for _, r := range word {
			if r >= '0' && r <= '9' {
				digits++
			}
		}
		if digits >= digitsOfSerial {
			return true
		}
	}
	return false
}

// Strength describes how reliably a fingerprint tells a camera from others: "strong: …", "weak: …" or "none: …".
func Strength(id Identity, others []Known) string {
	var kinds []string
	for _, t := range id.traits() {
		if strong(t) && !sharedBy(others, t.kind, t.value) {
			kinds = append(kinds, map[string]string{KindKey: "key", KindSerial: "serial number", KindMAC: "MAC address",
				KindRealm: "serial number in its realm"}[t.kind])
		}
	}
	if len(kinds) > 0 {
		return "strong: " + strings.Join(kinds, ", ")
	}
	for _, o := range others {
		if likeness(o.Identity, id, id) >= likeness(id, id, id) {
			return "none: looks just like another camera here"
		}
	}
	return "weak: looks like any other of its model"
}
