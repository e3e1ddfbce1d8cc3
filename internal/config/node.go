package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

type node = yaml.Node

// input is a file to be parsed.
type input struct {
	path    string
	dir     string // relative paths are taken from here
	content []byte
	env     func(string) (string, bool)
}

// reader walks the tree of a file and collects mistakes.
type reader struct {
	input
	lines    []string
	mistakes []Mistake
}

// parse returns the configuration or an *Error with all mistakes.
func parse(s input) (*Config, error) {
	r := &reader{input: s, lines: strings.Split(string(s.content), "\n")}
	c := defaultConfig()
	var document node
	if err := yaml.Load(s.content, &document); err != nil {
		r.syntax(err)
	} else {
		r.root(document.Content[0], c)
	}
	if len(r.mistakes) == 0 {
		return c, nil
	}
	slices.SortStableFunc(r.mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return nil, &Error{Path: s.path, Mistakes: r.mistakes}
}

func (r *reader) mistake(n *node, text, hint string) { r.mistakeAt(n.Line, n.Column, text, hint) }

func (r *reader) mistakeAt(line, column int, text, hint string) {
	m := Mistake{Line: line, Column: column, Text: text, Hint: hint}
	if line >= 1 && line <= len(r.lines) {
		m.Excerpt = excerpt(r.lines[line-1])
	}
	r.mistakes = append(r.mistakes, m)
}

var (
	loginKey = regexp.MustCompile(`(?i)pass|user|login|credential`)
	quoted   = regexp.MustCompile(`'[^']*'`)
)

// syntax notes what the YAML parser says, without the longer texts that it quotes, since those might be secrets.
func (r *reader) syntax(err error) {
	e, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
		r.mistakeAt(0, 0, "the file cannot be read as YAML", "")
		return
	}
	line, column := e.Mark.Line, max(e.Mark.Column, 1)
	message := quoted.ReplaceAllStringFunc(e.Message, func(q string) string {
		if len(q) > 3 {
			return "'…'"
		}
		return q
	})
	hint := ""
	switch {
	case strings.Contains(message, "unexpected end of stream") && e.ContextMark.Line > 0:
		line, column = e.ContextMark.Line, max(e.ContextMark.Column, 1)
		message = "a quote is opened here and not closed"
	case strings.Contains(message, "no documents"):
		message, hint = "the file is empty", "copy config.example.yaml and change it"
	case strings.Contains(message, "multiple"):
		message = "the file has several documents, separated by ---: only one is allowed"
	case strings.Contains(message, "cannot start any token") && strings.Contains(r.indent(line), "\t"):
		message, hint = "a tab", "YAML is indented with spaces"
	case strings.Contains(message, "cannot start any token"), strings.Contains(message, "unknown anchor"):
		hint = "put values that begin with % @ ` & or * in quotes"
	case strings.Contains(message, "mapping values are not allowed"):
		hint = "check the indentation, or put a value that contains `: ` in quotes"
	case strings.Contains(message, "expected ','"):
		hint = "within { } and [ ], put values that contain { } [ ] or , in quotes, such as ${NAME}"
	case strings.Contains(message, "did not find expected key"), strings.Contains(message, "could not find expected ':'"):
		hint = "check the indentation and that each key ends with a colon"
	}
	r.mistakeAt(line, column, "not YAML: "+message, hint)
}

func (r *reader) indent(line int) string {
	if line < 1 || line > len(r.lines) {
		return ""
	}
	s := r.lines[line-1]
	return s[:len(s)-len(strings.TrimLeft(s, " \t"))]
}

// field reads the value of one key.
type field func(value *node)

// mapping calls the field of each key. Unknown and duplicate keys are mistakes.
func (r *reader) mapping(n *node, what string, fields map[string]field) {
	known := slices.Sorted(maps.Keys(fields))
	r.pairs(n, what, func(key, value *node) {
		read, ok := fields[key.Value]
		if !ok {
			hint := suggest(key.Value, known)
			switch {
			case hint != "":
			case loginKey.MatchString(key.Value):
				hint = "put name and password into the address: rtsp://user:${NAME}@host/path"
			default:
				hint = "the keys of " + what + " are " + strings.Join(known, ", ")
			}
			r.mistake(key, fmt.Sprintf("unknown key %s in %s", quoteKey(key.Value), what), hint)
			return
		}
		read(value)
	})
}

// pairs calls f for each key and value of a mapping, in the order of the file. An empty value is an empty mapping.
func (r *reader) pairs(n *node, what string, f func(key, value *node)) {
	n = resolve(n)
	if n.ShortTag() == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.mistake(n, what+" must be a mapping, `key: value`", "")
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch line, twice := seen[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			r.mistake(key, "a key must be a word", "")
		case key.ShortTag() == "!!merge":
			r.mistake(key, "merge keys (<<) are not supported", "put the keys that cameras share under `defaults:`")
		case twice:
			r.mistake(key, fmt.Sprintf("%s is here twice", quoteKey(key.Value)), fmt.Sprintf("the first is on line %d", line))
		default:
			seen[key.Value] = key.Line
			f(key, value)
		}
	}
}

func resolve(n *node) *node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// rawText returns a string as it is written, variables and all.
func (r *reader) rawText(n *node) (string, bool) {
	n = resolve(n)
	switch {
	case n.ShortTag() == "!!null":
		r.mistake(n, "a value is missing", "")
	case n.Kind != yaml.ScalarNode:
		r.mistake(n, "this must be text", "")
	case n.ShortTag() != "!!str":
		r.mistake(n, "this must be text, not a "+typeName(n), "put it in quotes")
	case strings.TrimSpace(n.Value) == "":
		r.mistake(n, "a value is missing", "")
	default:
		return n.Value, true
	}
	return "", false
}

func typeName(n *node) string {
	switch n.ShortTag() {
	case "!!int", "!!float":
		return "number"
	case "!!bool":
		return "truth value"
	case "!!timestamp":
		return "date"
	default:
		return "value of another type"
	}
}

// text returns a string with its variables replaced.
func (r *reader) text(n *node) (string, bool) {
	raw, ok := r.rawText(n)
	if !ok {
		return "", false
	}
	return r.expand(n, raw)
}

// word returns a scalar of any type as text, for values that have a syntax of their own.
func (r *reader) word(n *node) (string, bool) {
	n = resolve(n)
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" && n.Value != "" {
		return r.expand(n, n.Value)
	}
	return r.text(n)
}

// number returns an integer. A quoted one is text, unless it comes from a variable.
func (r *reader) number(n *node, low, high int) (int, bool) {
	n = resolve(n)
	s, ok := n.Value, true
	if strings.Contains(s, "${") {
		s, ok = r.text(n)
	} else if n.ShortTag() != "!!int" {
		r.mistake(n, fmt.Sprintf("this must be a whole number from %d to %d", low, high), "")
		return 0, false
	}
	if !ok {
		return 0, false
	}
	v, err := strconv.Atoi(strings.ReplaceAll(s, "_", ""))
	if err != nil || v < low || v > high {
		r.mistake(n, fmt.Sprintf("this must be a whole number from %d to %d", low, high), "")
		return 0, false
	}
	return v, true
}

// boolean returns true or false.
func (r *reader) boolean(n *node) (value, ok bool) {
	n = resolve(n)
	s, ok := n.Value, true
	if strings.Contains(s, "${") {
		s, ok = r.text(n)
	} else if n.Kind != yaml.ScalarNode || n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		s = ""
	}
	switch {
	case !ok:
		return false, false
	case s == "true", s == "false":
		return s == "true", true
	}
	hint := ""
	switch strings.ToLower(n.Value) {
	case "yes", "on", "true", "y", "1":
		hint = "write true"
	case "no", "off", "false", "n", "0":
		hint = "write false"
	}
	r.mistake(n, "this must be true or false", hint)
	return false, false
}

// list calls f for each element of a list. A single value is a mistake.
func (r *reader) list(n *node, what string, f func(*node)) {
	n = resolve(n)
	switch {
	case n.ShortTag() == "!!null":
	case n.Kind != yaml.SequenceNode:
		hint := ""
		if n.Kind == yaml.ScalarNode && quote(n.Value) != "this" {
			hint = "write [" + n.Value + "]"
		}
		r.mistake(n, what+" must be a list", hint)
	default:
		for _, element := range n.Content {
			f(element)
		}
	}
}

// choice returns one of the known words.
func (r *reader) choice(n *node, known ...string) (string, bool) {
	s, ok := r.word(n)
	if !ok {
		return "", false
	}
	if !slices.Contains(known, s) {
		r.mistake(n, fmt.Sprintf("%s is not one of %s", quote(resolve(n).Value), strings.Join(known, ", ")), suggest(resolve(n).Value, known))
		return "", false
	}
	return s, true
}
