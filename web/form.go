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
	"keepwatch.internal/web/view"
)

// formPage shows the page that a form is on, with what was wrong with it.
type formPage func(w http.ResponseWriter, r *http.Request, n view.Notice) error

// formAction does what a form asks for.
type formAction func(r *http.Request, form url.Values) (outcome, error)

// outcome is what follows a form that was carried out: another page, or one that can be shown this once.
type outcome struct {
	next string
	once templ.Component
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

// form makes the handler of a form on a page. Mistakes are shown on the page, and what needs the password asks for it and
// then goes on, without the form having to be filled in again. The path may name a section of the page: it is that of the
// notice.
func (h *pages) form(section string, page formPage, do formAction) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		form, err := readForm(r)
		if err != nil {
			return err
		}
		if form.Has(view.ConfirmField) {
			again := form.Get(view.ConfirmField)
			form.Del(view.ConfirmField)
			if err := h.accounts.Confirm(r.Context(), viewerOf(r), again, infoOf(r).client); err != nil {
				return h.askAgain(w, r, form, err)
			}
		}
		out, err := do(r, form)
		if errors.Is(err, accounts.ErrNotFresh) {
			return h.askAgain(w, r, form, nil)
		}
		if err != nil {
			words, status, mine := formComplaint(err)
			if !mine {
				return err
			}
			return page(w, r, view.Notice{Section: section, Words: words, Complaint: true, Field: fieldOf(err), Form: form, Status: status})
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
func (h *pages) freshForm(w http.ResponseWriter, r *http.Request) (form url.Values, answered bool, err error) {
	if form, err = readForm(r); err != nil {
		return nil, false, err
	}
	if form.Has(view.ConfirmField) {
		again := form.Get(view.ConfirmField)
		form.Del(view.ConfirmField)
		if err := h.accounts.Confirm(r.Context(), viewerOf(r), again, infoOf(r).client); err != nil {
			return nil, true, h.askAgain(w, r, form, err)
		}
	}
	if err := requireFresh(r, h.accounts); errors.Is(err, accounts.ErrNotFresh) {
		return nil, true, h.askAgain(w, r, form, nil)
	} else if err != nil {
		return nil, false, err
	}
	return form, false, nil
}

// requireFresh returns accounts.ErrNotFresh for people who have not given their password lately.
func requireFresh(r *http.Request, d *accounts.Directory) error {
	if viewerOf(r).Kind != access.AccountView {
		return nil
	}
	return d.RequireFresh(r.Context(), viewerOf(r))
}

// askAgain asks for the password before it does what the form wants; the form waits in hidden fields of the page.
func (h *pages) askAgain(w http.ResponseWriter, r *http.Request, form url.Values, cause error) error {
	v := view.Confirm{Shell: h.shell(r, "Your password", "door-page"), Action: r.URL.Path, Back: backOf(r)}
	status := http.StatusOK
	if cause != nil {
		words, st, mine := formComplaint(cause)
		if !mine {
			return cause
		}
		v.Complaint, status = words, st
	}
	for name, values := range form {
		for _, value := range values {
			v.Fields = append(v.Fields, view.Field{Name: name, Value: value})
		}
	}
	slices.SortStableFunc(v.Fields, func(a, b view.Field) int { return strings.Compare(a.Name, b.Name) })
	return writePage(w, r, status, view.ConfirmPage(v))
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

// formComplaint returns what was wrong with a form, if the person who filled it in can correct it.
func formComplaint(err error) (words string, status int, mine bool) {
	_, invalid := errors.AsType[*accounts.InvalidError](err)
	_, throttled := errors.AsType[*accounts.ThrottledError](err)
	if p, ok := errors.AsType[*Problem](err); ok && (p.Status == http.StatusBadRequest || p.Status == http.StatusForbidden) {
		return p.Detail, p.Status, true
	}
	if !invalid && !throttled && !errors.Is(err, accounts.ErrBadLogin) && !errors.Is(err, accounts.ErrBadCode) &&
		!errors.Is(err, accounts.ErrBadFactor) && !errors.Is(err, accounts.ErrNeedsCode) {
		return "", 0, false
	}
	p := problemOf(err)
	if p.Status == http.StatusUnauthorized {
		p.Status = http.StatusForbidden // 401 would ask the browser for a scheme that a form is not
	}
	return p.Detail, p.Status, true
}
