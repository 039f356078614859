package middleware_test

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestMistakesAreCounted makes each mistake that the Logger is warned of, and asks twice.
// Stats of the Gate count it once.
func TestMistakesAreCounted(t *testing.T) {
	mux := muxOf("GET /pets")
	for name, c := range map[string]struct {
		parts parts
		cfg   middleware.Config
		twice bool
		quiet bool // without a Logger
		want  map[gate.Mistake]int64
	}{
		"none":                     {},
		"route":                    {cfg: middleware.Config{Mux: mux}, want: map[gate.Mistake]int64{gate.UnknownRoute: 1}},
		"public":                   {cfg: middleware.Config{Mux: mux, Public: []string{"/a", "/b"}}, want: map[gate.Mistake]int64{gate.UnknownRoute: 1, gate.UnknownPublic: 2}},
		"units":                    {parts: parts{Config: gate.Config{Units: usageplan.Units{{Name: "tokens"}}}}, want: map[gate.Mistake]int64{gate.UnusedUnits: 1}},
		"units, no Logger":         {parts: parts{Config: gate.Config{Units: usageplan.Units{{Name: "tokens"}}}}, quiet: true, want: map[gate.Mistake]int64{gate.UnusedUnits: 1}},
		"classes":                  {parts: parts{Config: gate.Config{Classes: usageplan.Classes{"opus"}}}, want: map[gate.Mistake]int64{gate.UnusedClasses: 1}},
		"decided twice":            {twice: true, want: map[gate.Mistake]int64{gate.DecidedTwice: 1}},
		"decided twice, no Logger": {twice: true, quiet: true, want: map[gate.Mistake]int64{gate.DecidedTwice: 1}},
		"another format":           {parts: parts{Config: gate.Config{KeyFormat: apikey.Format{Prefix: "other"}}}, want: map[gate.Mistake]int64{gate.OtherFormat: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t, func(p *parts) { p.Config = c.parts.Config })
			_, secret := h.key(&usageplan.Plan{Routes: map[string]limiter.Limit{"GET /dogs": *throttle(1, 99)}})
			if !c.quiet {
				c.cfg.Logger = slog.New(slog.DiscardHandler)
			}
			mw := h.middleware(c.cfg)
			handler := mw.Handler(http.Handler(ok))
			if c.twice {
				handler = mw.Handler(handler)
			}
			for range 2 {
				serve(handler, with(secret))
			}
			got := map[gate.Mistake]int64{}
			for _, m := range h.gate.Stats().Mistakes {
				if m.Count > 0 {
					got[m.Mistake] = m.Count
				}
			}
			if c.want == nil {
				c.want = map[gate.Mistake]int64{}
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestMistakesOfRestrictions makes the mistakes about scopes, addresses, plain HTTP and
// guesses. Each is counted once, however many requests show it.
func TestMistakesOfRestrictions(t *testing.T) {
	t.Parallel()
	behind := func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1"; r.Header.Set("X-Forwarded-For", "192.0.2.1") }
	for name, c := range map[string]struct {
		cfg      middleware.Config
		scopes   []string
		networks []string
		change   func(*http.Request)
		forged   bool
		quiet    bool // without a Logger
		want     []gate.Mistake
	}{
		"none":                      {},
		"scopes without a use":      {scopes: []string{"a"}, want: []gate.Mistake{gate.UnusedScopes}},
		"a scope that no key has":   {cfg: middleware.Config{Scope: func(*http.Request) string { return "b" }}, want: []gate.Mistake{gate.UnknownScope}},
		"a proxy without a name":    {networks: []string{"192.0.2.0/24"}, change: behind, want: []gate.Mistake{gate.UnnamedProxy}},
		"the same, no Logger":       {networks: []string{"192.0.2.0/24"}, change: behind, quiet: true, want: []gate.Mistake{gate.UnnamedProxy}},
		"no address":                {networks: []string{"192.0.2.0/24"}, change: func(r *http.Request) { r.RemoteAddr = "@" }, want: []gate.Mistake{gate.NoAddress}},
		"the same without a Logger": {networks: []string{"192.0.2.0/24"}, change: func(r *http.Request) { r.RemoteAddr = "@" }, quiet: true, want: []gate.Mistake{gate.NoAddress}},
		"plain HTTP":                {cfg: middleware.Config{Insecure: middleware.Insecure{}}, change: func(r *http.Request) { r.TLS = nil }, want: []gate.Mistake{gate.PlainHTTP}},
		"guesses from nowhere":      {forged: true, change: func(r *http.Request) { r.RemoteAddr = "@" }, quiet: true, want: []gate.Mistake{gate.NoGuessLimit}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t)
			_, secret := h.restricted(c.scopes, c.networks...)
			if !c.quiet {
				c.cfg.Logger = slog.New(slog.DiscardHandler)
			}
			handler := h.middleware(c.cfg).Handler(ok)
			for range 300 {
				if c.forged {
					secret = string(must(apikey.Format{}.New()))
				}
				r := with(secret)
				r.TLS = new(tls.ConnectionState)
				if c.change != nil {
					c.change(r)
				}
				serve(handler, r)
			}
			var got []gate.Mistake
			for _, m := range h.gate.Stats().Mistakes {
				for range m.Count {
					got = append(got, m.Mistake)
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

// TestLimitedTwiceIsCounted sends requests through one limiter twice. The Gate counts the
// mistake once, also without a Logger.
func TestLimitedTwiceIsCounted(t *testing.T) {
	for name, logger := range map[string]*slog.Logger{"a Logger": slog.New(slog.DiscardHandler), "no Logger": nil} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t)
			lim := newLimiter(t, memory.New(memory.Config{}), limiter.PerMinute(99))
			byIP := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{Logger: logger, NoteMistake: h.gate.NoteMistake}))
			counted := func() (n int64) {
				for _, m := range h.gate.Stats().Mistakes {
					n += m.Count
				}
				return n
			}
			require.Equal(t, 200, status(byIP(ok), request("GET", "/pets/1")))
			require.Zero(t, counted())
			for range 3 {
				require.Equal(t, 200, status(byIP(byIP(ok)), request("GET", "/pets/1")))
			}
			require.EqualValues(t, 1, counted())
			require.EqualValues(t, 1, h.gate.Stats().Mistakes[gate.LimitedTwice].Count)
			require.Equal(t, "limited_twice", gate.LimitedTwice.String())
		})
	}
}
