//go:build axe

package web

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// axeFile is the checker, as installed by npm.
const axeFile = "node_modules/axe-core/axe.min.js"

// The rules that pages must satisfy, and those that axe's authors also recommend.
var (
	axeRules     = []string{"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"}
	axePractices = "best-practice"
)

// violation is one finding of axe.
type violation struct {
	ID, Impact, Help string
	Tags             []string
	Nodes            []struct {
		HTML           string
		FailureSummary string
	}
}

// graver reports whether the finding fails the test: any violation of WCAG, and serious ones of other rules.
func (v violation) graver() bool {
	return !slices.Contains(v.Tags, axePractices) || v.Impact == "serious" || v.Impact == "critical"
}

func (v violation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s", v.ID, v.Impact, v.Help)
	for _, n := range v.Nodes {
		fmt.Fprintf(&b, "\n\t%.300s\n\t\t%s", n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n\t\t"))
	}
	return b.String()
}

// axe runs the checker on the current page.
func (b *tab) axe(script string) []violation {
	b.t.Helper()
	if !eval[bool](b, `"axe" in window`) { // the script policy applies to pages, not to the debugger
		b.do(chromedp.Evaluate[chromedp.Void](script + "\n;void 0"))
	}
	tags, err := json.Marshal(append(axeRules, axePractices))
	check(b.t, err)
	return eval[[]violation](b, fmt.Sprintf(`axe.run(document, {runOnly: %s, resultTypes: ["violations"]}).then(found => found.violations.map(
		({id, impact, help, tags, nodes}) => ({ID: id, Impact: impact, Help: help, Tags: tags, Nodes: nodes.map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`, tags))
}

func axeScript(t *testing.T) string {
	t.Helper()
	script, err := os.ReadFile(axeFile)
	if err != nil {
		t.Fatalf("axe-core is missing, so nothing was checked. Run this by `make axe`, or get it by `cd web && npm ci`: %v", err)
	}
	return string(script)
}

// TestAxeFindsNothingOnAnyPage runs axe-core on every page, in light and dark mode, on a desktop and a phone.
func TestAxeFindsNothingOnAnyPage(t *testing.T) {
	script := axeScript(t)
	pages := tour(t)
	b := newTab(t)
	for _, v := range pages {
		t.Run(v.name, func(t *testing.T) {
			b := &tab{t, b.ctx}
			began := time.Now()
			b.open(v)
			b.openAll()
			for _, l := range looks {
				l.height = 4000 // the whole page, since the bars at its edges cover parts depending on the scroll position
				b.see(l)
				for _, found := range b.axe(script) {
					if found.graver() {
						t.Errorf("%v: %v", l, found)
					} else {
						t.Logf("%v: advised: %v", l, found)
					}
				}
			}
			t.Logf("%v", time.Since(began).Round(time.Millisecond))
		})
	}
}

// TestAxeFindsWhatIsPlanted breaks a page in the most important ways, to prove that the checker works.
func TestAxeFindsWhatIsPlanted(t *testing.T) {
	script := axeScript(t)
	w := inhabited(t)
	b := newTab(t)
	for rule, damage := range map[string]string{
		"label":          `document.querySelector("label[for=username]").remove()`,
		"button-name":    `document.querySelector("button.primary").textContent = ""`,
		"color-contrast": `document.querySelector("h1").style.setProperty("color", "#bbb")`,
		"html-has-lang":  `document.documentElement.removeAttribute("lang")`,
	} {
		b.open(visit{rule, w, "", "/login", nil})
		if found := b.axe(script); len(found) > 0 {
			t.Fatalf("before anything is broken: %v", found)
		}
		b.do(chromedp.Evaluate[chromedp.Void](`void (` + damage + `)`))
		if found := b.axe(script); !slices.ContainsFunc(found, func(v violation) bool { return v.ID == rule && v.graver() }) {
			t.Errorf("%s is not found by the rule %s; found: %v", damage, rule, found)
		}
	}
}
