package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAPanicTellsNoPassword has a handler panic with the complete request in scope.
func TestAPanicTellsNoPassword(t *testing.T) {
	w := inhabited(t)
	const secret = "C4nary in a panic"
	w.server.handler = w.server.middleware.wrap(w.server.admission.serve(route{method: "POST", path: "/x", policy: public, handle: func(_ http.ResponseWriter, r *http.Request) error {
		panic([]any{credentials{Username: "alice", Password: secret, Code: secret, TOTP: secret}, r.Method})
	}}))
	r := httptest.NewRequest("POST", "/x", strings.NewReader("password="+secret))
	r.Host, r.RemoteAddr = "localhost", "127.0.0.1:1"
	r.AddCookie(&http.Cookie{Name: cookieName(false), Value: w.sessions["alice"]})
	rec := httptest.NewRecorder()
	w.server.handler.ServeHTTP(rec, r)
	if rec.Code != http.StatusInternalServerError || !strings.Contains(w.log.String(), "panic while answering") {
		t.Fatalf("status %d: %s", rec.Code, w.log.String())
	}
	for _, s := range []string{secret, w.sessions["alice"]} {
		if strings.Contains(rec.Body.String(), s) || strings.Contains(w.log.String(), s) {
			t.Errorf("the panic tells %q:\n%s\n%s", s, rec.Body, w.log.String())
		}
	}
}
