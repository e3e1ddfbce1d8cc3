package web

import (
	"encoding/json"
	"fmt"
	"math"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"keepwatch.internal/internal/media"
)

// description is openapi.yaml. Every response from world.do is checked against it.
type description struct {
	root map[string]any
	mux  *http.ServeMux // finds the path of a request

	mu   sync.Mutex
	seen map[string]bool // "GET /path 200"
}

var readDescription = sync.OnceValues(func() (root map[string]any, err error) {
	b, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	return root, yaml.Unmarshal(b, &root)
})

func loadDescription(t testing.TB) *description {
	t.Helper()
	root, err := readDescription()
	check(t, err)
	d := &description{root: root, mux: http.NewServeMux(), seen: map[string]bool{}}
	for path := range d.paths() {
		d.mux.Handle(path, http.NotFoundHandler())
	}
	return d
}

func (d *description) paths() map[string]any { return d.root["paths"].(map[string]any) }

// operation returns the description of a method on a path; HEAD is GET.
func (d *description) operation(method, path string) map[string]any {
	if method == "HEAD" {
		method = "GET"
	}
	item, _ := d.paths()[path].(map[string]any)
	op, _ := item[strings.ToLower(method)].(map[string]any)
	return op
}

// resolve follows $ref.
func (d *description) resolve(v any) map[string]any {
	m, _ := v.(map[string]any)
	ref, ok := m["$ref"].(string)
	if !ok {
		return m
	}
	var at any = d.root
	for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(map[string]any)[step]
	}
	return d.resolve(at)
}

// beforeRoutes lists the statuses of the middleware, which the description has once for all operations.
var beforeRoutes = [...]int{http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusMisdirectedRequest}

// mistake returns how a response differs from the description, or "".
func (d *description) mistake(resp *http.Response, body []byte) string {
	_, path := d.mux.Handler(resp.Request)
	if path == "" {
		return ""
	}
	name := fmt.Sprintf("%s %s %d", resp.Request.Method, path, resp.StatusCode)
	op := d.operation(resp.Request.Method, path)
	responses, _ := op["responses"].(map[string]any)
	said, described := responses[fmt.Sprint(resp.StatusCode)]
	if !described {
		if slices.Contains(beforeRoutes[:], resp.StatusCode) {
			said = map[string]any{"$ref": "#/components/responses/Problem"}
		} else {
			return name + " is not described"
		}
	}
	d.mu.Lock()
	d.seen[name] = true
	d.mu.Unlock()
	content, _ := d.resolve(said)["content"].(map[string]any)
	if resp.Request.Method == "HEAD" || len(content) == 0 {
		if len(body) > 0 {
			return name + " has a body"
		}
		return ""
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	form, ok := content[kind]
	if err != nil || !ok {
		return fmt.Sprintf("%s has the type %q", name, resp.Header.Get("Content-Type"))
	}
	if !strings.HasSuffix(kind, "json") {
		return ""
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return name + ": " + err.Error()
	}
	if wrong := d.violates(v, d.resolve(form)["schema"], "body"); wrong != "" {
		return name + ": " + wrong
	}
	return ""
}

// violates returns where a value violates a schema, or "". It supports only the keywords in openapi.yaml.
func (d *description) violates(v, form any, at string) string {
	schema := d.resolve(form)
	for word := range schema {
		if !slices.Contains([]string{"type", "properties", "required", "additionalProperties", "items", "enum", "format", "description", "examples", "default"}, word) {
			return at + ": the schema says " + word + ", which this test does not understand"
		}
	}
	kinds, ok := schema["type"].([]any)
	if !ok {
		kinds = []any{schema["type"]}
	}
	kind := kindOf(v)
	if kind == "integer" && slices.Contains(kinds, any("number")) {
		kind = "number"
	}
	if !slices.Contains(kinds, any(kind)) {
		return fmt.Sprintf("%s is %s, not %v", at, kind, kinds)
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, v) {
		return fmt.Sprintf("%s is %v, not one of %v", at, v, enum)
	}
	switch v := v.(type) {
	case string:
		return badFormat(v, schema["format"], at)
	case []any:
		for i, item := range v {
			if wrong := d.violates(item, schema["items"], fmt.Sprintf("%s[%d]", at, i)); wrong != "" {
				return wrong
			}
		}
	case map[string]any:
		return d.violatesObject(v, schema, at)
	}
	return ""
}

func (d *description) violatesObject(v, schema map[string]any, at string) string {
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			return fmt.Sprintf("%s lacks %v", at, name)
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, value := range v {
		form, ok := properties[name]
		if !ok {
			form = schema["additionalProperties"]
		}
		if _, ok := form.(map[string]any); !ok {
			return at + " has " + name + ", which is not described"
		}
		if wrong := d.violates(value, form, at+"."+name); wrong != "" {
			return wrong
		}
	}
	return ""
}

func badFormat(v string, format any, at string) string {
	switch format {
	case "date-time":
		if _, err := time.Parse(time.RFC3339Nano, v); err != nil || !strings.HasSuffix(v, "Z") {
			return at + " is not a time in UTC: " + v
		}
	case "uuid":
		if _, err := media.ParseRunID(v); err != nil {
			return at + " is no UUID: " + v
		}
	}
	return ""
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case []any:
		return "array"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	}
	return "object"
}

func TestTheDescriptionAndTheRouteTableNameTheSame(t *testing.T) {
	d := loadDescription(t)
	table := map[string]bool{}
	for _, rt := range inhabited(t).server.routes() {
		if !strings.HasPrefix(rt.path, "/api/") && rt.path != "/healthz" && rt.path != "/readyz" && rt.path != "/metrics" {
			continue // pages and their files
		}
		table[rt.method+" "+rt.path] = true
		op := d.operation(rt.method, rt.path)
		if op == nil {
			t.Errorf("%s %s is not described", rt.method, rt.path)
			continue
		}
		open, _ := op["security"].([]any)
		if _, said := op["security"]; (said && len(open) == 0) != (rt.policy == public || rt.policy == setupOnly) {
			t.Errorf("%s %s: the policy is %d, the description says otherwise", rt.method, rt.path, rt.policy)
		}
		responses := op["responses"].(map[string]any)
		if _, missing := responses["404"]; missing != (rt.policy == onCamera || rt.policy == onCameras || rt.policy == administrator || rt.policy == measuring || strings.Contains(rt.path, "{number}")) {
			t.Errorf("%s %s: 404 described: %t", rt.method, rt.path, missing)
		}
	}
	for path, item := range d.paths() {
		for method := range item.(map[string]any) {
			if method != "parameters" && !table[strings.ToUpper(method)+" "+path] {
				t.Errorf("%s %s is described and not there", method, path)
			}
		}
	}
}

// TestEveryDescribedAnswerCanBeHad makes every described request. world.do checks the responses.
func TestEveryDescribedAnswerCanBeHad(t *testing.T) {
	w := filmed(t)
	w.broadcast(w.cameras["front"], media.Main, 1)
	span := w.span(1, 5)
	jsonType := map[string]string{"Content-Type": "application/json"}
	for _, path := range []string{"/healthz", "/readyz", "/api/v1/me", "/api/v1/cameras", "/api/v1/system", "/api/v1/connections", "/api/v1/live", "/api/v1/setup", "/api/v1/session",
		"/api/v1/cameras/front/timeline?" + span, "/api/v1/cameras/front/clip.mp4?" + span, "/api/v1/cameras/front/segments.mp4?" + span,
		"/api/v1/cameras/front/activity?" + span, "/api/v1/cameras/front/activity?step=0&" + span, "/api/v1/cameras/yard/activity?" + span,
		"/api/v1/cameras/front/days", "/api/v1/cameras/front/days?month=x", "/api/v1/cameras/yard/days",
		"/api/v1/cameras/front/keyframe.mp4?at=" + w.start.Add(time.Second).Format(time.RFC3339), "/api/v1/cameras/front/timeline", "/api/v1/cameras/yard/timeline?" + span,
		"/api/v1/cameras/front/live.mp4?stream=x", "/api/v1/cameras/front/clip.mp4?from=x", "/api/v1/cameras/yard/keyframe.mp4?" + span} {
		for _, name := range []string{"", "alice", "root"} {
			for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
				if method == "DELETE" && path == "/api/v1/session" {
					name = ""
				}
				w.do(w.as(name, ask{method: method, path: path, header: jsonType, body: map[string]string{"POST": "{}"}[method]}))
			}
		}
	}
	w.post("/api/v1/session", `{"username":"alice","password":"`+password+`"}`)
	for _, header := range []map[string]string{{"Range": "bytes=0-9"}, {"Range": "bytes=99999999-"}, {"If-Match": `"x"`}} {
		w.do(w.as("alice", ask{path: "/api/v1/cameras/front/clip.mp4?" + span, header: header}))
	}
	for _, want := range []string{"GET /healthz 200", "GET /readyz 200", "GET /api/v1/me 200", "GET /api/v1/me 401", "GET /api/v1/cameras 200", "GET /api/v1/system 200", "GET /api/v1/live 426", "GET /api/v1/connections 200", "GET /api/v1/connections 404",
		"POST /api/v1/setup 409", "POST /api/v1/session 200", "POST /api/v1/session 401", "DELETE /api/v1/session 204", "GET /api/v1/cameras/{id}/timeline 200", "GET /api/v1/cameras/{id}/timeline 400",
		"GET /api/v1/cameras/{id}/timeline 401", "GET /api/v1/cameras/{id}/timeline 404", "GET /api/v1/cameras/{id}/clip.mp4 200", "HEAD /api/v1/cameras/{id}/clip.mp4 200", "GET /api/v1/cameras/{id}/clip.mp4 206",
		"GET /api/v1/cameras/{id}/clip.mp4 412", "GET /api/v1/cameras/{id}/clip.mp4 416", "GET /api/v1/cameras/{id}/segments.mp4 200", "GET /api/v1/cameras/{id}/keyframe.mp4 200", "GET /api/v1/cameras/{id}/keyframe.mp4 404",
		"GET /api/v1/cameras/{id}/activity 200", "GET /api/v1/cameras/{id}/activity 400", "GET /api/v1/cameras/{id}/activity 401", "GET /api/v1/cameras/{id}/activity 404",
		"GET /api/v1/cameras/{id}/days 200", "GET /api/v1/cameras/{id}/days 400", "GET /api/v1/cameras/{id}/days 401", "GET /api/v1/cameras/{id}/days 404",
		"HEAD /api/v1/cameras/{id}/live.mp4 400"} {
		if !w.described.seen[want] {
			t.Errorf("nothing was answered with %s; %d answers were looked at", want, len(w.described.seen))
		}
	}
}

func TestTheDescriptionRejectsWrongAnswers(t *testing.T) {
	d := loadDescription(t)
	gap := map[string]any{"$ref": "#/components/schemas/Gap"}
	right := `{"from":"2026-11-22T13:05:20Z","to":"2026-11-22T13:05:21Z","code":"other","reason":"x"}`
	for body, wrong := range map[string]bool{right: false, strings.Replace(right, `"x"`, "1", 1): true, strings.Replace(right, "20Z", "20+01:00", 1): true,
		strings.Replace(right, `"to"`, `"till"`, 1): true, strings.Replace(right, `"x"`, `"x","y":1`, 1): true, "[]": true, "null": true} {
		var v any
		check(t, json.Unmarshal([]byte(body), &v))
		if got := d.violates(v, gap, "gap"); (got != "") != wrong {
			t.Errorf("%s: %q", body, got)
		}
	}
}
