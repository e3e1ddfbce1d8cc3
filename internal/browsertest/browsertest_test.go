package browsertest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/browsertest"
)

// browser starts Chromium on the page of a server.
func browser(t *testing.T, h http.HandlerFunc) context.Context {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU)...)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() { stop(); stopAlloc() })
	if err := chromedp.Do(ctx, chromedp.Navigate(srv.URL+"/page")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

func TestAValueIsReadWhileTheBrowserLeavesThePage(t *testing.T) {
	ctx := browser(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><p>page</p>`)
	})
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	for n := range 40 {
		leave := chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`void setTimeout(() => location.reload(), %d)`, n%7))
		if err := chromedp.Do(ctx, leave); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			const slow = `new Promise((done) => setTimeout(() => done(location.pathname), 3))`
			if path, err := browsertest.Value[string](ctx, slow, chromedp.EvalAwaitPromise); err != nil || path != "/page" {
				t.Fatalf("%q, %v", path, err)
			}
		}
	}
}

// The server sends the file slowly, so that the browser has its name long before its bytes.
func TestADownloadIsWholeWhenItIsGivenOut(t *testing.T) {
	const parts, part = 20, "0123456789"
	ctx := browser(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page" {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><a href="/file" download>save</a>`)
			return
		}
		w.Header().Set("Content-Disposition", `attachment; filename="a.txt"`)
		for range parts {
			fmt.Fprint(w, part)
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			<-time.After(10 * time.Millisecond)
		}
	})
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	d := browsertest.Save(t, ctx)
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`void document.querySelector("a").click()`)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(d.Next("a.txt", 20*time.Second))
	if err != nil || string(b) != strings.Repeat(part, parts) {
		t.Errorf("%d bytes of %d, %v", len(b), parts*len(part), err)
	}
}
