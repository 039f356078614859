package fronttest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// An Exchange is what a handler can do with a request, in the way of its router.
type Exchange interface {
	Context() context.Context
	RequestHeader(name string) string
	Query() string // raw
	Body() ([]byte, error)
	Method() string

	SetHeader(name, value string)
	// Answer sends a status and a body.
	Answer(status int, body string) error
	// Stream sends parts of a body, and flushes each.
	Stream(parts <-chan string) error
}

// A Handle is a handler of the table. If it returns an error, the router answers with an
// internal error in its own way.
type Handle func(x Exchange) error

// An HTTPRoute is a route that a router of the table must have. Its path is in the syntax
// of http.ServeMux.
type HTTPRoute struct {
	Method, Path string
	Handle       Handle
	Handler      http.Handler // instead of Handle, if it is not nil
}

// An HTTPFront is a router of HTTP behind a Middleware.
type HTTPFront struct {
	// Serve starts a server with a router that has these routes, and the middleware around
	// all of them. It returns the server's address, such as "http://127.0.0.1:8080". The
	// server stops at the end of the test. A handler that panics ends its connection, or is
	// answered with 500.
	//
	// The paths are in groups and sub-routers: the router registers the part before the
	// second slash as a group, if it has groups.
	Serve func(t *testing.T, mw *middleware.Middleware, routes []HTTPRoute) string

	// Twice is Serve with the middleware in the router and in each group. It may be nil.
	Twice func(t *testing.T, mw *middleware.Middleware, routes []HTTPRoute) string

	// Route is the Config.Route of the middleware, or nil.
	Route func(*http.Request) string

	// Redirects reports that the router redirects a path with one slash too many, and
	// Ignores that it takes it for the path without.
	Redirects, Ignores bool

	// Heads reports that a HEAD is served by the handler of GET.
	Heads bool

	// Answers405 reports that the router answers a known path and another method with 405.
	Answers405 bool

	// Buffers reports that the server reads a body before it calls a handler, and does not
	// notice that a client has gone.
	Buffers bool
}

// names are those of the routes in plans, whatever the router.
var names = map[Route]string{Reports: "GET /api/reports/{id}", Pets: "GET /pets/{n}", Health: "GET /api/health"}

// targets are paths of the routes.
var targets = map[Route]string{Reports: "/api/reports/7?year=2026", Pets: "/pets/1", Health: "/api/health"}

// Front returns a Front of the table that Run runs.
func (f HTTPFront) Front() Front {
	return Front{Names: names, Shows: true, Recovers: true, Start: f.start}
}

func (f HTTPFront) start(t *testing.T, s *Service, o Options) func(*testing.T, Call) Answer {
	cfg := middleware.Config{
		Route:           f.Route,
		Public:          []string{names[Health]},
		StripCredential: o.StripCredential,
		Costs:           func(*http.Request) usageplan.Costs { return s.Costs() },
		ID:              func(*http.Request) string { return s.ID() },
		Class:           func(*http.Request) string { return s.Class() },
		Logger:          s.Logger,
	}
	if o.Refund {
		cfg.Refund = func(status int) bool { return status >= 500 }
	}
	base := f.Serve(t, s.middleware(t, cfg), []HTTPRoute{s.route(Reports), s.route(Pets), s.route(Health)})
	client := newClient(t)
	return func(t *testing.T, c Call) Answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+targets[c.Route], nil)
		require.NoError(t, err)
		if c.Key != "" {
			r.Header.Set("X-API-Key", s.Secret(c.Key))
		}
		if c.Also != "" {
			r.Header.Set("Authorization", "Bearer "+s.Secret(c.Also))
		}
		resp, err := client.Do(r)
		if err != nil { // the server has broken the connection
			require.True(t, errors.Is(err, io.EOF) || c.Do.Panic, "%v", err)
			return Answer{Kind: Failed}
		}
		defer resp.Body.Close()
		return answerOf(t, resp)
	}
}

func (s *Service) middleware(t *testing.T, cfg middleware.Config) *middleware.Middleware {
	mw, err := middleware.New(s.Gate, cfg)
	require.NoError(t, err)
	return mw
}

// newClient returns a client that follows no redirect and repeats no request.
func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// route returns one of the three routes, which Serve serves.
func (s *Service) route(route Route) HTTPRoute {
	method, path, _ := strings.Cut(names[route], " ")
	return HTTPRoute{Method: method, Path: path, Handle: func(x Exchange) error {
		d, _ := middleware.DecisionFromContext(x.Context())
		err := s.Serve(Handled{
			Route:      route,
			Decision:   d,
			Credential: x.RequestHeader("X-API-Key") + x.RequestHeader("Authorization"),
			Settle:     func(actual usageplan.Costs) error { return middleware.Settle(x.Context(), actual) },
			Refund:     func() error { return middleware.Refund(x.Context()) },
		})
		if err != nil {
			return err
		}
		return x.Answer(http.StatusOK, "done")
	}}
}

// answerOf reads a response.
func answerOf(t *testing.T, resp *http.Response) Answer {
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	a := Answer{Kind: kindOf(t, resp.StatusCode, body), Remaining: RemainingOf(resp.Header["Ratelimit"])}
	if text := resp.Header.Get("Retry-After"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		a.Wait = time.Duration(n) * time.Second
	}
	return a
}

func kindOf(t *testing.T, status int, body []byte) Kind {
	switch status {
	case http.StatusTooManyRequests:
		var problem struct {
			Limits []struct{ Limit string }
		}
		require.NoError(t, json.Unmarshal(body, &problem))
		require.NotEmpty(t, problem.Limits)
		return LimitKind(problem.Limits[0].Limit)
	case http.StatusOK:
		return Admitted
	case http.StatusInternalServerError:
		return Failed
	case http.StatusUnauthorized:
		return Unauthenticated
	case http.StatusBadRequest:
		return Ambiguous
	case http.StatusForbidden:
		return Forbidden
	case http.StatusServiceUnavailable:
		return Unavailable
	}
	return Kind(strconv.Itoa(status))
}

// LimitKind returns the kind of a refusal by a limit of this name.
func LimitKind(name string) Kind {
	if strings.HasPrefix(name, "throttle") {
		return Throttled
	}
	return Quota
}

// RemainingOf returns the parameters r of the lines of a RateLimit field, by the names of
// the limits.
func RemainingOf(lines []string) map[string]int64 {
	var all map[string]int64
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ", ") {
			params := strings.Split(item, ";")
			i := slices.IndexFunc(params, func(p string) bool { return strings.HasPrefix(p, "r=") })
			if i < 0 {
				continue
			}
			if n, err := strconv.ParseInt(params[i][len("r="):], 10, 64); err == nil {
				if all == nil {
					all = map[string]int64{}
				}
				all[strings.Trim(params[0], `"`)] = n
			}
		}
	}
	return all
}
