package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/internal/media"
)

// The signs of the controls, each an SVG path on a field of 24 by 24.
const (
	outlineLive    = "M3.5 5.5h17v11h-17zM8.5 20h7M12 16.5V20"
	outlineCameras = "M4 7.5h11v9H4zM15 11l5-2.5v7L15 13"
	outlineDays    = "M3.5 7h7M3.5 12h17M3.5 17h10M15.5 3.5v17"
	outlineSaved   = "M6.5 4.5h11v15L12 15.5l-5.5 4z"
	outlineSystem  = "M4 12h3.5l2.5-6 4 12 2.5-6H20"
	outlineClose   = "m6 6 12 12M18 6 6 18"
	outlineForward = "m9 5.5 6.5 6.5L9 18.5"
	outlineLeft    = "M15 5.5 8.5 12l6.5 6.5"
	outlineBack    = "M4.5 12a7.5 7.5 0 1 0 2.3-5.4M6.5 3v4h4"
	outlineAhead   = "M19.5 12a7.5 7.5 0 1 1-2.3-5.4M17.5 3v4h-4"
	outlineSpeaker = "M4.5 9.5v5h3l4.5 4v-13l-4.5 4z"
	outlineFull    = "M4.5 9V4.5H9m6 0h4.5V9m0 6v4.5H15m-6 0H4.5V15"
	outlineMinus   = "M6 12h12"
	outlinePlus    = "M6 12h12M12 6v12"
	outlineMore    = "M6 12h.01M12 12h.01M18 12h.01"
	outlineGrip    = "M9 7h.01M15 7h.01M9 12h.01M15 12h.01M9 17h.01M15 17h.01"

	outlineFrameBack  = "M7 6v12M17.5 6 10 12l7.5 6z"
	outlineFrameAhead = "M17 6v12M6.5 6 14 12l-7.5 6z"
	outlineSnapshot   = "M3.5 8h4l1.5-2.5h6L16.5 8h4v11h-17zM12 10a3.4 3.4 0 1 0 0 6.8 3.4 3.4 0 0 0 0-6.8z"
	outlinePip        = "M3.5 5.5h17v13h-17zM12.5 12h5v3.8h-5z"
)

// frame is what every page has around its content.
type frame struct {
	Title   string
	Section string // of the navigation; also the body's class
	Script  string // the page's module; empty for none
	Modules []string
	User    string // empty for strangers
	Initial string
	Admin   bool
	Halted  bool   // the canary found a leak, and no footage is shown
	Now     string // the server's clock in unix milliseconds, for the ages that the browser tells
}

// fact is a line of a list: what, and how much.
type fact struct{ Label, Value string }

func (s *Server) frame(r *http.Request, title, section string) frame {
	v := viewerOf(r)
	return frame{Title: title, Section: section, User: v.Name, Initial: initialOf(v.Name), Admin: v.Admin, Halted: s.halted() != nil,
		Now: strconv.FormatInt(s.Now().UnixMilli(), 10)}
}

// with adds the page's script and the modules that it imports, so that a browser fetches all at once.
func (f frame) with(script string, modules ...string) frame {
	f.Script, f.Modules = script, modules
	return f
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

// seen is a camera that the viewer may see, with what is known of it.
type seen struct {
	Camera
	Rights access.Rights
	Status CameraStatus
}

// camerasOf returns the cameras on which the viewer has any right, in their order.
func (s *Server) camerasOf(ctx context.Context, v access.Viewer) ([]seen, error) {
	rights, err := s.Accounts.Rights(ctx, v)
	if err != nil {
		return nil, err
	}
	status := s.statusByCamera()
	var list []seen
	for _, c := range s.Cameras {
		if held := rights[access.Camera(c.ID)]; held != 0 {
			list = append(list, seen{Camera: c, Rights: held, Status: status[c.ID]})
		}
	}
	return list, nil
}

func (s *Server) statusByCamera() map[media.CameraID]CameraStatus {
	all := map[media.CameraID]CameraStatus{}
	for _, c := range s.Status.Cameras() {
		all[c.ID] = c
	}
	return all
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

// agoText says how long ago t was: "just now", "12 s ago", "3 h ago"; "never" for no time.
func agoText(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	if d < 5*time.Second {
		return "just now"
	}
	return lengthText(d) + " ago"
}

// lengthText is a length of time in words: "48 s", "17 min", "2 h 5 min", "3 days".
func lengthText(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < 100*time.Second:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 100*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		d = d.Round(time.Minute)
		if d%time.Hour == 0 {
			return fmt.Sprintf("%d h", int(d.Hours()))
		}
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// sizeText is an amount of data in the units that disks are sold in.
func sizeText(n int64) string {
	const units = "kMGTP"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, u := float64(n)/1000, 0
	for f >= 999.5 && u < len(units)-1 {
		f, u = f/1000, u+1
	}
	if f < 10 {
		return fmt.Sprintf("%.1f %cB", f, units[u])
	}
	return fmt.Sprintf("%.0f %cB", f, units[u])
}

// unbroken returns the text with its numbers tied to their units, so that no line ends between them.
func unbroken(text string) string {
	b := []rune(text)
	for i := 1; i+1 < len(b); i++ {
		if b[i] == ' ' && unicode.IsDigit(b[i-1]) && (unicode.IsLetter(b[i+1]) || b[i+1] == '%') {
			b[i] = '\u00a0'
		}
	}
	return string(b)
}

// rateText is a bit rate.
func rateText(bitsPerSecond int64) string {
	if bitsPerSecond < 1_000_000 {
		return fmt.Sprintf("%d kbit/s", (bitsPerSecond+500)/1000)
	}
	return fmt.Sprintf("%.1f Mbit/s", float64(bitsPerSecond)/1e6)
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
		text += ", " + rateText(st.BitsPerSecond)
	}
	if st.GOP > 0 {
		text += fmt.Sprintf(", key frame every %.2g s", st.GOP.Seconds())
	}
	if st.LostPackets > 0 {
		text += fmt.Sprintf(", %d packets lost", st.LostPackets)
	}
	return text
}
