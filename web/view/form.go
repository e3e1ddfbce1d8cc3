package view

import (
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// Notice is what a page says about a form that came in.
type Notice struct {
	Section   string // of the page, where it belongs
	Words     string
	Complaint bool   // it is about a mistake
	Field     string // of the form, which the mistake is about; empty where it is about none in particular
	Form      url.Values
	Status    int
}

// in returns what a page shall say in one of its sections.
func (n Notice) in(section string) Notice {
	if n.Section != section {
		return Notice{}
	}
	return n
}

// beside returns what a page shall say above a form that says the mistakes of these fields beside them.
func (n Notice) beside(fields ...string) Notice {
	if n.Complaint && slices.Contains(fields, n.Field) {
		return Notice{}
	}
	return n
}

// about reports whether there is a mistake in the field.
func (n Notice) about(field string) bool { return n.Complaint && n.Field == field }

// attributes links a field to its hint and to its mistake, if there is one, and focuses a field with a mistake. The hint may
// be empty.
func (n Notice) attributes(field, hint string) templ.Attributes {
	if !n.about(field) {
		if hint == "" {
			return nil
		}
		return templ.Attributes{"aria-describedby": hint}
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": strings.TrimSpace(field + "-mistake " + hint), "autofocus": true}
}

// Typed returns what came in under a field's name, for the form to be shown again.
func (n Notice) Typed(field string) string { return n.Form.Get(field) }

// ConfirmField is the password that a form carries when it was asked for again. Its name is of no other field.
const ConfirmField = "confirm_password"

// Confirm is the page that asks for the password again.
type Confirm struct {
	Shell     Shell
	Action    string
	Fields    []Field
	Back      string
	Complaint string
}

// Field is a hidden field of a form.
type Field struct{ Name, Value string }

// CameraChoice is a camera in a form.
type CameraChoice struct{ Name, Label string }

// Choice is an action in a form.
type Choice struct {
	Name, Words string
	Checked     bool
}
