package config

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// tags returns the keys in the tags of one struct, but not those of the structs in it.
func tags[T any](without ...string) []string {
	var names []string
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		if name, _, ok := keyOf(t.Field(i)); ok && !slices.Contains(without, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestTheKeysThatAreReadAreThoseOfTheStructs asks every mapping of the file for a key that it does not know: the hint lists
// what it reads.
func TestTheKeysThatAreReadAreThoseOfTheStructs(t *testing.T) {
	const unknown = "qqqqqqqqqqqq: 1"
	for _, c := range []struct {
		text, what string
		keys       []string
	}{
		{unknown, "the file", tags[Config]()},
		{"web: {" + unknown + "}", "web", tags[Web]()},
		{"web: {tls: {" + unknown + "}}", "tls", tags[TLS]()},
		{"storage: {" + unknown + "}", "storage", tags[Storage]()},
		{"views: {" + unknown + "}", "views", tags[Views]()},
		{"defaults: {" + unknown + "}", "defaults", tags[Camera]("label", "main", "sub")},
		{"cameras: {door: {" + unknown + "}}", "a camera", tags[Camera]()},
		{"cameras: {door: {retain: {" + unknown + "}}}", "retain", tags[Retain]()},
	} {
		_, err := parse(input{path: "config.yaml", content: []byte(c.text)})
		e, ok := errors.AsType[*Error](err)
		want := "the keys of " + c.what + " are " + strings.Join(c.keys, ", ")
		if !ok || !slices.ContainsFunc(e.Mistakes, func(m Mistake) bool { return m.Hint == want }) {
			t.Errorf("%s: %v\nwant the hint %q", c.text, err, want)
		}
	}
}

func TestAddressesOfCamerasAreTheOnlySecretKeys(t *testing.T) {
	var secret []string
	everyKey(reflect.TypeFor[Config](), func(name string, s bool) {
		if s && !slices.Contains(secret, name) {
			secret = append(secret, name)
		}
	})
	if plain := plainKeys(); !slices.Equal(secret, []string{"main", "sub"}) || slices.Contains(plain, "main") {
		t.Errorf("secret %q, plain %q", secret, plain)
	}
}
