package middleware_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// counting is a directory that counts its look-ups by digest. Each takes a millisecond.
type counting struct {
	apikey.Store
	usageplanStore
	lookups *atomic.Int64
	fails   *atomic.Bool
}

func (s counting) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	s.lookups.Add(1)
	select {
	case <-time.After(time.Millisecond):
	case <-ctx.Done():
		return apikey.Key{}, ctx.Err()
	}
	if s.fails.Load() {
		return apikey.Key{}, context.DeadlineExceeded
	}
	return s.Store.KeyByDigest(ctx, d)
}

func newCounting(t *testing.T) (*fixture, counting) {
	st := memory.New(memory.Config{})
	dir := counting{st, st, new(atomic.Int64), new(atomic.Bool)}
	h := newFixture(t, func(p *parts) { p.Keys, p.Plans, p.Counter = dir, dir, st })
	h.keys = must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}}))
	h.plans = must(usageplan.NewService(st, st, usageplan.Config{}))
	return h, dir
}

// forge returns a new secret of the right form that no key has.
func forge() string { return string(must(apikey.Format{Prefix: "acme"}.New())) }

// keyFrom returns a request with a key from an address.
func keyFrom(addr, secret string) *http.Request {
	r := with(secret)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(addr), 1234).String()
	return r
}

// TestGuesses is a timeline of a good client, of new clients and of a client that
// guesses, all behind one address.
func TestGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, dir := newCounting(t)
		handler := h.middleware(middleware.Config{}).Handler(ok)
		const nat, elsewhere = "192.0.2.7", "198.51.100.9"
		_, cached := h.key(&usageplan.Plan{})
		_, unseen := h.key(&usageplan.Plan{})
		revoked, revokedSecret := h.key(&usageplan.Plan{})
		_, err := h.keys.Disable(t.Context(), revoked.ID)
		require.NoError(t, err)
		require.Equal(t, 200, status(handler, keyFrom(nat, cached)))

		for range 60 { // the bound, all at one instant but for the look-ups
			require.Equal(t, 401, status(handler, keyFrom(nat, forge())))
		}
		began := dir.lookups.Load()
		answers := map[string][]string{}
		for what, secret := range map[string]string{
			"forged": forge(), "good, but not cached": unseen, "revoked": revokedSecret, "malformed": "acme_x", "long": strings.Repeat("x", 500),
		} {
			answer, err := httputil.DumpResponse(serve(handler, keyFrom(nat, secret)).Result(), true)
			require.NoError(t, err)
			answers[string(answer)] = append(answers[string(answer)], what)
		}
		require.Len(t, answers, 1)
		for answer := range answers {
			require.Contains(t, answer, "429 Too Many Requests")
			require.Contains(t, answer, "Retry-After: 1\r\n")
			require.Contains(t, answer, `"detail":"Too many requests from this address had no valid API key. Try again in 1 s."`)
			require.NotContains(t, answer, "Www-Authenticate")
			require.NotContains(t, strings.ToLower(answer), "ratelimit")
		}
		require.Equal(t, 200, status(handler, keyFrom(nat, cached)))
		require.Equal(t, 401, status(handler, request("GET", "/")), "without a key")
		require.Equal(t, began, dir.lookups.Load())
		require.Equal(t, 401, status(handler, keyFrom(elsewhere, forge())))
		require.Equal(t, 200, status(handler, keyFrom(elsewhere, unseen)))
		require.Equal(t, 200, status(handler, keyFrom(nat, unseen)), "cached now")

		time.Sleep(time.Second)
		_, another := h.key(&usageplan.Plan{})
		require.Equal(t, 200, status(handler, keyFrom(nat, another)))
		require.Equal(t, 401, status(handler, keyFrom(nat, forge())))
		require.Equal(t, 429, status(handler, keyFrom(nat, forge())))

		began = dir.lookups.Load()
		for range 600 { // a minute of guesses
			status(handler, keyFrom(nat, forge()))
			require.Equal(t, 200, status(handler, keyFrom(nat, cached)))
			time.Sleep(100 * time.Millisecond)
		}
		// 60 of the guesses, and the key that is read again every few seconds.
		require.LessOrEqual(t, dir.lookups.Load()-began, int64(60+24))
		time.Sleep(time.Minute)
		for range 60 {
			require.Equal(t, 401, status(handler, keyFrom(nat, forge())))
		}
	})
}

// TestWhatIsNoGuess repeats what must not use up the look-ups of an address.
func TestWhatIsNoGuess(t *testing.T) {
	for name, c := range map[string]struct {
		cfg    middleware.Config
		ask    func(h *fixture, dir counting) func() *http.Request
		wanted int // the status of each request
	}{
		"malformed": {ask: func(*fixture, counting) func() *http.Request {
			return func() *http.Request { return with("acme_x") }
		}, wanted: 401},
		"missing": {ask: func(*fixture, counting) func() *http.Request {
			return func() *http.Request { return request("GET", "/") }
		}, wanted: 401},
		"one unknown key, again and again": {ask: func(*fixture, counting) func() *http.Request {
			secret := forge()
			return func() *http.Request { return with(secret) }
		}, wanted: 401},
		"new good keys": {ask: func(h *fixture, _ counting) func() *http.Request {
			return func() *http.Request { _, s := h.key(&usageplan.Plan{}); return with(s) }
		}, wanted: 200},
		"keys without a plan": {ask: func(h *fixture, _ counting) func() *http.Request {
			return func() *http.Request { _, s := h.key(nil); return with(s) }
		}, wanted: 403},
		"the store fails": {ask: func(_ *fixture, dir counting) func() *http.Request {
			return func() *http.Request { dir.fails.Store(true); return with(forge()) }
		}, wanted: 503},
		"key IDs of the service's own login": {
			cfg: middleware.Config{Credential: func(*http.Request) (middleware.Credential, error) {
				return middleware.Credential{KeyID: strings.ToLower(forge()[5:20])}, nil
			}},
			ask: func(*fixture, counting) func() *http.Request {
				return func() *http.Request { return request("GET", "/") }
			}, wanted: 401,
		},
		"off": {cfg: middleware.Config{Guesses: middleware.GuessConfig{Off: true}}, ask: func(*fixture, counting) func() *http.Request {
			return func() *http.Request { return with(forge()) }
		}, wanted: 401},
		"unlimited": {cfg: middleware.Config{Guesses: middleware.GuessConfig{Limit: limiter.Limit{Rate: rate.Inf}}}, ask: func(*fixture, counting) func() *http.Request {
			return func() *http.Request { return with(forge()) }
		}, wanted: 401},
		"without an address": {ask: func(*fixture, counting) func() *http.Request {
			return func() *http.Request { r := with(forge()); r.RemoteAddr = "@"; return r }
		}, wanted: 401},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, dir := newCounting(t)
				handler := h.middleware(c.cfg).Handler(ok)
				next := c.ask(h, dir)
				for range 200 {
					require.Equal(t, c.wanted, status(handler, next()))
				}
				dir.fails.Store(false)
				if c.cfg.Credential == nil {
					_, good := h.key(&usageplan.Plan{})
					require.Equal(t, 200, status(handler, with(good)))
				}
			})
		})
	}
}

// TestGuessesAtOnce has a flood that sends many requests at once, and one whose clients
// leave before the answer. Over time both get no more look-ups than the bound.
func TestGuessesAtOnce(t *testing.T) {
	for name, leave := range map[string]bool{"stay": false, "leave": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h, dir := newCounting(t)
				mw := h.middleware(middleware.Config{})
				for range 2 * 60 * 10 { // two minutes
					for range 30 {
						go func() {
							ctx, cancel := context.WithCancel(t.Context())
							defer cancel()
							if leave {
								time.AfterFunc(time.Microsecond, cancel)
							}
							mw.Check(with(forge()).WithContext(ctx))
						}()
					}
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(time.Second)
				require.LessOrEqual(t, dir.lookups.Load(), int64(60+2*60+30))
				require.Greater(t, dir.lookups.Load(), int64(2*60))
			})
		})
	}
}

// TestGuessesByAddress asks from other addresses after one has guessed too often.
func TestGuessesByAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	forwarded := func(addr, secret, field, value string) *http.Request {
		r := keyFrom(addr, secret)
		r.Header.Set(field, value)
		return r
	}
	const xff = "X-Forwarded-For"
	for name, c := range map[string]struct {
		cfg            middleware.Config
		guesses, other func(secret string) *http.Request
		same           bool // the two are one client
	}{
		"IPv4":          {middleware.Config{}, func(s string) *http.Request { return keyFrom("192.0.2.1", s) }, func(s string) *http.Request { return keyFrom("192.0.2.2", s) }, false},
		"IPv6 /64":      {middleware.Config{}, func(s string) *http.Request { return keyFrom("2001:db8::1", s) }, func(s string) *http.Request { return keyFrom("2001:db8::ffff:1", s) }, true},
		"IPv6":          {middleware.Config{}, func(s string) *http.Request { return keyFrom("2001:db8::1", s) }, func(s string) *http.Request { return keyFrom("2001:db8:0:1::1", s) }, false},
		"mapped":        {middleware.Config{}, func(s string) *http.Request { return keyFrom("::ffff:192.0.2.1", s) }, func(s string) *http.Request { return keyFrom("192.0.2.1", s) }, true},
		"trusted proxy": {middleware.Config{Trusted: trusted}, func(s string) *http.Request { return forwarded("10.0.0.1", s, xff, "192.0.2.1") }, func(s string) *http.Request { return forwarded("10.0.0.2", s, xff, "192.0.2.2") }, false},
		"its client":    {middleware.Config{Trusted: trusted}, func(s string) *http.Request { return forwarded("10.0.0.1", s, xff, "192.0.2.1") }, func(s string) *http.Request { return forwarded("10.0.0.2", s, xff, "203.0.113.5, 192.0.2.1") }, true},
		"malformed hop": {middleware.Config{Trusted: trusted}, func(s string) *http.Request { return forwarded("10.0.0.1", s, xff, "x") }, func(s string) *http.Request { return forwarded("10.0.0.1", s, xff, "y") }, true},
		"Forwarded":     {middleware.Config{Trusted: trusted, Forwarded: true}, func(s string) *http.Request { return forwarded("10.0.0.1", s, "Forwarded", "for=192.0.2.1") }, func(s string) *http.Request { return forwarded("10.0.0.1", s, "Forwarded", "for=192.0.2.2") }, false},
		"not trusted":   {middleware.Config{}, func(s string) *http.Request { return forwarded("192.0.2.1", s, xff, "203.0.113.1") }, func(s string) *http.Request { return forwarded("192.0.2.1", s, xff, "203.0.113.2") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t)
			handler := h.middleware(c.cfg).Handler(ok)
			for range 70 {
				status(handler, c.guesses(forge()))
			}
			require.Equal(t, 429, status(handler, c.guesses(forge())))
			want := 401
			if c.same {
				want = 429
			}
			require.Equal(t, want, status(handler, c.other(forge())))
		})
	}
}

// TestGuessesAreLogged checks the lines of a flood, behind a proxy that is not named and
// without one.
func TestGuessesAreLogged(t *testing.T) {
	for name, c := range map[string]struct {
		addr, field string
		want        []string // in the lines, in their order
	}{
		"a client":          {"192.0.2.1", "", []string{"level=WARN msg=\"ration: an address had too many refused keys looked up", "level=INFO msg=\"ration: no address has"}},
		"an unnamed proxy":  {"10.0.0.1", "X-Forwarded-For", []string{"address=10.0.0.1", "name the proxy in Config.Trusted\" address=10.0.0.1", "level=INFO"}},
		"one on this host":  {"127.0.0.1", "Forwarded", []string{"address=127.0.0.1", "name the proxy in Config.Trusted\" address=127.0.0.1", "level=INFO"}},
		"a public address":  {"192.0.2.1", "X-Forwarded-For", []string{"address=192.0.2.1", "level=INFO"}},
		"a private network": {"10.0.0.1", "", []string{"address=10.0.0.1", "level=INFO"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var buf bytes.Buffer
				h := newFixture(t)
				handler := h.middleware(middleware.Config{
					Insecure: middleware.Insecure{Allow: true}, Logger: slog.New(slog.NewTextHandler(&buf, nil)),
				}).Handler(ok)
				_, good := h.key(&usageplan.Plan{})
				for range 600 {
					r := keyFrom(c.addr, forge())
					if c.field != "" {
						r.Header.Set(c.field, "for=192.0.2.9")
					}
					status(handler, r)
					time.Sleep(100 * time.Millisecond)
				}
				for range 10 {
					time.Sleep(time.Minute)
					status(handler, keyFrom(c.addr, good))
				}
				lines := strings.Split(strings.TrimSpace(buf.String()), "\n")
				require.Len(t, lines, len(c.want), buf.String())
				for i, want := range c.want {
					require.Contains(t, lines[i], want)
				}
				require.NotContains(t, buf.String(), "acme_")
			})
		})
	}

	var buf bytes.Buffer
	h := newFixture(t)
	handler := h.middleware(middleware.Config{Insecure: middleware.Insecure{Allow: true}, Logger: slog.New(slog.NewTextHandler(&buf, nil))}).Handler(ok)
	for range 3 {
		r := with(forge())
		r.RemoteAddr = "@"
		status(handler, r)
	}
	require.Equal(t, 1, strings.Count(buf.String(), "guesses of keys are not bounded"))
}

// TestGuessesEverywhere checks the other ways in: the form of AWS, the usage of a client,
// free requests, and a Gate whose limits are off.
func TestGuessesEverywhere(t *testing.T) {
	h := newFixture(t)
	mw := h.middleware(middleware.Config{Free: free, Refuse: func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) { res.WriteAWS(w) }})
	usage := must(mw.Usage(middleware.UsageConfig{}))
	_, cached := h.key(&usageplan.Plan{})
	handler := mw.Handler(ok)
	require.Equal(t, 200, status(handler, with(cached)))
	for i := range 60 {
		if i%2 == 0 {
			status(handler, with(forge()))
		} else {
			status(usage, with(forge()))
		}
	}
	_, unseen := h.key(&usageplan.Plan{})
	for _, enforce := range []bool{true, false} {
		h.gate.Enforce(enforce)
		for name, front := range map[string]http.Handler{"API": handler, "usage": usage} {
			for _, secret := range []string{forge(), unseen} {
				w := serve(front, with(secret))
				require.Equal(t, 429, w.Code, name)
				require.Equal(t, `{"message":"Too Many Requests"}`, w.Body.String())
				require.Equal(t, "1", w.Header().Get("Retry-After"))
			}
			require.Equal(t, 200, status(front, with(cached)), name)
		}
	}
	res := mw.Check(with(forge()))
	require.Equal(t, gate.NotCached, res.Decision.Reason)
	require.NoError(t, res.Err)
}

// TestTagWarnsOnce sends keys that a Gate with TagKeys refuses. Those with a wrong tag,
// and no others, are in a line of the log, once. They are not looked up and are no
// guesses.
func TestTagWarnsOnce(t *testing.T) {
	tags := must(apikey.NewTagKeys([]byte("0123456789abcdefghijklmnopqrstuv")))
	st := memory.New(memory.Config{})
	dir := counting{st, st, new(atomic.Int64), new(atomic.Bool)}
	format := apikey.Format{Prefix: "acme", TagKeys: tags}
	h := newFixture(t, func(p *parts) { p.Keys, p.Plans, p.Counter, p.KeyFormat = dir, dir, st, format })
	h.keys = must(apikey.NewService(st, apikey.Config{KeyFormat: format}))
	h.plans = must(usageplan.NewService(st, st, usageplan.Config{}))
	var buf bytes.Buffer
	handler := h.middleware(middleware.Config{Insecure: middleware.Insecure{Allow: true}, Logger: slog.New(slog.NewTextHandler(&buf, nil))}).Handler(ok)
	require.Equal(t, 401, status(handler, with("acme_x")))
	require.Empty(t, buf.String())
	for range 200 {
		require.Equal(t, 401, status(handler, with(forge())))
	}
	require.Equal(t, 1, strings.Count(buf.String(), "\n"), buf.String())
	require.Contains(t, buf.String(), "a key was refused for its tag alone")
	require.Equal(t, 401, status(handler, with(string(must(apikey.Format{Prefix: "other", TagKeys: tags}.New())))))
	require.Contains(t, buf.String(), "want=acme")
	require.Zero(t, dir.lookups.Load())
	_, good := h.key(&usageplan.Plan{})
	require.Equal(t, 200, status(handler, with(good)))
}

func TestGuessConfig(t *testing.T) {
	for want, cfg := range map[string]middleware.GuessConfig{
		"guesses.limit.rate: -1 a second: want":                                                   {Limit: limiter.Limit{Rate: -1, Burst: 1}},
		"guesses.limit: blocks everything: want a rate and a burst":                               {Limit: limiter.Limit{Burst: 1}},
		"guesses.limit: burst: 100 with a rate of 0.001: want a bucket that fills within 24h0m0s": {Limit: limiter.Limit{Rate: 0.001, Burst: 100}},
		"guesses.off: true: want no limit, which would have no effect":                            {Off: true, Limit: limiter.PerMinute(1)},
	} {
		_, err := middleware.New(newFixture(t).gate, middleware.Config{Guesses: cfg})
		require.ErrorIs(t, err, middleware.ErrInvalid, want)
		require.ErrorContains(t, err, want)
	}
	h := newFixture(t)
	handler := h.middleware(middleware.Config{Guesses: middleware.GuessConfig{Limit: limiter.Limit{Rate: 0.1, Burst: 2}}}).Handler(ok)
	for i, want := range []int{401, 401, 429} {
		w := serve(handler, with(forge()))
		require.Equal(t, want, w.Code, fmt.Sprint(i))
		require.Equal(t, map[bool]string{true: "10"}[want == 429], w.Header().Get("Retry-After"))
	}
}

// TestGuessesCostNothing checks that a decision allocates no more with the bound, while
// some other address is over it.
func TestGuessesCostNothing(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	allocs := func(cfg middleware.GuessConfig) float64 {
		mw := h.middleware(middleware.Config{Guesses: cfg})
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-API-Key", secret)
		return testing.AllocsPerRun(100, func() { mw.Check(r) })
	}
	require.Equal(t, allocs(middleware.GuessConfig{Off: true}), allocs(middleware.GuessConfig{}))
}
