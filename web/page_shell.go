package web

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"

	"keepwatch.internal/internal/format"
	"keepwatch.internal/web/view"
)

func (s *Server) shell(r *http.Request, title, section string) view.Shell {
	v := viewerOf(r)
	return view.Shell{Title: title, Section: section, User: v.Name, Initial: initialOf(v.Name), Admin: v.Admin, Halted: s.gate.halted() != nil,
		Icon: asset("icon.svg"), Styles: assets("css/app.css", "css/watch.css", "css/live.css"), Scripts: assets(shellScript), Modules: assets(imported(shellScript)...),
		Now: strconv.FormatInt(s.Now().UnixMilli(), 10)}
}

// shellScript runs on every page.
const shellScript = "shell/shell.js"

// withScript adds the module that has the page's name, and those that it imports, so that a browser fetches all at once.
func withScript(page view.Shell, name string) view.Shell {
	script := "pages/" + name + ".js"
	page.Scripts = append(page.Scripts, asset(script))
	page.Modules = assets(imported(shellScript, script)...)
	return page
}

// assets returns the URLs of static files by their names.
func assets(names ...string) []string {
	urls := make([]string, len(names))
	for i, name := range names {
		urls[i] = asset(name)
	}
	return urls
}

func initialOf(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return "?"
	}
	return string(unicode.ToUpper(first))
}

// writePage renders a page as a whole before anything of it is sent, so that one that cannot be rendered is an error
// page and not half of one.
func writePage(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var b strings.Builder
	if err := page.Render(r.Context(), &b); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cameraURL(name string) string { return "/cameras/" + name }

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
		return "waiting for the first picture"
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
	return text
}
