package camera

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Verdict says whether what was seen is the camera that was pinned.
type Verdict uint8

// The verdicts. The zero value is none of them.
const (
	Same    Verdict = iota + 1 // nothing differs
	Changed                    // the same camera, of which something changed: to be noted
	Another                    // a contradiction: to be quarantined
)

// Difference is one thing that is not as it was pinned.
type Difference struct {
	Kind         string // one of the Kind constants
	Pinned, Seen string
}

// String says it to people.
func (d Difference) String() string {
	return fmt.Sprintf("%s: was %q, is %q", d.Kind, short(d.Pinned), short(d.Seen))
}

func short(s string) string {
	if len(s) == 64 && !strings.Contains(s, " ") {
		return s[:16] + "…"
	}
	return s
}

// Known is another camera of the configuration, as it is pinned.
type Known struct {
	Name     string // id in the configuration
	SameHost bool   // it stands at the host of the camera that is judged, at another port
	Identity Identity
}

// Compare decides from two identities alone. What either lacks says nothing.
//
// Strong evidence is the key, the serial number, the MAC address and a realm that holds a serial number; the rest, the realms
// that a whole model range shares among it, is weak, since firmware updates and settings change it.
//
//  1. Another key or serial number is another camera. So is one that wants the password in clear and did not before.
//  2. Otherwise, strong evidence that agrees makes it the same camera, whatever changed beside.
//  3. Otherwise, another MAC address or another serial number in the realm is another camera.
//  4. Otherwise, a realm or title that changed together with the picture format is another camera, and so are realm and title
//     that changed both. Any less is a change of settings or of firmware.
func Compare(pinned, seen Identity) (Verdict, []Difference) {
	return compare(pinned, seen, func(string) bool { return false })
}

// compare is Compare where shared kinds of evidence, which other cameras show too, agree with no weight.
func compare(pinned, seen Identity, shared func(kind string) bool) (Verdict, []Difference) {
	var all []Difference
	differs, agrees := map[string]bool{}, false
	theirs := seen.traits()
	for i, p := range pinned.traits() {
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
	realms := trait{KindRealm, pinned.Realm}
	downgrade := strings.HasPrefix(pinned.Realm, "digest ") && strings.HasPrefix(seen.Realm, "basic ")
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

// Judge decides with the other cameras of the configuration in view. pinned is nil at the first contact. twin names a
// camera of the configuration that what was seen resembles more than the one that is expected here; it is then Another.
// At the first contact that takes a MAC address or serial number that is pinned elsewhere.
func Judge(pinned *Identity, seen Identity, others []Known) (v Verdict, differences []Difference, twin string) {
	if pinned == nil {
		for _, o := range others {
			if !o.SameHost && o.Identity.owns(seen) {
				return Another, nil, o.Name
			}
		}
		return Same, nil, ""
	}
	v, differences = compare(*pinned, seen, func(kind string) bool { return sharedBy(others, kind, seen.of(kind)) })
	own := likeness(*pinned, seen, *pinned)
	for _, o := range others {
		if likeness(o.Identity, seen, *pinned) > own {
			return Another, differences, o.Name
		}
	}
	return v, differences, ""
}

// owns reports whether the serial number or MAC address of id is what was seen. Keys do not count: some makers ship one
// key in all their cameras.
func (id Identity) owns(seen Identity) bool {
	realm := trait{KindRealm, id.Realm}
	return id.Serial != "" && id.Serial == seen.Serial || id.MAC != "" && id.MAC == seen.MAC || strong(realm) && id.Realm == seen.Realm
}

func sharedBy(others []Known, kind, value string) bool {
	return slices.ContainsFunc(others, func(o Known) bool { return o.Identity.of(kind) == value })
}

// strongWeight is how many weak agreements a strong one outweighs: all there are.
const strongWeight = 8

// likeness counts how much of what was seen agrees with id, among the kinds that scope has.
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
	// hardwareNumber matches a MAC address, as Axis and Uniview write it into the realm.
	hardwareNumber = regexp.MustCompile(`(?i)(?:^|[^0-9a-f])(?:[0-9a-f]{12}|[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})(?:$|[^0-9a-f])`)
	// serialWord matches words of letters and digits of which some may be a serial number.
	serialWord = regexp.MustCompile(`[0-9A-Za-z]{8,}`)
	// serialInBrackets matches the end of a serial number in brackets, as Hikvision writes it.
	serialInBrackets = regexp.MustCompile(`\([0-9A-Za-z]*[0-9]{5,}[0-9A-Za-z]*\)`)
)

// digitsOfSerial is how many digits a word must have to be taken for a serial number, and not for a model or a year.
const digitsOfSerial = 5

// strong reports whether a trait is of one camera only.
func strong(t trait) bool {
	switch t.kind {
	case KindKey, KindSerial, KindMAC:
		return t.value != ""
	case KindRealm:
		return namesOneCamera(t.value)
	}
	return false
}

// namesOneCamera reports whether a realm holds what looks like a serial number or a MAC address.
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

// Strength says in words how surely a pinned identity tells a camera from others: "strong: …", "weak: …" or "none: …".
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
