package config

import (
	"reflect"
	"slices"
	"strings"
)

// plainKeys are the keys whose values are no secret and no address of a camera.
func plainKeys() []string {
	var plain []string
	everyKey(reflect.TypeFor[Config](), func(name string, secret bool) {
		if !secret && !slices.Contains(plain, name) {
			plain = append(plain, name)
		}
	})
	return plain
}

// everyKey calls f for each key of a struct and of the structs in it.
func everyKey(t reflect.Type, f func(name string, secret bool)) {
	for i := range t.NumField() {
		field := t.Field(i)
		if name, secret, ok := keyOf(field); ok {
			f(name, secret)
		}
		in := field.Type
		if in.Kind() == reflect.Slice {
			in = in.Elem()
		}
		if in.Kind() == reflect.Struct {
			everyKey(in, f)
		}
	}
}

// keyOf returns the key in a field's tag, and whether its value is a secret.
func keyOf(f reflect.StructField) (name string, secret, ok bool) {
	tag, ok := f.Tag.Lookup("yaml")
	name, option, _ := strings.Cut(tag, ",")
	return name, option == "secret", ok
}
