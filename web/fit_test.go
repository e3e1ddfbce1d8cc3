package web

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// smallTargets lists what can be pressed and is smaller than a fingertip, 44 px. Links within a sentence are excepted, as in
// WCAG 2.2 criterion 2.5.8: the line decides their height; a box that is ticked counts with the label around it.
const smallTargets = `(() => {
	const inSentence = (e) => {
		if (e.tagName !== "A" || getComputedStyle(e).display !== "inline") return false;
		const around = e.parentElement.innerText.trim();
		return around.length > e.innerText.trim().length;
	};
	const found = [];
	for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button], [role=slider]")) {
		if (!e.checkVisibility({opacityProperty: true, visibilityProperty: true}) || inSentence(e)) continue;
		const whole = /^(checkbox|radio)$/.test(e.type) ? e.closest("label") ?? e : e;
		const {width, height, right, bottom} = whole.getBoundingClientRect();
		if (right <= 0 || bottom <= 0) continue; // waits outside of the page, as the way past the navigation does
		if (width < 43.5 || height < 43.5) found.push(e.outerHTML.slice(0, 160) + " is " + Math.round(width) + " × " + Math.round(height));
	}
	return found;
})()`

// overflowing lists what makes the page wider than its window, and text that is cut off without saying so.
const overflowing = `(() => {
	const found = [], page = document.scrollingElement;
	if (page.scrollWidth <= innerWidth) return found;
	for (const e of document.querySelectorAll("body *")) {
		const {right, width} = e.getBoundingClientRect();
		if (width > 0 && right > innerWidth + 1 && found.length < 5) found.push(e.outerHTML.slice(0, 160) + " ends at " + Math.round(right));
	}
	return found.length ? found : ["the page is " + page.scrollWidth + " wide in a window of " + innerWidth];
})()`

// crowded lists parts of the controls whose content is wider than they are, and so runs into the part beside it.
const crowded = `(() => {
	const found = [];
	for (const e of document.querySelectorAll(".controls > *")) {
		if (!e.checkVisibility() || getComputedStyle(e).overflowX !== "visible") continue;
		if (e.scrollWidth > e.clientWidth + 1) found.push(e.outerHTML.slice(0, 160) + " is " + e.clientWidth + " wide, its content " + e.scrollWidth);
	}
	return found;
})()`

// distorted lists drawings that are shown in another shape than they were drawn in: their text and lines would be stretched.
const distorted = `(() => {
	const found = [];
	for (const c of document.querySelectorAll("canvas")) {
		const {width, height} = c.getBoundingClientRect();
		if (width < 2 || height < 2 || !c.checkVisibility()) continue;
		const stretched = (c.width / width) / (c.height / height);
		if (stretched < 0.95 || stretched > 1.05) found.push(c.outerHTML + " of " + c.width + " × " + c.height + " is shown as " + Math.round(width) + " × " + Math.round(height));
	}
	return found;
})()`

// longLines lists paragraphs whose lines are too long to be read: more than 100 characters.
const longLines = `(() => {
	const found = [];
	for (const e of document.querySelectorAll("main p, main li, main dd")) {
		const words = e.innerText.trim();
		if (words.length < 120 || !e.checkVisibility({opacityProperty: true, visibilityProperty: true})) continue;
		if ([...e.childNodes].every(n => n.nodeType !== Node.TEXT_NODE || !n.textContent.trim())) continue;
		const style = getComputedStyle(e), range = document.createRange();
		range.selectNodeContents(e);
		const lines = new Set([...range.getClientRects()].map(r => Math.round(r.bottom / 4))).size;
		const size = parseFloat(style.fontSize);
		const width = e.getBoundingClientRect().width;
		if (lines > 0 && width / size > 58 && words.length / lines > 100) found.push(Math.round(words.length / lines) + " characters a line: " + words.slice(0, 80));
	}
	return found;
})()`

// unfocused lists what can be reached by the keyboard and does not show that it was. A key has been pressed before.
const unfocused = `(() => {
	const found = [];
	for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")) {
		if (e.disabled || !e.checkVisibility({visibilityProperty: true})) continue;
		e.focus();
		if (document.activeElement !== e) continue;
		const {outlineStyle, outlineWidth, outlineColor} = getComputedStyle(e);
		if (outlineStyle === "none" || parseFloat(outlineWidth) < 2 || / 0\)$/.test(outlineColor)) found.push(e.outerHTML.slice(0, 160));
	}
	document.activeElement?.blur();
	return found;
})()`

// TestEveryPageFits measures every page from a phone to a wide screen: nothing sticks out or is stretched, what is pressed is as large as a
// fingertip, no line is too long to be read, and who goes by keyboard sees where they are.
func TestEveryPageFits(t *testing.T) {
	pages := tour(t)
	b := newTab(t)
	for _, v := range pages {
		t.Run(v.name, func(t *testing.T) {
			b := &tab{t, b.ctx}
			b.open(v)
			b.openAll()
			for _, l := range []look{{390, 844, false}, {320, 640, false}, {720, 1000, false}, {768, 1024, false}, {1440, 900, false}, {2560, 1440, false}} {
				b.see(l)
				tell := func(what, expression string) {
					if found := eval[[]string](b, expression); len(found) > 0 {
						t.Errorf("%v: %s:\n\t%s", l, what, strings.Join(found, "\n\t"))
					}
				}
				tell("sticks out", overflowing)
				tell("is stretched", distorted)
				tell("runs into what is beside it", crowded)
				if l.width <= 390 {
					tell("too small for a finger", smallTargets)
				} else {
					tell("too long to be read", longLines)
				}
				if l.width == 1440 {
					b.do(chromedp.KeyEvent(kb.Tab))
					tell("does not show that it has the focus", unfocused)
				}
			}
		})
	}
}

// TestWhatDoesNotFitIsFound plants each fault, so that a measure that sees nothing is noticed.
func TestWhatDoesNotFitIsFound(t *testing.T) {
	w := inhabited(t)
	b := newTab(t)
	for name, planted := range map[string]struct{ damage, measure string }{
		"a wide part": {`document.querySelector(".sheet").style.width = "500px"`, overflowing},
		"a stretched drawing": {`(() => {
			const c = document.querySelector("main").appendChild(document.createElement("canvas"));
			c.style.cssText = "width: 300px; height: 300px";
		})()`, distorted},
		"crowded controls": {`(() => {
			const controls = document.querySelector("main").appendChild(document.createElement("div"));
			controls.className = "controls";
			const [part, content] = [document.createElement("div"), document.createElement("div")];
			controls.append(part);
			part.append(content);
			part.style.width = "40px";
			content.style.width = "90px";
			content.textContent = "wide";
		})()`, crowded},
		"a small button":    {`document.querySelector("button.primary").style.cssText = "min-height: 30px"`, smallTargets},
		"a link of its own": {`document.querySelector("form").insertAdjacentHTML("beforeend", "<div><a href='/'>small</a></div>")`, smallTargets},
		"a long line": {`(() => {
			const p = document.createElement("p");
			p.textContent = "many words ".repeat(30);
			p.style.width = "2000px";
			document.querySelector("main").replaceChildren(p);
		})()`, longLines},
		"an invisible focus":  {`document.querySelector("button.primary").style.outline = "none"`, unfocused},
		"a transparent focus": {`document.querySelector("button.primary").style.outlineColor = "rgba(0, 0, 0, 0)"`, unfocused},
	} {
		b.open(visit{name, w, "", "/login", nil})
		b.see(looks[3])
		b.do(chromedp.KeyEvent(kb.Tab))
		if found := eval[[]string](b, planted.measure); len(found) > 0 {
			t.Fatalf("%s: before anything is planted: %v", name, found)
		}
		b.do(chromedp.Evaluate[chromedp.Void](`void (` + planted.damage + `)`))
		if found := eval[[]string](b, planted.measure); len(found) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}
