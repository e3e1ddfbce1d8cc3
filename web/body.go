package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// readJSON reads the request's body into v: one JSON object without unknown fields, and nothing after it.
func readJSON(r *http.Request, v any) error {
	if err := requireType(r, "application/json"); err != nil {
		return err
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return problem(http.StatusBadRequest, "The body is not the expected JSON object: "+jsonMistake(err)+".")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problem(http.StatusBadRequest, "The body continues after the JSON object.")
	}
	return nil
}

// jsonMistake says what is wrong without repeating the body, which may hold a password.
func jsonMistake(err error) string {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && e.Field != "" {
		return fmt.Sprintf("%s has the wrong type", e.Field)
	}
	if strings.Contains(err.Error(), "unknown field") {
		return "it has an unknown field"
	}
	return "it cannot be parsed"
}

func requireType(r *http.Request, want string) error {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || got != want {
		return problem(http.StatusUnsupportedMediaType, "The body's type must be "+want+".")
	}
	return nil
}

// readForm reads the request's form.
func readForm(r *http.Request) (url.Values, error) {
	if err := requireType(r, "application/x-www-form-urlencoded"); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, problem(http.StatusBadRequest, "The form cannot be parsed.")
	}
	return form, nil
}
