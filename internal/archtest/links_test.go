package archtest

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

var pageLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// linksLead checks that the links between pages, and to pictures, lead to something that is there.
func linksLead(t *tree) []finding {
	var found []finding
	for _, folder := range []string{".", "docs", "docs/decisions"} {
		pages, err := fs.Glob(t.fsys, path.Join(folder, "*.md"))
		if err != nil {
			return []finding{{folder, err.Error(), "mend the folder"}}
		}
		for _, page := range pages {
			found = append(found, t.linksOf(page)...)
		}
	}
	return found
}

// linksOf checks the links of one page. Links to other hosts are not followed.
func (t *tree) linksOf(page string) []finding {
	text, err := fs.ReadFile(t.fsys, page)
	if err != nil {
		return []finding{{page, err.Error(), "make it readable"}}
	}
	var found []finding
	line := 0
	for row := range strings.Lines(string(text)) {
		line++
		for _, m := range pageLink.FindAllStringSubmatch(row, -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, "://") {
				continue
			}
			if _, err := fs.Stat(t.fsys, path.Join(path.Dir(page), target)); err != nil {
				found = append(found, finding{fmt.Sprintf("%s:%d", page, line), target + " is not there", "correct the link, or add what it names"})
			}
		}
	}
	return found
}

func linkBreaches() []breach {
	const rule = "links between pages lead somewhere"
	return []breach{
		{"a page that is not there", rule, map[string]string{"docs/b.md": "See [home](../README.md#top), [there](https://example.com/x)\nand [the attic](attic.md).\n"},
			[]string{"docs/b.md:2", "attic.md is not there"}},
		{"a picture that is not there", rule, map[string]string{"README.md": houseReadme + "![live](docs/img/live.png)\n"}, []string{"docs/img/live.png"}},
	}
}
