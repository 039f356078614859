package middleware_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// TestLimitByFields checks that the fields show the limit as those of a Middleware do.
func TestLimitByFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim, err := limiter.New(memory.New(memory.Config{}), limiter.Limit{Rate: 0.5, Burst: 2}, limiter.Config{Name: `by "IP"`})
		require.NoError(t, err)
		handler := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{XRateLimit: middleware.XRateLimitSeconds}))(ok)
		for _, step := range []struct {
			after            time.Duration
			limit            limiter.Limit
			status           int
			policy, limits   string
			xRateLimit, body string
		}{
			{0, lim.Limit(), 200, `"by \"IP\"";q=2;w=4`, `"by \"IP\"";r=1;t=2`, "2 1 2", ""},
			{0, lim.Limit(), 200, `"by \"IP\"";q=2;w=4`, `"by \"IP\"";r=0;t=2`, "2 0 4", ""},
			{0, lim.Limit(), 429, `"by \"IP\"";q=2;w=4`, `"by \"IP\"";r=0;t=2`, "2 0 4", `"violated-policies":["by \"IP\""]`},
			{0, limiter.PerSecond(1), 429, `"by \"IP\"";q=1;w=1`, `"by \"IP\"";r=0;t=1`, "1 0 1", `"violated-policies"`},
			{time.Second, limiter.Limit{}, 403, `"by \"IP\"";q=0`, `"by \"IP\"";r=0`, "0 0 0", `"violated-policies"`},
			{0, unlimited(), 200, "", "", "  ", ""},
		} {
			time.Sleep(step.after)
			require.NoError(t, lim.SetLimit(step.limit))
			w := serve(handler, request("GET", "/"))
			require.Equal(t, step.status, w.Code, "%+v", step)
			get := w.Header().Get
			require.Equal(t, step.policy, get("RateLimit-Policy"), "%+v", step)
			require.Equal(t, step.limits, get("RateLimit"), "%+v", step)
			require.Equal(t, step.xRateLimit, get("X-RateLimit-Limit")+" "+get("X-RateLimit-Remaining")+" "+get("X-RateLimit-Reset"), "%+v", step)
			require.Contains(t, w.Body.String(), step.body)
		}
	})
}

// TestLimitByOmitsFields checks that OmitHeaders leaves the fields out.
func TestLimitByOmitsFields(t *testing.T) {
	lim := newLimiter(t, memory.New(memory.Config{}), limiter.PerSecond(1))
	w := serve(must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{OmitHeaders: true}))(ok), request("GET", "/"))
	require.Equal(t, http.Header{}, w.Header())
}

// TestLimitByBesideMiddleware checks that the fields show the limits of both, whichever
// is outside.
func TestLimitByBesideMiddleware(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{Quotas: perDay(9)})
		lim := newLimiter(t, memory.New(memory.Config{}), limiter.PerSecond(5))
		limit, mw := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{})), h.middleware(middleware.Config{})
		for i, handler := range []http.Handler{limit(mw.Handler(ok)), mw.Handler(limit(ok))} {
			w := serve(handler, with(secret))
			require.ElementsMatch(t, []string{`"rate";q=5;w=1`, `"day";q=9;w=86400`}, w.Header().Values("RateLimit-Policy"))
			require.ElementsMatch(t, []string{fmt.Sprintf(`"rate";r=%d;t=1`, 4-i), fmt.Sprintf(`"day";r=%d;t=86400`, 8-i)}, w.Header().Values("RateLimit"))
		}
	})
}

// TestLimitByLogs checks that failures are logged, and bad requests at the debug level.
func TestLimitByLogs(t *testing.T) {
	working, full := memory.New(memory.Config{}), memory.New(memory.Config{MaxSubjects: 1})
	_, err := newLimiter(t, full, limiter.Limit{Rate: 1e-8, Burst: 1}).Allow(t.Context(), "somebody")
	require.NoError(t, err)
	for _, c := range []struct {
		what   string
		lim    *limiter.Limiter
		key    string
		err    error
		status int
		log    []string
	}{
		{"admitted", newLimiter(t, working, limiter.PerSecond(1)), "me", nil, 200, nil},
		{"an empty key", newLimiter(t, working, limiter.PerSecond(1)), "", nil, 400, []string{"DEBUG", "0 bytes"}},
		{"a bad request", newLimiter(t, working, limiter.PerSecond(1)), "", middleware.ErrBadRequest, 400, []string{"DEBUG", "bad request"}},
		{"a bad credential", newLimiter(t, working, limiter.PerSecond(1)), "", middleware.ErrCredential, 401, []string{"DEBUG", "bad credential"}},
		{"the function", newLimiter(t, working, limiter.PerSecond(1)), "", errors.New("broken"), 500, []string{"ERROR", "the key function of a limit failed", "broken", "limit=rate"}},
		{"the counter", newLimiter(t, storetest.Faulty(working, storetest.Fault{Err: errBroken}), limiter.PerSecond(1)), "me", nil, 503, []string{"ERROR", "the limit could not be checked", "broken"}},
		{"a full store", newLimiter(t, full, limiter.PerSecond(1)), "me", nil, 503, []string{"ERROR", "give a limit of unknown clients a store of its own"}},
	} {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		key := func(*http.Request) (string, error) { return c.key, c.err }
		require.Equal(t, c.status, status(must(middleware.LimitBy(c.lim, key, middleware.LimitConfig{Logger: logger}))(ok), request("GET", "/")), c.what)
		for _, text := range c.log {
			require.Contains(t, log.String(), text, c.what)
		}
		require.Equal(t, len(c.log) > 0, log.Len() > 0, c.what)
	}
}

// TestLimitByFlood checks that no number of addresses affects the Gate's customers if the
// limit has a store of its own.
func TestLimitByFlood(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(9)})
	lim := newLimiter(t, memory.New(memory.Config{MaxSubjects: 100}), limiter.Limit{Rate: 1e-8, Burst: 1})
	handler := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{}))(h.middleware(middleware.Config{}).Handler(ok))
	answers := map[int]int{}
	for i := range 300 {
		answers[status(handler, from(fmt.Sprintf("192.0.2.%d:%d", i%250, i)))]++
	}
	require.Equal(t, map[int]int{401: 100, 429: 50, 503: 150}, answers)
	require.Equal(t, 200, status(h.middleware(middleware.Config{}).Handler(ok), with(secret)))
}

func unlimited() limiter.Limit {
	l, err := limiter.Parse("unlimited")
	if err != nil {
		panic(err)
	}
	return l
}

// TestLimitByShared checks that an answer that a cache may give to others has no figures
// of one client.
func TestLimitByShared(t *testing.T) {
	lim := newLimiter(t, memory.New(memory.Config{}), limiter.PerSecond(100))
	for _, c := range []struct {
		caching, authorization string
		stays                  bool
	}{
		{"", "", true}, {"no-store", "", true}, {"max-age=60", "", false}, {"max-age=60", "Basic eDp5", true}, {"public", "Basic eDp5", false},
	} {
		handler := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{XRateLimit: middleware.XRateLimitUnix}))(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if c.caching != "" {
				w.Header().Set("Cache-Control", c.caching)
			}
			w.WriteHeader(http.StatusNoContent)
		}))
		r := request("GET", "/")
		if c.authorization != "" {
			r.Header.Set("Authorization", c.authorization)
		}
		w := serve(handler, r)
		require.Equal(t, 204, w.Code)
		for _, field := range []string{"RateLimit", "RateLimit-Policy", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
			require.Equal(t, c.stays, w.Result().Header.Get(field) != "", "%+v: %s", c, field)
		}
	}
}

// TestLimitByEarlyHints checks that the final answer has the fields, too.
func TestLimitByEarlyHints(t *testing.T) {
	lim := newLimiter(t, memory.New(memory.Config{}), limiter.PerSecond(5))
	srv := httptest.NewServer(must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{}))(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		clear(w.Header()) // as httputil.ReverseProxy does
	})))
	t.Cleanup(srv.Close)
	res, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, `"rate";q=5;w=1`, res.Header.Get("RateLimit-Policy"))
}

// TestLimitByPasses checks that the next handler's request and writer work as the
// server's do.
func TestLimitByPasses(t *testing.T) {
	t.Parallel()
	lim := newLimiter(t, memory.New(memory.Config{}), limiter.PerSecond(100))
	limit := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{}))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /pets/{id}", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10)); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		_, _ = io.WriteString(w, r.Trailer.Get("X-Sum"))
	})
	patterns := make(chan string, 2)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit(mux).ServeHTTP(w, r)
		patterns <- r.Pattern
	}))
	t.Cleanup(srv.Close)
	conn, answers := dial(t, srv)
	for _, step := range []struct {
		body   string
		status int
		said   string
	}{
		{"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 7\r\n\r\n", 200, "7"},
		{"Content-Length: 1000\r\n\r\n" + strings.Repeat("x", 100), 413, "http: request body too large\n"},
	} {
		_, err := io.WriteString(conn, "POST /pets/7 HTTP/1.1\r\nHost: x\r\n"+step.body)
		require.NoError(t, err)
		res, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		require.Equal(t, step.status, res.StatusCode)
		require.Equal(t, step.status == 413, res.Close)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, step.said, string(body))
		require.Equal(t, "POST /pets/{id}", <-patterns)
	}
}
