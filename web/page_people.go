package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"keepwatch.internal/internal/accounts"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/web/view"
)

// peoplePages are the pages on which administrators manage accounts.
type peoplePages struct{ *pages }

func (h *peoplePages) pagePeople(w http.ResponseWriter, r *http.Request) error {
	return h.writePeople(w, r, noticeOf(r))
}

func (h *peoplePages) writePeople(w http.ResponseWriter, r *http.Request, n view.Notice) error {
	people, err := h.accounts.People(r.Context(), viewerOf(r))
	if err != nil {
		return err
	}
	v := view.People{Shell: h.shell(r, "People", "people"), Notice: n}
	for _, p := range people {
		v.People = append(v.People, view.Person{Name: p.Name, Admin: p.Admin, Self: p.ID == viewerOf(r).AccountID, Words: h.personWords(p)})
	}
	return writePage(w, r, n.Status, view.PeoplePage(v))
}

func (h *peoplePages) personWords(p accounts.Person) string {
	words := []string{"since " + format.Date(p.Created.In(h.site.location))}
	switch {
	case p.Cameras == 0:
		words = append(words, "sees no camera")
	case p.Owned == 0:
		words = append(words, "sees "+counted(p.Cameras, "camera")+" of other people")
	case p.Owned == p.Cameras:
		words = append(words, "owns "+counted(p.Owned, "camera"))
	default:
		words = append(words, fmt.Sprintf("sees %s, owns %d of them", counted(p.Cameras, "camera"), p.Owned))
	}
	if p.Sessions > 0 {
		words = append(words, "signed in on "+counted(p.Sessions, "device"))
	} else {
		words = append(words, "not signed in")
	}
	if p.Tokens > 0 {
		words = append(words, counted(p.Tokens, "token"))
	}
	if p.HasFactor {
		words = append(words, "second factor on")
	}
	return view.Unbroken(strings.Join(words, ", "))
}

// counted is "1 camera", "2 cameras".
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// addPerson makes an account.
func (h *peoplePages) addPerson(r *http.Request, form url.Values) (outcome, error) {
	if form.Get("password") != form.Get("again") {
		return outcome{}, mistakeIn("again", http.StatusBadRequest, "The passwords don't match.")
	}
	err := h.accounts.AddAccount(r.Context(), viewerOf(r),
		accounts.NewAccount{Name: form.Get("username"), Password: form.Get("password"), Admin: form.Get("admin") != ""})
	return outcome{next: "/people?done=person"}, err
}

// pageRemoval says what the removal of an account takes with it.
func (h *peoplePages) pageRemoval(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("person")
	effects, err := h.accounts.RemovalEffects(r.Context(), name)
	if errors.Is(err, accounts.ErrNoUser) {
		return notFound()
	}
	if err != nil {
		return err
	}
	return writePage(w, r, http.StatusOK, view.RemovalPage(view.Removal{Shell: h.shell(r, "Remove "+name, "people"), Name: name,
		Effects: effectWords(name, effects), Possible: !effects.LastOne}))
}

func effectWords(name string, e accounts.Effects) []string {
	var words []string
	if e.LastOne {
		return []string{name + " is the only administrator. Make someone else an administrator first."}
	}
	if len(e.Orphans) > 0 {
		words = append(words, counted(len(e.Orphans), "camera")+" will have no owner: recording continues, but nobody can watch until the configuration names one.")
	}
	if others := len(e.Cameras) - len(e.Orphans); others > 0 {
		words = append(words, counted(others, "camera")+" will stay with the other owners.")
	}
	if e.Given > 0 {
		words = append(words, counted(e.Given, "share")+" or links given by "+name+" will end.")
	}
	if e.Held > 0 {
		words = append(words, counted(e.Held, "share")+" with "+name+" will end.")
	}
	if e.Sessions > 0 {
		words = append(words, counted(e.Sessions, "session")+" will be signed out within a second.")
	}
	if e.Tokens > 0 {
		words = append(words, counted(e.Tokens, "token")+" will stop working.")
	}
	if e.Named {
		words = append(words, "The configuration names "+name+" as an owner: remove the name, because a new account of that name would own those cameras.")
	}
	return append(words, "Footage and the audit log are kept.")
}

func (h *peoplePages) removePerson(r *http.Request, form url.Values) (outcome, error) {
	err := h.accounts.RemoveAccount(r.Context(), viewerOf(r), r.PathValue("person"))
	switch {
	case errors.Is(err, accounts.ErrLastAdmin):
		return outcome{}, problem(http.StatusBadRequest, sentence(accounts.ErrLastAdmin.Error()))
	case errors.Is(err, accounts.ErrNoUser):
		return outcome{}, problem(http.StatusBadRequest, "There is no account of that name any more.")
	}
	return outcome{next: "/people?done=removed"}, err
}
