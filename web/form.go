package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/accounts"
)

// formPage shows the page that a form stands on, with what was wrong with it.
type formPage func(w http.ResponseWriter, r *http.Request, n notice) error

// formAction does what a form asks for.
type formAction func(r *http.Request, form url.Values) (outcome, error)

// outcome is what follows a form that was carried out: another page, or one that can be shown this once.
type outcome struct {
	next string
	once templ.Component
}

// notice is what a page says about a form that came in.
type notice struct {
	Section   string // of the page, where it belongs
	Words     string
	Complaint bool   // it is about a mistake
	Field     string // of the form, which the mistake is about; empty where it is about none in particular
	Form      url.Values
	Status    int
}

// in returns what a page shall say in one of its sections.
func (n notice) in(section string) notice {
	if n.Section != section {
		return notice{}
	}
	return n
}

// beside returns what a page shall say above a form that says the mistakes of these fields beside them.
func (n notice) beside(fields ...string) notice {
	if n.Complaint && slices.Contains(fields, n.Field) {
		return notice{}
	}
	return n
}

// about reports whether there is a mistake in the field.
func (n notice) about(field string) bool { return n.Complaint && n.Field == field }

// attributes tells of a field what its hint and its mistake are, if there is one, and leads to that. The hint may be empty.
func (n notice) attributes(field, hint string) templ.Attributes {
	if !n.about(field) {
		if hint == "" {
			return nil
		}
		return templ.Attributes{"aria-describedby": hint}
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": strings.TrimSpace(field + "-mistake " + hint), "autofocus": true}
}

// fieldOf returns the field of a form that an error is about; empty where it is about none in particular.
func fieldOf(err error) string {
	if invalid, ok := errors.AsType[*accounts.InvalidError](err); ok {
		return invalid.Field
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.field
	}
	if errors.Is(err, accounts.ErrBadCode) || errors.Is(err, accounts.ErrBadFactor) {
		return "code"
	}
	return ""
}

// typed returns what came in under a field's name, for the form to be shown again.
func (n notice) typed(field string) string { return n.Form.Get(field) }

// confirmField is the password that a form carries when it was asked for again. Its name is of no other field.
const confirmField = "confirm_password"

// form makes the handler of a form on a page. Mistakes are told on the page, and what needs the password asks for it and
// then goes on, without the form having to be filled in again. The path may name a section of the page: it is that of the
// notice.
func (s *Server) form(section string, page formPage, do formAction) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		form, err := readForm(r)
		if err != nil {
			return err
		}
		if form.Has(confirmField) {
			again := form.Get(confirmField)
			form.Del(confirmField)
			if err := s.Accounts.Confirm(r.Context(), viewerOf(r), again, infoOf(r).client); err != nil {
				return s.askAgain(w, r, form, err)
			}
		}
		out, err := do(r, form)
		if errors.Is(err, accounts.ErrNotFresh) {
			return s.askAgain(w, r, form, nil)
		}
		if err != nil {
			words, status, mine := s.formComplaint(err)
			if !mine {
				return err
			}
			return page(w, r, notice{Section: section, Words: words, Complaint: true, Field: fieldOf(err), Form: form, Status: status})
		}
		if out.once != nil {
			return writePage(w, r, http.StatusOK, out.once)
		}
		http.Redirect(w, r, out.next, http.StatusSeeOther)
		return nil
	}
}

// freshForm reads a form for which the password has to have been given lately, by people: tokens have none. When it asks
// for the password instead, it reports that the request is answered.
func (s *Server) freshForm(w http.ResponseWriter, r *http.Request) (form url.Values, answered bool, err error) {
	if form, err = readForm(r); err != nil {
		return nil, false, err
	}
	if form.Has(confirmField) {
		again := form.Get(confirmField)
		form.Del(confirmField)
		if err := s.Accounts.Confirm(r.Context(), viewerOf(r), again, infoOf(r).client); err != nil {
			return nil, true, s.askAgain(w, r, form, err)
		}
	}
	if err := s.requireFresh(r); errors.Is(err, accounts.ErrNotFresh) {
		return nil, true, s.askAgain(w, r, form, nil)
	} else if err != nil {
		return nil, false, err
	}
	return form, false, nil
}

// requireFresh returns accounts.ErrNotFresh for people who have not given their password lately.
func (s *Server) requireFresh(r *http.Request) error {
	if viewerOf(r).Kind != access.AccountView {
		return nil
	}
	return s.Accounts.RequireFresh(r.Context(), viewerOf(r))
}

// confirmView is the page that asks for the password again.
type confirmView struct {
	Frame     frame
	Action    string
	Fields    []field
	Back      string
	Complaint string
}

// field is a hidden field of a form.
type field struct{ Name, Value string }

// askAgain asks for the password before it does what the form wants; the form waits in hidden fields of the page.
func (s *Server) askAgain(w http.ResponseWriter, r *http.Request, form url.Values, cause error) error {
	v := confirmView{Frame: s.frame(r, "Your password", "door-page"), Action: r.URL.Path, Back: backOf(r)}
	status := http.StatusOK
	if cause != nil {
		words, st, mine := s.formComplaint(cause)
		if !mine {
			return cause
		}
		v.Complaint, status = words, st
	}
	for name, values := range form {
		for _, value := range values {
			v.Fields = append(v.Fields, field{name, value})
		}
	}
	slices.SortStableFunc(v.Fields, func(a, b field) int { return strings.Compare(a.Name, b.Name) })
	return writePage(w, r, status, confirmPage(v))
}

// backOf is the page that a form's address belongs to.
func backOf(r *http.Request) string {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "cameras" && len(parts) > 2 && parts[2] == "shares" {
		return "/cameras/" + url.PathEscape(parts[1]) + "/access"
	}
	if parts[0] == "cameras" && len(parts) > 1 {
		return "/cameras/" + url.PathEscape(parts[1])
	}
	return "/" + url.PathEscape(parts[0])
}
