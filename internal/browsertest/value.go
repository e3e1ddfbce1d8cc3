package browsertest

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/chromedp"
)

// left are the messages of a browser that has left the page in which something was being evaluated.
var left = [...]string{"Inspected target navigated or closed", "Execution context was destroyed", "Cannot find context with specified id"}

// Value returns the value of an expression, which must change nothing, in the page of a chromedp context. If the browser is just
// leaving the page for another one, that one is asked. It gives up when ctx ends.
func Value[T any](ctx context.Context, expression string, options ...chromedp.EvaluateOption) (T, error) {
	for {
		v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
		if !hasLeft(err) {
			return v, err
		}
		select {
		case <-ctx.Done():
			return v, err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// hasLeft reports whether an error says that the browser has left the page.
func hasLeft(err error) bool {
	refusal, ok := errors.AsType[*cdproto.Error](err)
	if !ok {
		return false
	}
	for _, text := range left {
		if strings.Contains(refusal.Message, text) {
			return true
		}
	}
	return false
}
