package middleware_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
)

// TestNil checks that a nil argument panics at once, not at the first request.
func TestNil(t *testing.T) {
	mw := newFixture(t).middleware(middleware.Config{})
	for want, make := range map[string]func(){
		"middleware: Handler: next: nil: want an http.Handler":                          func() { mw.Handler(nil) },
		"middleware: Handler: next: nil *http.ServeMux: want an http.Handler":           func() { mw.Handler((*http.ServeMux)(nil)) },
		"middleware: OneOf: extractors[1]: nil middleware.Extractor: want an Extractor": func() { middleware.OneOf(middleware.Bearer(), nil) },
		`middleware: Header: name: "": want the name of a header field`:                 func() { middleware.Header("") },
		`middleware: Query: name: "": want the name of a query parameter`:               func() { middleware.Query("") },
	} {
		require.PanicsWithValue(t, want, make)
	}
}

// TestLimitByFaults checks that LimitBy reports all faults at once.
func TestLimitByFaults(t *testing.T) {
	_, err := middleware.LimitBy(nil, nil, middleware.LimitConfig{BodyTimeout: -1, XRateLimit: 9})
	require.ErrorIs(t, err, middleware.ErrInvalid)
	for _, want := range []string{
		"limiter: nil *limiter.Limiter: want a limiter.Limiter", "key: nil func(*http.Request) (string, error): want a function",
		"bodyTimeout: -1ns: want 0 or more", "xRateLimit: 9: want XRateLimitOff",
	} {
		require.ErrorContains(t, err, want)
	}
}
