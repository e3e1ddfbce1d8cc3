package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestOfAThousandWhoSetUpAtOnceOneWinsAndNobodyTakesOver lets the owner, who has the code and sends it from several tabs,
// and a crowd that guesses it race for the first account.
func TestOfAThousandWhoSetUpAtOnceOneWinsAndNobodyTakesOver(t *testing.T) {
	w := empty(t)
	code, _, err := w.accounts.SetupCode(t.Context())
	check(t, err)
	const all = 1000
	statuses := make([]int, all)
	begin := make(chan struct{})
	var crowd sync.WaitGroup
	for i := range all {
		typed, name := fmt.Sprintf("AAAA-%04d-AAAA", i), fmt.Sprintf("thief%d", i)
		if i%50 == 0 {
			typed, name = code, fmt.Sprintf("owner%d", i)
		}
		r := httptest.NewRequest("POST", "/api/v1/setup", strings.NewReader(`{"code":"`+typed+`","username":"`+name+`","password":"`+password+`"}`))
		r.Host, r.RemoteAddr = "localhost", fmt.Sprintf("10.0.%d.%d:1", i/250, i%250)
		r.Header.Set("Content-Type", "application/json")
		crowd.Go(func() {
			<-begin
			rec := httptest.NewRecorder()
			w.server.Handler().ServeHTTP(rec, r)
			statuses[i] = rec.Code
		})
	}
	close(begin)
	crowd.Wait()
	won := 0
	for i, status := range statuses {
		switch {
		case status == http.StatusOK && i%50 == 0:
			won++
		case status != http.StatusForbidden && status != http.StatusConflict && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable:
			t.Errorf("attempt %d: status %d", i, status)
		}
	}
	users, err := w.accounts.Users(t.Context())
	check(t, err)
	if won != 1 || len(users) != 1 || !users[0].Admin || !strings.HasPrefix(users[0].Name, "owner") {
		t.Errorf("%d won; the accounts are %+v", won, users)
	}
}
