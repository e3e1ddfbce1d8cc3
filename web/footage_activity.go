package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"keepwatch.internal/internal/access"
	"keepwatch.internal/storage"
)

// activityJSON is the answer of activity: how much movement there was in each step of the span.
type activityJSON struct {
	From        time.Time `json:"from"`
	To          time.Time `json:"to"`
	StepSeconds int       `json:"step_seconds"`
	Rates       []*int64  `json:"rates"` // bytes a second above the quietest moment around then; null without footage
}

// activity answers GET /api/v1/cameras/{id}/activity.
func (a *footageAPI) activity(w http.ResponseWriter, r *http.Request, p access.Permit) error {
	q, err := query(r)
	if err != nil {
		return err
	}
	span, quality, err := spanOfStream(q, storage.MaxActivity)
	if err != nil {
		return err
	}
	step, err := stepParameter(q, span)
	if err != nil {
		return err
	}
	found, err := a.store.Activity(r.Context(), p, quality, span, step)
	if err != nil {
		return err
	}
	out := activityJSON{From: span.From.UTC(), To: span.To.UTC(), StepSeconds: int(step / time.Second), Rates: make([]*int64, len(found.Rates))}
	for i := range found.Rates {
		if found.Rates[i] != storage.NoFootage {
			out.Rates[i] = &found.Rates[i]
		}
	}
	return writeJSON(w, r, http.StatusOK, out)
}

// usualSteps is the default number of steps: about the pixels of a timeline.
const usualSteps = 1440

// stepParameter reads step, in seconds. The default is a round length that makes at most usualSteps.
func stepParameter(q url.Values, span storage.Span) (time.Duration, error) {
	text, err := parameter(q, "step")
	if err != nil {
		return 0, err
	}
	length := span.To.Sub(span.From)
	if text == "" {
		for _, seconds := range []time.Duration{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900} {
			if length <= seconds*time.Second*usualSteps {
				return seconds * time.Second, nil
			}
		}
		return 30 * time.Minute, nil
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < int(storage.MinActivityStep/time.Second) || seconds > int(storage.MaxActivity/time.Second) {
		return 0, problem(http.StatusBadRequest, "The parameter step must be a whole number of seconds.")
	}
	step := time.Duration(seconds) * time.Second
	if length > step*storage.MaxActivitySteps {
		return 0, problem(http.StatusBadRequest, fmt.Sprintf("Too many steps: the limit is %d. Request longer steps or a shorter span.", storage.MaxActivitySteps))
	}
	return step, nil
}
