package web

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"keepwatch.internal/internal/browsertest"
)

// tab is one page of a real browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// newTab starts Chromium with additional flags.
func newTab(t *testing.T, flags ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.WindowSize(1440, 900))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), append(options, flags...)...)
	ctx, stop := chromedp.NewContext(alloc)
	t.Cleanup(func() { stop(); stopAlloc() })
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // unbounded: it starts the browser
		t.Fatal(err)
	}
	return &tab{t, ctx}
}

// stepTimeout bounds each step in the browser.
const stepTimeout = 20 * time.Second

// do runs steps.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, stepTimeout)
	defer stop()
	for i, step := range steps {
		if err := chromedp.Do(ctx, step); err != nil {
			b.t.Fatalf("step %d of %d: %v; the page says %q", i+1, len(steps), err, eval[string](b, `location.pathname + " " + document.body.innerText`))
		}
	}
}

// eval returns the value of an expression in the page, and awaits a promise.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.ctx, stepTimeout)
	defer stop()
	v, err := browsertest.Value[T](ctx, expression, chromedp.EvalAwaitPromise)
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// signIn sets a session cookie in the browser.
func (b *tab) signIn(w *world, name string) {
	b.t.Helper()
	b.do(chromedp.Navigate(w.http.URL+"/login"), chromedp.SendKeys(`input[name=username]`, name),
		chromedp.SendKeys(`input[name=password]`, password), chromedp.Submit(`input[name=password]`), chromedp.WaitVisible(`.top`))
}
