package middleware

import (
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"net/http"
	"sync/atomic"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/nilcheck"
)

// A Middleware enforces the decisions of a Gate. Use New to make one. It is safe for
// concurrent use.
type Middleware struct {
	gate        *gate.Gate
	cfg         Config
	public      map[string]bool
	challenges  challenges
	policies    policies
	watch       *routeWatch       // nil if there is no Logger
	routes      knownRoutes       // of AddRoutes
	failures    *failures         // nil if there is no Logger
	proxies     proxies           // see clientAddr
	guesses     *guesses          // nil if Config.Guesses is off
	scopes      *scopeWatch       // nil if there is no Logger
	scoped      bool              // the Config asks for scopes
	routeScopes map[string]string // see namedScopes
	exposures   *exposureWatch
	revoker     *revoker    // nil if Config.Insecure revokes nothing
	proxied     atomic.Bool // the warning of warnOfProxy was logged
	twice       atomic.Bool // the warning of decided was logged
	prefixed    atomic.Bool // the warning of warnOfFormat about prefixes was logged
	untagged    atomic.Bool // the warning of warnOfFormat about tags was logged
	mayRead     bool        // functions of the Config may read bodies

	bearerOrKey bool // Config.Credential is the default, see credential
}

// New returns a Middleware that asks the Gate g. The error wraps ErrInvalid and reports
// every fault of cfg at once.
func New(g *gate.Gate, cfg Config) (*Middleware, error) {
	public, err := patterns("public", cfg.Public, cfg.Route != nil)
	if err := errors.Join(append(append(cfg.faults(g), err), cfg.scopeFaults(public)...)...); err != nil {
		return nil, fmt.Errorf("%w config: %w", ErrInvalid, err)
	}

	// What is not set reads no body, and the default Extractor has a fast path.
	mayRead := cfg.Credential != nil || cfg.Costs != nil || cfg.Class != nil || cfg.Scope != nil || cfg.Free != nil || cfg.ID != nil
	usual := cfg.Credential == nil

	cfg.warnOfUnused(g)

	cfg = cfg.withDefaults()
	cfg.RouteScopes = maps.Clone(cfg.RouteScopes)
	m := &Middleware{
		gate: g, cfg: cfg, public: public, challenges: newChallenges(cfg.Realm),
		policies: policies{seed: maphash.MakeSeed()}, failures: newFailures(cfg.Logger), mayRead: mayRead, bearerOrKey: usual,
		proxies: newProxies(cfg.Trusted, cfg.Forwarded), guesses: newGuesses(&cfg, g.NoteMistake), scopes: newScopeWatch(cfg), scoped: cfg.asksForScopes(), routeScopes: namedScopes(cfg.RouteScopes),
		exposures: newExposureWatch(&cfg, g.NoteMistake), revoker: newRevoker(&cfg, g.KeyFormat()),
	}
	m.watch = newRouteWatch(cfg, &m.routes, g.NoteMistake)
	return m, nil
}

// Handler returns a handler that passes admitted requests on to next, with the key and
// the decision in their context, and refuses the others. It panics if next is nil.
func (m *Middleware) Handler(next http.Handler) http.Handler {
	nilcheck.Must("middleware: Handler", nilcheck.Required("next", next, "an http.Handler"))
	inner, direct := next.(*http.ServeMux)
	mux := knownMux{ServeMux: m.cfg.Mux, next: direct && inner == m.cfg.Mux}
	if m.cfg.Mux == nil {
		mux = knownMux{ServeMux: inner, next: direct}
	}
	m.watch.addMux(mux.ServeMux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.handle(w, r, mux, next) })
}
