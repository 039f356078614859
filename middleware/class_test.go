package middleware_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// modelOf is a Config.Class: the body of a request names a model.
func modelOf(r *http.Request) string {
	text, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(text))
	return string(text)
}

// ofModel returns a request that names a model in its body.
func ofModel(secret, method, path, model string) *http.Request {
	r := request(method, path, "X-API-Key", secret)
	r.Body = io.NopCloser(strings.NewReader(model))
	r.ContentLength = int64(len(model))
	return r
}

// TestClass uses limits of a class and of a route beside those of the plan. The fields
// show those that count for the request, each under its whole name.
func TestClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, inTokens)
		h.group("acme", "", &usageplan.Plan{For: map[string]usageplan.Limits{"opus": {Quotas: perMonth(9)}}})
		key, secret := h.keyIn("acme", &usageplan.Plan{
			Throttle: throttle(1, 9),
			Quotas:   perDay(9),
			Routes:   map[string]limiter.Limit{"POST /chat": *throttle(1, 5)},
			For: map[string]usageplan.Limits{
				"opus":       {Quotas: []quota.Quota{quota.MustParse("5 tokens/day")}},
				"POST /chat": {Throttles: []usageplan.Throttle{must(usageplan.ParseThrottle("3/hour"))}},
			},
		})
		mux := muxOf("POST /chat", "GET /models")
		for _, step := range []struct {
			what, path, model string
			show              bool
			status            int
			limits            string
			violated          []string
			refused           string
		}{
			{"neither", "GET /models", "", false, 200, `"throttle";r=8;t=1, "day";r=8;t=86400`, nil, ""},
			{"a class without limits", "GET /models", "haiku", false, 200, `"throttle";r=7;t=1, "day";r=7;t=86400`, nil, ""},
			{"a class", "GET /models", "opus", false, 200,
				`"throttle";r=6;t=1, "day";r=6;t=86400, "opus tokens/day";r=3;t=86400`, nil, ""},
			{"a route", "POST /chat", "", false, 200,
				`"throttle POST /chat";r=4;t=1, "POST /chat requests";r=2;t=1200, "day";r=5;t=86400`, nil, ""},
			{"both", "POST /chat", "opus", false, 200,
				`"throttle POST /chat";r=3;t=1, "POST /chat requests";r=1;t=1200, "day";r=4;t=86400, "opus tokens/day";r=1;t=86400`, nil, ""},
			{"the class refuses", "GET /models", "opus", true, 429,
				`"throttle";r=6, "day";r=4, "opus tokens/day";r=1;t=86400, "acme/opus month";r=7`,
				[]string{"opus tokens/day"}, `{"payer": "key", "limit": "opus tokens/day", "unit": "tokens"}`},
			{"another class goes on", "GET /models", "haiku", false, 200, `"throttle";r=5;t=1, "day";r=3;t=86400`, nil, ""},
		} {
			mw := h.middleware(middleware.Config{Class: modelOf, Costs: using(2), ShowGroups: step.show})
			method, path, _ := strings.Cut(step.path, " ")
			w := serve(mw.Handler(mux), ofModel(secret, method, path, step.model))
			require.Equal(t, step.status, w.Code, step.what)
			limits, err := parseList(w.Header().Get("RateLimit"))
			require.NoError(t, err)
			require.ElementsMatch(t, must(parseList(step.limits)), limits, step.what)
			if step.status != 200 {
				body := readProblem(t, w)
				require.Equal(t, step.violated, body.Violated, step.what)
				require.Len(t, body.Limits, 1)
				require.JSONEq(t, step.refused, string(body.Limits[0]))
			}
		}

		// A free request shows the limits of its class.
		w := serve(h.middleware(middleware.Config{Class: modelOf, Free: free}).Handler(mux), ofModel(secret, "GET", "/models", "opus"))
		require.Equal(t, 200, w.Code)
		require.Contains(t, w.Header().Get("RateLimit"), `"opus tokens/day";r=1;t=86400`)

		d, err := h.gate.Peek(t.Context(), gate.Request{KeyID: key.ID, Class: "opus"})
		require.NoError(t, err)
		for l := range d.Levels() {
			if l.Name == "opus tokens/day" {
				require.EqualValues(t, 4, l.Used, "two requests, and no refusal")
			}
		}
	})
}

// TestBadClass answers a request whose class breaks the rules with 500, and charges it
// nothing.
func TestBadClass(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(9)})
	for _, class := range []string{"a b", "GET /x", strings.Repeat("m", 65), "é", `"`} {
		for _, isFree := range []func(*http.Request) bool{nil, free} {
			var log bytes.Buffer
			cfg := middleware.Config{
				Class: func(*http.Request) string { return class }, Free: isFree,
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			}
			w := serve(h.middleware(cfg).Handler(ok), with(secret))
			require.Equal(t, 500, w.Code, class)
			require.Equal(t, "The service failed to determine the costs of the request, its class or its caller.", readProblem(t, w).Detail)
			require.Empty(t, w.Header().Get("RateLimit"))
			require.Contains(t, log.String(), "class: ")
		}
	}
	w := serve(h.middleware(middleware.Config{}).Handler(ok), with(secret))
	require.Contains(t, w.Header().Get("RateLimit"), `"day";r=8;`, "nothing was charged before")
}

// TestClassOfPublic checks that a request that is not decided has no class.
func TestClassOfPublic(t *testing.T) {
	h := newFixture(t)
	cfg := middleware.Config{Public: []string{"GET /"}, Class: func(*http.Request) string { panic("not asked") }}
	require.Equal(t, 200, status(h.middleware(cfg).Handler(muxOf("GET /")), request("GET", "/")))
}
