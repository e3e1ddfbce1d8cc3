package web

import (
	"strings"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/web/view"
)

// actionWords says what an action lets somebody do.
func actionWords(a access.Action) string {
	switch a {
	case access.Live:
		return "watch live"
	case access.Playback:
		return "watch recordings"
	case access.Export:
		return "save recordings as files"
	case access.Audio:
		return "hear the sound"
	case access.Share:
		return "share it with others"
	case access.Manage:
		return "manage the camera"
	}
	return a.String()
}

// rightsWords says what a set of actions lets somebody do: "watch live, hear the sound".
func rightsWords(r access.Rights) string {
	if r == access.Owned {
		return "everything"
	}
	var words []string
	for _, a := range actionsOf(r) {
		words = append(words, actionWords(a))
	}
	return strings.Join(words, ", ")
}

// actionsOf returns the actions in a set, in their order.
func actionsOf(r access.Rights) []access.Action {
	var all []access.Action
	for _, a := range []access.Action{access.Live, access.Playback, access.Export, access.Audio, access.Share, access.Manage} {
		if r.Has(a) {
			all = append(all, a)
		}
	}
	return all
}

// choicesOf are the actions of a set for a form, those of checked ticked.
func choicesOf(r, checked access.Rights) []view.Choice {
	var all []view.Choice
	for _, a := range actionsOf(r) {
		words := actionWords(a)
		all = append(all, view.Choice{Name: a.String(), Words: words, Checked: checked.Has(a)})
	}
	return all
}

// rightsNamed reads actions by their names.
func rightsNamed(names []string) (access.Rights, error) {
	var rights access.Rights
	for _, name := range names {
		a, err := access.ParseAction(name)
		if err != nil {
			return 0, err
		}
		rights |= access.Rights(a)
	}
	return rights, nil
}

// whenText is a moment on the site's clock, for people: "22 Nov, 13:05", with the year when it is not this one.
func (s *Server) whenText(t time.Time) string {
	local := t.In(s.Location)
	if local.Year() != s.Now().In(s.Location).Year() {
		return local.Format("2 Jan 2006, 15:04")
	}
	return local.Format("2 Jan, 15:04")
}

// stretchText is a stretch of time on the site's clock: "22 Nov, 13:05 – 14:10".
func (s *Server) stretchText(from, to time.Time) string {
	if to.Sub(from) < 2*time.Minute && to.After(from) {
		return s.whenText(from) + from.In(s.Location).Format(":05–") + to.In(s.Location).Format(time.TimeOnly)
	}
	if dayOf(from, s.Location).String() == dayOf(to, s.Location).String() {
		return s.whenText(from) + "–" + to.In(s.Location).Format("15:04")
	}
	return s.whenText(from) + " – " + s.whenText(to)
}

// deviceWords makes "Firefox on Linux" out of what a browser calls itself.
func deviceWords(agent string) string {
	browser := firstIn(agent, [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}, {"Version/", "Safari"}}) // of an iPhone the record cuts off what comes after
	system := firstIn(agent, [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"CrOS", "ChromeOS"},
		{"Linux", "Linux"}})
	switch {
	case agent == "":
		return "An unnamed program"
	case browser == "" || system == "":
		return cut(agent, 40)
	}
	return browser + " on " + system
}

func firstIn(text string, table [][2]string) string {
	for _, row := range table {
		if strings.Contains(text, row[0]) {
			return row[1]
		}
	}
	return ""
}

// cut shortens a text to so many characters.
func cut(text string, runes int) string {
	r := []rune(text)
	if len(r) <= runes {
		return text
	}
	return string(r[:runes]) + "…"
}
