package middleware_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
)

// TestNil: nothing that is nil waits for the first request to panic.
func TestNil(t *testing.T) {
	l, err := limiter.New(memory.New(memory.Config{}), limiter.PerSecond(1), limiter.Config{})
	require.NoError(t, err)
	mw := newHouse(t).middleware(middleware.Config{})
	for want, make := range map[string]func(){
		"middleware: LimitBy: limiter: nil *limiter.Limiter: want a limiter.Limiter":                         func() { middleware.LimitBy(nil, middleware.ByIP(), middleware.LimitConfig{}) },
		"middleware: LimitBy: key: nil func(*http.Request) (string, error): want a function, such as ByIP()": func() { middleware.LimitBy(l, nil, middleware.LimitConfig{}) },
		"middleware: LimitBy: next: nil: want an http.Handler":                                               func() { middleware.LimitBy(l, middleware.ByIP(), middleware.LimitConfig{})(nil) },
		"middleware: Handler: next: nil: want an http.Handler":                                               func() { mw.Handler(nil) },
		"middleware: Handler: next: nil *http.ServeMux: want an http.Handler":                                func() { mw.Handler((*http.ServeMux)(nil)) },
		"middleware: OneOf: extractors[1]: nil middleware.Extractor: want an Extractor":                      func() { middleware.OneOf(middleware.Bearer(), nil) },
		`middleware: Header: name: "": want the name of a header field`:                                      func() { middleware.Header("") },
		`middleware: Query: name: "": want the name of a query parameter`:                                    func() { middleware.Query("") },
	} {
		require.PanicsWithValue(t, want, make)
	}
}
