package web

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

const (
	stylesheet = "static/css/app.css"
	designPage = "../docs/design-system.html"
)

var (
	customProperty = regexp.MustCompile(`(?m)(--[a-z0-9-]+):\s*([^;]+);`)
	hexColour      = regexp.MustCompile(`^#[0-9a-f]{6}$`)
)

// purposes says what every token is for. A token without a purpose fails the test.
var purposes = map[string]string{
	"--paper": "page background", "--surface": "cards, rows, fields", "--sunken": "pressed or selected controls",
	"--ink": "text", "--ink-2": "secondary text", "--ink-3": "icons, field borders, disabled controls", "--line": "row separators, button borders",
	"--accent": "now: the playhead, the dot of live video", "--footage": "recorded time; the brand", "--gap": "gaps", "--gap-line": "gap hatching",
	"--mark": "in and out marks", "--mark-veil": "time outside the marks", "--good": "success", "--wait": "pending", "--bad": "errors, destructive actions",
	"--focus": "keyboard focus", "--on-ink": "text on ink",
	"--sans": "text", "--mono": "machine-readable text", "--small": "hints, captions", "--edge": "page margin", "--top": "top bar; 48px on a phone",
	"--bottom": "bottom bar on a phone: 56px and the safe area", "--round": "buttons, fields, notices", "--soft": "floating elements",
}

// pair is a foreground colour, its background, and the least contrast between them.
type pair struct {
	front, back string
	least       float64
	use         string
}

// pairs lists every combination that the pages use.
func pairs() []pair {
	var all []pair
	for _, back := range []string{"--paper", "--surface", "--sunken"} {
		all = append(all, pair{"--ink", back, 4.5, "text"}, pair{"--ink-2", back, 4.5, "secondary text"})
	}
	for _, back := range []string{"--paper", "--surface"} {
		all = append(all, pair{"--bad", back, 4.5, "destructive buttons, error messages"}, pair{"--ink-3", back, 3, "icons, field borders"},
			pair{"--focus", back, 3, "focus ring"}, pair{"--good", back, 3, "state marks"}, pair{"--wait", back, 3, "state marks"},
			pair{"--accent", back, 3, "live dot"})
	}
	return append(all, pair{"--on-ink", "--ink", 4.5, "primary button text"}, pair{"--mark", "--gap", 3, "marks on the timeline"},
		pair{"--accent", "--gap", 3, "playhead over a gap"}, pair{"--footage", "--paper", 3, "recorded time on the page"})
}

// palette holds the tokens' values in light mode and in dark mode.
type palette struct {
	names       []string
	light, dark map[string]string
}

// readPalette reads the tokens of a stylesheet: the light set, and the dark one that overrides it.
func readPalette(t *testing.T, css string) palette {
	t.Helper()
	p := palette{light: map[string]string{}, dark: map[string]string{}}
	_, tokens, found := strings.Cut(css, "@layer tokens {")
	tokens, _, ended := strings.Cut(tokens, "\n}\n")
	if !found || !ended {
		t.Fatal("the stylesheet has no layer of tokens")
	}
	light, rest, _ := strings.Cut(tokens, "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "@media")
	for _, m := range customProperty.FindAllStringSubmatch(light, -1) {
		p.names = append(p.names, m[1])
		p.light[m[1]], p.dark[m[1]] = m[2], m[2]
	}
	for _, m := range customProperty.FindAllStringSubmatch(dark, -1) {
		if p.light[m[1]] == "" {
			t.Errorf("%s has a value in dark mode only", m[1])
		}
		p.dark[m[1]] = m[2]
	}
	return p
}

// contrast returns the contrast of two colours (WCAG 2.2, relative luminance and contrast ratio).
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	light := func(colour string) float64 {
		if !hexColour.MatchString(colour) {
			t.Fatalf("%q is not a colour of six hexadecimal digits", colour)
		}
		var sum float64
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
			check(t, err)
			c := float64(n) / 255
			if c <= 0.04045 {
				sum += weight * c / 12.92
			} else {
				sum += weight * math.Pow((c+0.055)/1.055, 2.4)
			}
		}
		return sum
	}
	x, y := light(a), light(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestContrastIsComputedAsTheStandardSays(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#ffffff", "#ffffff", 1}, {"#767676", "#ffffff", 4.54}, {"#ffffff", "#949494", 3.03}} {
		if got := contrast(t, c.a, c.b); math.Abs(got-c.want) > 0.005 {
			t.Errorf("%s on %s: %.3f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}

func TestTheDesignsColoursCanBeToldApart(t *testing.T) {
	css, err := os.ReadFile(stylesheet)
	check(t, err)
	p := readPalette(t, string(css))
	for name, values := range map[string]map[string]string{"light": p.light, "dark": p.dark} {
		for _, x := range pairs() {
			if got := contrast(t, values[x.front], values[x.back]); got < x.least {
				t.Errorf("%s mode: %s (%s) on %s (%s) has %.2f : 1, want %.1f: %s", name, x.front, values[x.front], x.back, values[x.back], got, x.least, x.use)
			}
		}
	}
}

// TestTheDesignPageShowsWhatTheStylesheetHas checks docs/design-system.html against the stylesheet: the page shows every
// token with its values, and every class that it uses exists. KEEPWATCH_UPDATE=1 rewrites its tables.
func TestTheDesignPageShowsWhatTheStylesheetHas(t *testing.T) {
	css, err := os.ReadFile(stylesheet)
	check(t, err)
	watch, err := os.ReadFile("static/css/watch.css")
	check(t, err)
	live, err := os.ReadFile("static/css/live.css")
	check(t, err)
	page, err := os.ReadFile(designPage)
	check(t, err)
	p := readPalette(t, string(css))
	fresh := string(page)
	for name, rows := range map[string]string{"colours": p.colours(t), "contrast": p.contrasts(t), "measures": p.measures(t)} {
		begin := "<!-- " + name + ": written by go test ./web -run Design with KEEPWATCH_UPDATE=1 -->\n"
		before, rest, found := strings.Cut(fresh, begin)
		_, after, ended := strings.Cut(rest, "<!-- end -->")
		if !found || !ended {
			t.Fatalf("%s has no place for the table of %s", designPage, name)
		}
		fresh = before + begin + rows + "<!-- end -->" + after
	}
	if fresh != string(page) && os.Getenv("KEEPWATCH_UPDATE") != "" {
		check(t, os.WriteFile(designPage, []byte(fresh), 0o644))
	} else if fresh != string(page) {
		t.Errorf("%s does not show the tokens of %s: run KEEPWATCH_UPDATE=1 go test ./web -run Design", designPage, stylesheet)
	}
	for _, m := range customProperty.FindAllStringSubmatch(string(css), -1) {
		if !strings.Contains(fresh, "<code>"+m[1]+"</code>") {
			t.Errorf("%s defines %s, which the page does not show", stylesheet, m[1])
		}
	}
	_, body, _ := strings.Cut(fresh, "</style>")
	own, _, _ := strings.Cut(fresh, "</style>")
	known := string(css) + string(watch) + string(live) + own
	for _, m := range regexp.MustCompile(`class="([^"]+)"`).FindAllStringSubmatch(body, -1) {
		for class := range strings.FieldsSeq(m[1]) {
			if !regexp.MustCompile(`\.` + class + `\b`).MatchString(known) {
				t.Errorf("the page shows the class %q, which no stylesheet has", class)
			}
		}
	}
}

func TestTheDesignPageFits(t *testing.T) {
	path, err := filepath.Abs(designPage)
	check(t, err)
	b := newTab(t)
	b.do(chromedp.Navigate("file://" + path))
	for _, l := range []look{{390, 844, true}, {1440, 900, false}, {2560, 1440, false}} {
		b.see(l)
		for what, measure := range map[string]string{"sticks out": overflowing, "too small for a finger": smallTargets, "too long to be read": longLines} {
			if found := eval[[]string](b, measure); len(found) > 0 && (what != "too small for a finger" || l.width == 390) {
				t.Errorf("%v: %s:\n\t%s", l, what, strings.Join(found, "\n\t"))
			}
		}
	}
	if got := eval[string](b, `getComputedStyle(document.querySelector(".primary")).minHeight`); got != "44px" {
		t.Errorf("the page does not use the stylesheet: a button is %s high", got)
	}
}

func (p palette) isColour(name string) bool {
	return hexColour.MatchString(p.light[name]) || strings.HasPrefix(p.light[name], "rgb(")
}

func (p palette) purpose(t *testing.T, name string) string {
	t.Helper()
	if purposes[name] == "" {
		t.Errorf("%s has no purpose: add it to purposes", name)
	}
	return html.EscapeString(purposes[name])
}

func (p palette) colours(t *testing.T) string {
	return table([]string{"Token", "Light", "Dark", "For"}, func(row func(...string)) {
		for _, name := range p.names {
			if p.isColour(name) {
				row("<code>"+name+"</code>", swatch(p.light[name]), swatch(p.dark[name]), p.purpose(t, name))
			}
		}
	})
}

func swatch(colour string) string {
	return fmt.Sprintf(`<span class="swatch" style="background: %s"></span>%[1]s`, colour)
}

func (p palette) contrasts(t *testing.T) string {
	return table([]string{"What", "On", "Light", "Dark", "At least", "For"}, func(row func(...string)) {
		for _, x := range pairs() {
			row("<code>"+x.front+"</code>", "<code>"+x.back+"</code>", fmt.Sprintf("%.1f", contrast(t, p.light[x.front], p.light[x.back])),
				fmt.Sprintf("%.1f", contrast(t, p.dark[x.front], p.dark[x.back])), fmt.Sprintf("%.1f", x.least), html.EscapeString(x.use))
		}
	})
}

func (p palette) measures(t *testing.T) string {
	return table([]string{"Token", "Value", "", "For"}, func(row func(...string)) {
		for _, name := range p.names {
			if p.isColour(name) {
				continue
			}
			shown := ""
			switch {
			case slices.Contains([]string{"--sans", "--mono"}, name):
				shown = `<span style="font-family: var(` + name + `)">Garage 14:05:20</span>`
			case name == "--small":
				shown = `<span style="font-size: var(--small)">Garage 14:05:20</span>`
			case name == "--round":
				shown = `<span class="corner" style="border-top-left-radius: var(--round)"></span>`
			case name == "--edge" || name == "--top" || name == "--bottom":
				shown = `<span class="space" style="width: var(` + name + `)"></span>`
			}
			value := html.EscapeString(p.light[name])
			if len(value) > 40 {
				value = value[:strings.LastIndex(value[:40], " ")] + " …"
			}
			row("<code>"+name+"</code>", value, shown, p.purpose(t, name))
		}
	})
}

// table writes a table with a row for each call.
func table(heads []string, fill func(row func(cells ...string))) string {
	var b strings.Builder
	b.WriteString("          <table>\n            <thead><tr>")
	for _, h := range heads {
		b.WriteString("<th scope=\"col\">" + h + "</th>")
	}
	b.WriteString("</tr></thead>\n            <tbody>\n")
	fill(func(cells ...string) {
		b.WriteString("              <tr>")
		for _, c := range cells {
			b.WriteString("<td>" + c + "</td>")
		}
		b.WriteString("</tr>\n")
	})
	b.WriteString("            </tbody>\n          </table>\n")
	return b.String()
}
