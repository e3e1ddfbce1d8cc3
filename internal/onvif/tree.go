package onvif

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

const (
	maxBody  = 1 << 20 // bytes of a response
	maxDepth = 48      // elements within elements
	maxNodes = 20_000  // elements of a response
	maxText  = 4096    // bytes of the text of an element, or of an attribute
)

// node is an element. Names are local names: cameras choose prefixes as they like.
type node struct {
	name  string
	space string // the namespace, or an undeclared prefix
	attrs []xml.Attr
	text  string
	kids  []*node
}

// parse reads XML within bounds. It reads no document type and no external entity (encoding/xml knows none), any declared
// character set as UTF-8, and replaces bytes that are not UTF-8. What follows the first element is ignored.
func parse(body []byte) (*node, error) {
	if len(body) > maxBody {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrUnreadable, maxBody)
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.ToValidUTF8(body, []byte("\uFFFD"))))
	d.Strict = false
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	root := &node{}
	open := []*node{root}
	for count := 0; ; {
		token, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		top := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if count++; count > maxNodes || len(open) > maxDepth {
				return nil, fmt.Errorf("%w: too many or too deep elements", ErrUnreadable)
			}
			n := &node{name: t.Name.Local, space: t.Name.Space, attrs: shorten(t.Attr)}
			top.kids = append(top.kids, n)
			open = append(open, n)
		case xml.EndElement:
			if open = open[:len(open)-1]; len(open) == 1 {
				return root.kids[0], nil
			}
		case xml.CharData:
			if room := maxText - len(top.text); room > 0 && len(open) > 1 {
				top.text += string(t[:min(room, len(t))])
			}
		}
	}
}

// shorten copies attributes and bounds their values.
func shorten(attrs []xml.Attr) []xml.Attr {
	kept := make([]xml.Attr, 0, len(attrs))
	for _, a := range attrs {
		a.Value = a.Value[:min(len(a.Value), maxText)]
		kept = append(kept, a)
	}
	return kept
}

// first returns the first element at the path of local names, or nil. A nil node has no elements.
func (n *node) first(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		next := (*node)(nil)
		for _, k := range n.kids {
			if k.name == name {
				next = k
				break
			}
		}
		n = next
	}
	return n
}

// all returns the elements with the local name directly below.
func (n *node) all(name string) []*node {
	var found []*node
	if n != nil {
		for _, k := range n.kids {
			if k.name == name {
				found = append(found, k)
			}
		}
	}
	return found
}

// deep returns the first element with the local name anywhere below, or nil.
func (n *node) deep(name string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
		if found := k.deep(name); found != nil {
			return found
		}
	}
	return nil
}

// value returns the text at the path, without white space around it.
func (n *node) value(path ...string) string {
	if n = n.first(path...); n == nil {
		return ""
	}
	return strings.TrimSpace(n.text)
}

// attr returns the value of the attribute with the local name.
func (n *node) attr(name string) string {
	if n != nil {
		for _, a := range n.attrs {
			if a.Name.Local == name {
				return strings.TrimSpace(a.Value)
			}
		}
	}
	return ""
}

// write appends the element as XML that means the same, whatever prefixes it came with. Extra is written into its start tag.
func (n *node) write(b *strings.Builder, extra string) {
	b.WriteString("<" + n.name)
	if n.space != "" {
		b.WriteString(` xmlns="` + escape(n.space) + `"`)
	}
	for i, a := range n.attrs {
		switch {
		case a.Name.Space == "xmlns" || a.Name.Local == "xmlns":
		case a.Name.Space == "":
			b.WriteString(" " + a.Name.Local + `="` + escape(a.Value) + `"`)
		default:
			fmt.Fprintf(b, ` xmlns:a%d="%s" a%d:%s="%s"`, i, escape(a.Name.Space), i, a.Name.Local, escape(a.Value))
		}
	}
	b.WriteString(extra + ">" + escape(n.text))
	for _, k := range n.kids {
		k.write(b, "")
	}
	b.WriteString("</" + n.name + ">")
}

// escape makes text safe inside elements and attributes.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}
