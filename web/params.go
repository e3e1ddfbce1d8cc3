package web

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"keepwatch.internal/internal/media"
	"keepwatch.internal/storage"
)

// The years accepted in requests. Beyond them arithmetic in microseconds would overflow.
const firstYear, lastYear = 1970, 2200

// parameter returns the value of a query parameter, or "" when it is absent. Giving it twice is an error.
func parameter(q url.Values, name string) (string, error) {
	values := q[name]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0], nil
	}
	return "", problem(http.StatusBadRequest, "The parameter "+name+" is given more than once.")
}

// query parses the query parameters of a request.
func query(r *http.Request) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem(http.StatusBadRequest, "The parameters cannot be parsed.")
	}
	return q, nil
}

// timeParameter reads a time in RFC 3339 format.
func timeParameter(q url.Values, name string) (time.Time, error) {
	v, err := parameter(q, name)
	if err != nil {
		return time.Time{}, err
	}
	if v == "" {
		return time.Time{}, problem(http.StatusBadRequest, "The parameter "+name+" is missing; it must be a time like 2026-11-22T13:05:20Z.")
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return time.Time{}, problem(http.StatusBadRequest, "The parameter "+name+" must be a time like 2026-11-22T13:05:20Z.")
	}
	t = t.UTC()
	if t.Year() < firstYear || t.Year() >= lastYear {
		return time.Time{}, problem(http.StatusBadRequest,
			fmt.Sprintf("The parameter %s is outside the years %d to %d.", name, firstYear, lastYear-1))
	}
	return t, nil
}

// spanParameters reads from and to. The span must not exceed the limit.
func spanParameters(q url.Values, limit time.Duration) (storage.Span, error) {
	from, err := timeParameter(q, "from")
	if err != nil {
		return storage.Span{}, err
	}
	to, err := timeParameter(q, "to")
	if err != nil {
		return storage.Span{}, err
	}
	if !from.Before(to) {
		return storage.Span{}, problem(http.StatusBadRequest, "The span is empty: from must be before to.")
	}
	if to.Sub(from) > limit {
		return storage.Span{}, problem(http.StatusBadRequest, "The span is too long: the limit is "+hours(limit)+".")
	}
	return storage.Span{From: from, To: to}, nil
}

// hours formats a limit on a span.
func hours(d time.Duration) string {
	switch h := int(d / time.Hour); {
	case h == 1:
		return "1 hour"
	case h > 48:
		return fmt.Sprintf("%d days", h/24)
	default:
		return fmt.Sprintf("%d hours", h)
	}
}

// qualityParameter reads stream; the default is main.
func qualityParameter(q url.Values) (media.Quality, error) {
	v, err := parameter(q, "stream")
	if err != nil {
		return 0, err
	}
	if v == "" {
		return media.Main, nil
	}
	quality, err := media.ParseQuality(v)
	if err != nil {
		return 0, problem(http.StatusBadRequest, "The parameter stream must be main or sub.")
	}
	return quality, nil
}

// spanOfStream reads from, to and stream. The span must not exceed the limit.
func spanOfStream(q url.Values, limit time.Duration) (storage.Span, media.Quality, error) {
	span, err := spanParameters(q, limit)
	if err != nil {
		return span, 0, err
	}
	quality, err := qualityParameter(q)
	return span, quality, err
}
