package outbound_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"keepwatch.internal/internal/outbound"
)

func TestHTTPReachesAnyPortOfANamedHostAndNoOther(t *testing.T) {
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served++
		http.Redirect(w, &http.Request{}, "http://127.0.0.9:9/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	d := outbound.New(outbound.Options{Places: []outbound.Place{{Camera: "door", Address: "127.0.0.1"}}})
	h := outbound.NewHTTP(d.ForCamera("door").Dial, nil)
	defer h.Close()
	get := func(url string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := h.RoundTrip(r)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		return resp, err
	}
	if resp, err := get(server.URL); err != nil || resp.StatusCode != http.StatusFound || served != 1 {
		t.Fatalf("%v, %v, served %d", resp, err, served)
	}
	for _, url := range []string{"http://127.0.0.2:" + port, "http://localhost:" + port, "https://127.0.0.1:" + port} {
		_, err := get(url)
		if _, ok := errors.AsType[*outbound.RefusedError](err); !ok {
			t.Errorf("%s: %v", url, err)
		}
	}
	if _, err := d.ForCamera("door").Dial(t.Context(), "rtsp", "127.0.0.1:"+port); err == nil {
		t.Error("RTSP reaches a port that the configuration does not name")
	}
	if _, err := d.ForCamera("yard").Dial(context.Background(), "http", "127.0.0.1:"+port); err == nil {
		t.Error("another camera's dialer reaches the host")
	}
	row := rowOf(d, "127.0.0.1:"+port, "http")
	if served != 1 || row.Count != 1 || row.Sent == 0 || row.Received == 0 || !strings.HasPrefix(row.Remote, "127.0.0.1:") {
		t.Errorf("served %d: %+v", served, d.Connections())
	}
}

// rowOf returns the first row of an address.
func rowOf(d *outbound.Dialer, address, protocol string) outbound.Connection {
	for _, c := range d.Connections() {
		if c.Address == address && c.Protocol == protocol && c.Refused == 0 {
			return c
		}
	}
	return outbound.Connection{}
}
