package onviftest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"strings"
)

// query is a request as the camera reads it.
type query struct {
	operation     string
	path          string
	authorization string
	token         token
	parameters    string            // of the subscription, from the header
	values        map[string]string // text of elements in the body, by local name
	gone          <-chan struct{}
}

// token is a username token.
type token struct{ username, digest, nonce, created string }

// readQuery reads a request.
func readQuery(body []byte) (*query, error) {
	q := &query{values: map[string]string{}}
	d := xml.NewDecoder(bytes.NewReader(body))
	var open []string
	for {
		t, err := d.Token()
		if err != nil {
			break
		}
		switch t := t.(type) {
		case xml.StartElement:
			open = append(open, t.Name.Local)
			if len(open) == 3 && open[1] == "Body" {
				q.operation = t.Name.Local
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 0 {
				continue
			}
			q.take(open[len(open)-1], len(open) > 1 && open[1] == "Body", strings.TrimSpace(string(t)))
		}
	}
	if q.operation == "" {
		return nil, errors.New("no operation")
	}
	return q, nil
}

func (q *query) take(name string, body bool, text string) {
	switch {
	case body:
		q.values[name] += text
	case name == "Username":
		q.token.username += text
	case name == "Password":
		q.token.digest += text
	case name == "Nonce":
		q.token.nonce += text
	case name == "Created":
		q.token.created += text
	case name == "SubscriptionId":
		q.parameters += text
	}
}
