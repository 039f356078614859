package fronttest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// A NamedRouter is a router whose names of routes are tested.
type NamedRouter struct {
	// Segments are what patterns are made of. Those that the router refuses together are
	// left out of a pattern.
	Segments []string

	// Heads says that the router serves a HEAD by the route of GET, whose name it has.
	Heads bool

	// Build returns a router that serves the patterns with GET behind the middleware. Its
	// handlers call served with their pattern. Names are those that the adapter lists. Build
	// may panic if the router refuses the patterns.
	Build func(mw *middleware.Middleware, patterns []string, served func(pattern string)) (names []string, serve func(*http.Request))
}

// values are segments of requests.
var values = []string{
	"a", "b", "ab", "A", "a.json", "x-y", "x-y.z", "a:b", ":id", "a+b", "a%2Fb", "%2F", "%20", "ü", "%C3%BC", "%25", "*", "+", "{id}", "%7Bid%7D", "a%3Fb", "",
}

// Names gives a router random patterns, and sends requests for random paths. The name
// that a request has is that which the adapter lists for the pattern that serves it. A
// request that no pattern serves has none. A plan can have each name.
func Names(t *testing.T, r NamedRouter) {
	const unasked = "unasked"
	name, served := unasked, ""
	mw := naming(t, &name)
	note := func(pattern string) { served = pattern }
	rnd := rand.New(rand.NewPCG(1, 2))
	hits := map[string]int{}
	for range 300 {
		list, patterns := map[string]string{}, []string(nil)
		for range 6 {
			pattern := path(rnd, r.Segments)
			names, _ := build(&r, mw, []string{pattern}, note)
			if len(names) != 1 || list[pattern] != "" {
				continue
			}
			if _, serve := build(&r, mw, append(patterns, pattern), note); serve != nil {
				list[pattern], patterns = names[0], append(patterns, pattern)
			}
			canonical, err := usageplan.Route(names[0])
			require.NoError(t, err, pattern)
			require.Equal(t, canonical, names[0], pattern)
		}
		if len(patterns) == 0 {
			continue
		}
		names, serve := build(&r, mw, patterns, note)
		for _, listed := range list {
			require.Contains(t, names, listed)
		}
		for range 40 {
			target := path(rnd, values)
			if rnd.IntN(2) == 0 {
				target = like(rnd, patterns[rnd.IntN(len(patterns))])
			}
			name, served = unasked, ""
			method := http.MethodGet
			if r.Heads && rnd.IntN(4) == 0 {
				method = http.MethodHead
			}
			serve(httptest.NewRequest(method, target, nil))
			if served == "" {
				require.Contains(t, []string{"", unasked}, name, "%s of %q: no handler", target, patterns)
				continue
			}
			require.Equal(t, list[served], name, "%s of %q: handler %s", target, patterns, served)
			hits[served]++
		}
	}
	require.Greater(t, len(hits), 50, "patterns that were served")
}

// build calls Build. It returns nil if the router refuses the patterns.
func build(r *NamedRouter, mw *middleware.Middleware, patterns []string, served func(string)) (names []string, serve func(*http.Request)) {
	defer func() {
		if recover() != nil {
			names, serve = nil, nil
		}
	}()
	return r.Build(mw, slices.Clone(patterns), served)
}

// path returns a path of one to three segments.
func path(rnd *rand.Rand, segments []string) string {
	var b strings.Builder
	for range 1 + rnd.IntN(3) {
		b.WriteString("/" + segments[rnd.IntN(len(segments))])
	}
	return b.String()
}

// like returns a path with as many segments as a pattern. Some are the pattern's own.
func like(rnd *rand.Rand, pattern string) string {
	segments := strings.Split(pattern, "/")
	for i, s := range segments {
		if i > 0 && (strings.ContainsAny(s, `:*+{?<\ `) || rnd.IntN(4) == 0) {
			segments[i] = values[rnd.IntN(len(values))]
		}
	}
	return strings.Join(segments, "/")
}

// naming returns a Middleware that admits all requests, and tells the name of the route
// of each.
func naming(t *testing.T, name *string) *middleware.Middleware {
	st := memory.New(memory.Config{})
	keys, err := apikey.NewService(st, apikey.Config{})
	require.NoError(t, err)
	key, _, err := keys.Create(t.Context(), apikey.Key{Enabled: true})
	require.NoError(t, err)
	g, err := gate.New(st, st, st, gate.Config{InsecureAllowNoPlan: true, Observer: nameObserver{name}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	mw, err := middleware.New(g, middleware.Config{
		Credential: func(*http.Request) (middleware.Credential, error) { return middleware.Credential{KeyID: key.ID}, nil },
	})
	require.NoError(t, err)
	return mw
}

// A nameObserver notes the name of the route of each request.
type nameObserver struct{ route *string }

func (o nameObserver) Decided(_ context.Context, d gate.Decided) { *o.route = d.Request.Route }
func (o nameObserver) Corrected(context.Context, gate.Corrected) {}
