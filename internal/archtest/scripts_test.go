package archtest

import (
	"fmt"
	"regexp"
	"strings"
)

// browserCode is the folder of the scripts that pages load.
const browserCode = "web/static/"

var (
	moduleVariable = regexp.MustCompile(`(?m)^(?:export )?(?:let|var) +(\w+)`)
	classOfModule  = regexp.MustCompile(`(?m)^(?:export )?(?:default )?class +(\w+)`)
)

// statelessScripts finds variables that live as long as a module: what changes belongs to an object that somebody made.
func statelessScripts(t *tree) []finding {
	var found []finding
	for _, s := range scripts(t) {
		for _, m := range moduleVariable.FindAllStringSubmatch(s.text, -1) {
			found = append(found, finding{s.path, m[1] + " is a variable of the module", "make it a field of a class, and what never changes a const"})
		}
	}
	return found
}

// ownClassNames finds classes that share a name, as two kinds of tile would.
func ownClassNames(t *tree) []finding {
	var found []finding
	first := map[string]string{}
	for _, s := range scripts(t) {
		for _, m := range classOfModule.FindAllStringSubmatch(s.text, -1) {
			if other, ok := first[m[1]]; ok {
				found = append(found, finding{s.path, fmt.Sprintf("class %s is one of %s too", m[1], other), "name each after what it is for"})
			}
			first[m[1]] = s.path
		}
	}
	return found
}

// scripts returns the modules that browsers load.
func scripts(t *tree) []*source {
	var list []*source
	for _, s := range t.others {
		if strings.HasPrefix(s.path, browserCode) && strings.HasSuffix(s.path, ".js") {
			list = append(list, s)
		}
	}
	return list
}
