package web

import (
	"fmt"
	"slices"
	"strings"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/format"
	"keepwatch.internal/internal/media"
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
		return "download recordings"
	case access.Audio:
		return "hear audio"
	case access.Share:
		return "share the camera"
	case access.Manage:
		return "manage the camera"
	}
	return a.String()
}

// rightsWords says what a set of actions lets somebody do: "watch live, hear the sound".
func rightsWords(r access.Rights) string {
	if r == access.Owned {
		return "full access"
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
		all = append(all, view.Choice{Name: a.String(), Words: strings.ToUpper(words[:1]) + words[1:], Checked: checked.Has(a)})
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

// deviceWords makes "Firefox on Linux" out of what a browser calls itself.
func deviceWords(agent string) string {
	browser := firstIn(agent, [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrome", "Chrome"}, {"Safari", "Safari"}, {"Version/", "Safari"}}) // of an iPhone the record cuts off what comes after
	system := firstIn(agent, [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "Mac"}, {"CrOS", "ChromeOS"},
		{"Linux", "Linux"}})
	switch {
	case agent == "":
		return "Unknown program"
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

// stateWords says how a camera is, with the reason where there is one.
func stateWords(c CameraStatus) string {
	state := stateOf(c)
	if c.Reason == "" {
		return state
	}
	return state + ": " + c.Reason
}

// firstWords stand over a picture that has not come yet.
func firstWords(c CameraStatus) string {
	if stateOf(c) == "recording" {
		return "waiting for video"
	}
	return stateWords(c)
}

func stateOf(c CameraStatus) string {
	if c.State == "" {
		return "not started"
	}
	return c.State
}

func pictureText(st StreamStatus) string {
	if st.Codec == "" {
		return "nothing received yet"
	}
	text := fmt.Sprintf("%s %d×%d", st.Codec, st.Width, st.Height)
	if st.FPS > 0 {
		text += fmt.Sprintf(", %.3g frames/s", st.FPS)
	}
	return text
}

// soundFacts says which sound each stream has, whether it is recorded, and why not unless the advice says so.
func soundFacts(st CameraStatus) (facts []view.Fact) {
	for _, stream := range st.Streams {
		s := stream.Sound
		if s.Codec == "" {
			continue
		}
		name, text := "Sound", s.Codec
		if stream.Quality == media.Sub {
			name = "Sound of the sub stream"
		}
		if !s.Recorded {
			text += ", not recorded"
		}
		if s.Why != "" && !slices.ContainsFunc(st.Advice, func(a string) bool { return strings.HasSuffix(a, s.Why) }) {
			text += ": " + s.Why
		}
		facts = append(facts, view.Fact{Label: name, Value: text})
	}
	return facts
}

// streamText is all that is known of a stream, on one line.
func streamText(st StreamStatus) string {
	text := pictureText(st)
	if st.BitsPerSecond > 0 {
		text += ", " + format.Rate(st.BitsPerSecond)
	}
	if st.GOP > 0 {
		text += fmt.Sprintf(", key frame every %.2g s", st.GOP.Seconds())
	}
	if st.LostPackets > 0 {
		text += fmt.Sprintf(", %d packets lost", st.LostPackets)
	}
	if st.Link.Transport == "udp" {
		text += ", over UDP"
		if st.Link.Buffer > 0 {
			text += " with a receive buffer of " + format.Size(st.Link.Buffer)
		}
	}
	if st.Link.TLS != "" {
		text += ", " + st.Link.TLS
	}
	return text
}
