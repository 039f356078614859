package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
)

func named(t *testing.T, c store.Counter, name string, l limiter.Limit) *limiter.Limiter {
	lim, err := limiter.New(c, l, limiter.Config{Name: name})
	require.NoError(t, err)
	return lim
}

func accountOf(r *http.Request) (string, error) { return r.Header.Get("Account"), nil }

// attempt returns a request of an account from an address, which its handler answers with
// a status.
func attempt(address, account string, status int) *http.Request {
	r := from(address)
	r.Header.Set("Account", account)
	r.Header.Set("Answer", strconv.Itoa(status))
	return r
}

// answering is a handler that answers with the status that the request names. It panics
// if that is 0.
var answering = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	status, err := strconv.Atoi(r.Header.Get("Answer"))
	if err != nil || status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
})

func unauthorized(status int) bool { return status == http.StatusUnauthorized || status >= 500 }

// TestLimitBySeveral limits addresses and accounts at once. A request that one limit
// refuses takes no token of the other.
func TestLimitBySeveral(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(memory.Config{})
		byAddress := named(t, st, "address", limiter.Limit{Rate: 0.1, Burst: 2})
		byAccount := named(t, st, "account", limiter.Limit{Rate: 0.01, Burst: 1})
		var told []middleware.LimitDecision
		handler := must(middleware.LimitBy(byAddress, middleware.ByIP(), middleware.LimitConfig{
			Also:       []middleware.KeyedLimit{{Limiter: byAccount, Key: accountOf}},
			XRateLimit: middleware.XRateLimitSeconds,
			Observer:   func(_ context.Context, d middleware.LimitDecision) { told = append(told, d) },
		}))(ok)
		for i, step := range []struct {
			after            time.Duration
			address, account string
			status           int
			retry            string
			limits           []string
			x                string
			violated         string
			told             middleware.LimitDecision
		}{
			{0, "192.0.2.1", "ann", 200, "", []string{`"address";r=1;t=10`, `"account";r=0;t=100`}, "1 0 100", "",
				middleware.LimitDecision{Limit: "address", Allowed: true}},
			{0, "192.0.2.1", "ann", 429, "100", []string{`"address";r=1`, `"account";r=0;t=100`}, "1 0 100", `["account"]`,
				middleware.LimitDecision{Limit: "account", Wait: 100 * time.Second}},
			{0, "192.0.2.1", "bob", 200, "", []string{`"address";r=0;t=10`, `"account";r=0;t=100`}, "2 0 20", "",
				middleware.LimitDecision{Limit: "address", Allowed: true}},
			{0, "192.0.2.1", "eve", 429, "10", []string{`"address";r=0;t=10`, `"account";r=1`}, "2 0 20", `["address"]`,
				middleware.LimitDecision{Limit: "address", Wait: 10 * time.Second}},
			{0, "192.0.2.1", "bob", 429, "100", []string{`"address";r=0;t=10`, `"account";r=0;t=100`}, "1 0 100", `["address","account"]`,
				middleware.LimitDecision{Limit: "account", Wait: 100 * time.Second}},
			{10 * time.Second, "192.0.2.1", "eve", 200, "", []string{`"address";r=0;t=10`, `"account";r=0;t=100`}, "2 0 20", "",
				middleware.LimitDecision{Limit: "address", Allowed: true}},
			{0, "192.0.2.1", "", 400, "", nil, "  ", "", middleware.LimitDecision{}},
		} {
			time.Sleep(step.after)
			told = nil
			w := serve(handler, attempt(step.address, step.account, 200))
			get := w.Header().Get
			require.Equal(t, step.status, w.Code, i)
			require.Equal(t, step.retry, get("Retry-After"), i)
			require.Equal(t, step.limits, w.Header()["Ratelimit"], i)
			require.Equal(t, step.x, get("X-RateLimit-Limit")+" "+get("X-RateLimit-Remaining")+" "+get("X-RateLimit-Reset"), i)
			if step.violated != "" {
				var body struct {
					Violated json.RawMessage `json:"violated-policies"`
				}
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
				require.JSONEq(t, step.violated, string(body.Violated), i)
			}
			if step.status == 400 {
				require.Empty(t, told, "no limit has decided")
				continue
			}
			require.Equal(t, []middleware.LimitDecision{step.told}, told, i)
		}
	})
}

// TestLimitBySeveralTwice checks that a request is charged once by each limit, also if an
// inner LimitBy has one of them alone.
func TestLimitBySeveralTwice(t *testing.T) {
	st := memory.New(memory.Config{})
	byAddress, byAccount := named(t, st, "address", limiter.PerMinute(9)), named(t, st, "account", limiter.PerMinute(9))
	both := must(middleware.LimitBy(byAddress, middleware.ByIP(), middleware.LimitConfig{Also: []middleware.KeyedLimit{{Limiter: byAccount, Key: accountOf}}}))
	address := must(middleware.LimitBy(byAddress, middleware.ByIP(), middleware.LimitConfig{}))
	account := must(middleware.LimitBy(byAccount, accountOf, middleware.LimitConfig{}))
	for i, handler := range []http.Handler{both(address(account(ok))), address(both(account(ok))), account(both(both(ok)))} {
		require.Equal(t, 200, status(handler, attempt("192.0.2.1", "ann", 200)))
		for name, lim := range map[string]*limiter.Limiter{"192.0.2.1": byAddress, "ann": byAccount} {
			r, err := lim.Peek(t.Context(), name)
			require.NoError(t, err)
			require.EqualValues(t, 8-i, r.Remaining, "%d %s", i, name)
		}
	}
}

// TestChargeIf limits failed logins. Answers that do not count give their token back.
func TestChargeIf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.New(memory.Config{})
		byAddress, byAccount := named(t, st, "address", limiter.Limit{Rate: 0.01, Burst: 3}), named(t, st, "account", limiter.Limit{Rate: 0.01, Burst: 2})
		for name, cfg := range map[string]middleware.LimitConfig{
			"one":     {ChargeIf: unauthorized, OmitHeaders: true},
			"several": {ChargeIf: unauthorized, Also: []middleware.KeyedLimit{{Limiter: byAccount, Key: accountOf}}},
		} {
			handler := must(middleware.LimitBy(byAddress, middleware.ByIP(), cfg))(answering)
			address, account := name+"'s", name
			if name == "one" {
				address = "192.0.2.1"
			} else {
				address = "192.0.2.2"
			}
			for i, step := range []struct {
				answer, status int
				left           [2]int64 // of the address and the account
			}{
				{200, 200, [2]int64{3, 2}},
				{204, 204, [2]int64{3, 2}},
				{401, 401, [2]int64{2, 1}},
				{404, 404, [2]int64{2, 1}},
				{0, 0, [2]int64{1, 0}}, // a panic counts as 500
			} {
				func() {
					defer func() { require.Equal(t, step.answer == 0, recover() != nil) }()
					require.Equal(t, step.status, status(handler, attempt(address, account, step.answer)), "%s %d", name, i)
				}()
				r, err := byAddress.Peek(t.Context(), address)
				require.NoError(t, err)
				require.Equal(t, step.left[0], r.Remaining, "%s %d", name, i)
				if name == "several" {
					r, err = byAccount.Peek(t.Context(), account)
					require.NoError(t, err)
					require.Equal(t, step.left[1], r.Remaining, "%s %d", name, i)
				}
			}
		}
	})
}

// TestChargeIfTogether sends many attempts at once. No more of them reach the handler
// than the limit allows, and a client that hangs up gets no token back.
func TestChargeIfTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const burst = 5
		lim := named(t, memory.New(memory.Config{}), "login", limiter.Limit{Rate: 0.001, Burst: burst})
		var mu sync.Mutex
		reached := 0
		handler := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{ChargeIf: unauthorized}))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			reached++
			mu.Unlock()
			time.Sleep(time.Second)
			w.WriteHeader(http.StatusUnauthorized)
		}))
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { serve(handler, from("192.0.2.1:80")) })
		}
		wg.Wait()
		require.Equal(t, burst, reached)

		ctx, cancel := context.WithCancel(t.Context())
		gone := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{ChargeIf: unauthorized}))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
		require.Equal(t, 200, status(gone, from("192.0.2.2:80").WithContext(ctx)))
		r, err := lim.Peek(t.Context(), "192.0.2.2")
		require.NoError(t, err)
		require.EqualValues(t, burst-1, r.Remaining)
	})
}

// TestChargeIfFails checks that a token that could not be given back is logged, and that
// the answer goes out.
func TestChargeIfFails(t *testing.T) {
	var log bytes.Buffer
	counter := storetest.Faulty(memory.New(memory.Config{}), storetest.Fault{Take: 2, Err: errBroken})
	lim := named(t, counter, "login", limiter.PerMinute(5))
	handler := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{ChargeIf: unauthorized, Logger: slog.New(slog.NewTextHandler(&log, nil))}))(ok)
	require.Equal(t, 200, status(handler, from("192.0.2.1:80")))
	require.Contains(t, log.String(), "could not give a token back")
	require.NotContains(t, log.String(), "192.0.2.1")
}

// TestLimitByOnFailure checks what OnFailure does while the Counter fails, and that a
// full store refuses in any case.
func TestLimitByOnFailure(t *testing.T) {
	limit := limiter.Limit{Rate: 0.5, Burst: 2}
	full := func() store.Counter {
		st := memory.New(memory.Config{MaxSubjects: 1})
		_, err := named(t, st, "x", limiter.Limit{Rate: 0.001, Burst: 1}).Allow(t.Context(), "somebody")
		require.NoError(t, err)
		return st
	}
	broken := func() store.Counter {
		return storetest.Faulty(memory.New(memory.Config{}), storetest.Fault{Err: errBroken})
	}
	for _, c := range []struct {
		what     string
		counter  func() store.Counter
		policy   gate.Failure
		statuses []int // of four requests, and of one 2s later
		retry    string
	}{
		{"the default", broken, gate.FailDefault, []int{503, 503, 503, 503, 503}, "1"},
		{"closed", broken, gate.FailClosed, []int{503, 503, 503, 503, 503}, "1"},
		{"open", broken, gate.FailOpen, []int{200, 200, 200, 200, 200}, ""},
		{"local", broken, gate.FailLocal, []int{200, 200, 429, 429, 200}, "2"},
		{"full, open", full, gate.FailOpen, []int{503, 503, 503, 503, 503}, "1"},
		{"full, local", full, gate.FailLocal, []int{503, 503, 503, 503, 503}, "1"},
	} {
		for _, several := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				counter := c.counter()
				var told middleware.LimitDecision
				cfg := middleware.LimitConfig{
					OnFailure: c.policy, Observer: func(_ context.Context, d middleware.LimitDecision) { told = d },
					ChargeIf: func(int) bool { return false }, // there is nothing to give back
				}
				if several {
					cfg.Also = []middleware.KeyedLimit{{Limiter: named(t, counter, "account", limiter.PerSecond(100)), Key: accountOf}}
				}
				handler := must(middleware.LimitBy(named(t, counter, "address", limit), middleware.ByIP(), cfg))(ok)
				for i, want := range c.statuses {
					if i == 4 {
						time.Sleep(2 * time.Second)
					}
					w := serve(handler, attempt("192.0.2.1", "ann", 200))
					require.Equal(t, want, w.Code, "%s %d", c.what, i)
					require.Empty(t, w.Header().Get("RateLimit"), "%s: nothing is known", c.what)
					require.Error(t, told.Err)
					require.NotContains(t, told.Err.Error(), "192.0.2.1")
					require.Equal(t, want == 200, told.Allowed)
					require.Equal(t, want == 429, told.Wait > 0)
					if want != 200 {
						require.Equal(t, c.retry, w.Header().Get("Retry-After"), "%s %d", c.what, i)
					}
				}
			})
		}
	}
}

// TestLocalLimitChanges checks that the buckets of this process follow the limit.
func TestLocalLimitChanges(t *testing.T) {
	lim := named(t, storetest.Faulty(memory.New(memory.Config{}), storetest.Fault{Err: errBroken}), "address", limiter.Limit{Rate: 0.001, Burst: 1})
	handler := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{OnFailure: gate.FailLocal}))(ok)
	for _, step := range []struct {
		limit    limiter.Limit
		statuses []int
	}{
		{limiter.Limit{Rate: 0.001, Burst: 1}, []int{200, 429}},
		{limiter.Limit{Rate: 0.001, Burst: 2}, []int{200, 200, 429}},
		{limiter.Limit{}, []int{403}},
		{unlimited(), []int{200, 200}},
	} {
		require.NoError(t, lim.SetLimit(step.limit))
		for i, want := range step.statuses {
			require.Equal(t, want, status(handler, from("192.0.2.1:80")), "%v %d", step.limit, i)
		}
	}
}

// TestByAddress checks the networks that are counted together, and the exempt addresses.
func TestByAddress(t *testing.T) {
	prefix := netip.MustParsePrefix
	proxies := []netip.Prefix{prefix("10.0.0.0/8")}
	exempt := []netip.Prefix{prefix("198.51.100.0/24"), prefix("2001:db8:1::/48"), prefix("10.0.0.0/8")}
	forwarded := func(field, value string) *http.Request {
		r := from("10.0.0.1:80")
		r.Header.Set(field, value)
		return r
	}
	for _, c := range []struct {
		cfg  middleware.AddressConfig
		r    *http.Request
		want string // "" if the address is exempt
	}{
		{middleware.AddressConfig{}, from("192.0.2.1:80", "6.6.6.6"), "192.0.2.1"},
		{middleware.AddressConfig{}, from("[2001:db8:2:3::4]:80"), "2001:db8:2:3::/64"},
		{middleware.AddressConfig{IPv4Bits: 24, IPv6Bits: 48}, from("192.0.2.1:80"), "192.0.2.0/24"},
		{middleware.AddressConfig{IPv4Bits: 24, IPv6Bits: 48}, from("[2001:db8:2:3::4]:80"), "2001:db8:2::/48"},
		{middleware.AddressConfig{IPv4Bits: 24, IPv6Bits: 48}, from("[2002:c000:0207::1]:80"), "192.0.2.0/24"},
		{middleware.AddressConfig{IPv6Bits: 48}, from("[64:ff9b:1::c633:6407]:80"), "64:ff9b:1::c633:6407"},
		{middleware.AddressConfig{IPv6Bits: 128}, from("[2001:db8:2:3::4]:80"), "2001:db8:2:3::4"},
		{middleware.AddressConfig{Trusted: proxies}, forwarded("X-Forwarded-For", "192.0.2.1"), "192.0.2.1"},
		{middleware.AddressConfig{Trusted: proxies}, forwarded("Forwarded", "for=192.0.2.1"), "10.0.0.1"},
		{middleware.AddressConfig{Trusted: proxies, Forwarded: true}, forwarded("Forwarded", "for=192.0.2.1;by=_hidden"), "192.0.2.1"},
		{middleware.AddressConfig{Trusted: proxies, Forwarded: true}, forwarded("Forwarded", `by="_a.b-c_d:_e" ;for="[2001:db8:2:3::4]:47011"`), "2001:db8:2:3::/64"},
		{middleware.AddressConfig{Trusted: proxies, Forwarded: true}, forwarded("Forwarded", `for=192.0.2.1;for=192.0.2.2`), "10.0.0.1"},
		{middleware.AddressConfig{Trusted: proxies, Forwarded: true}, forwarded("X-Forwarded-For", "192.0.2.1"), "10.0.0.1"},

		{middleware.AddressConfig{Exempt: exempt}, from("198.51.100.7:80"), ""},
		{middleware.AddressConfig{Exempt: exempt}, from("[::ffff:198.51.100.7]:80"), ""},
		{middleware.AddressConfig{Exempt: exempt}, from("[2001:db8:1:2::3]:80"), ""},
		{middleware.AddressConfig{Exempt: exempt}, from("192.0.2.1:80", "198.51.100.7"), "192.0.2.1"},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80", "198.51.100.7"), ""},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80", "198.51.100.7, 192.0.2.1"), "192.0.2.1"},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80"), ""}, // the proxy itself
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80", "10.0.0.2"), ""},

		// The client is not known, so the exempt address of the proxy does not help it.
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80", "unknown"), "10.0.0.1"},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80", "198.51.100.7,"), "10.0.0.1"},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies, Forwarded: true}, forwarded("Forwarded", `for=198.51.100.7;x=", for=192.0.2.1`), "10.0.0.1"},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies, Forwarded: true}, forwarded("Forwarded", "for=198.51.100.7, for=_hidden"), "10.0.0.1"},
	} {
		got, err := must(middleware.ByAddress(c.cfg))(c.r)
		what := fmt.Sprintf("%+v %s %v", c.cfg, c.r.RemoteAddr, c.r.Header)
		if c.want == "" {
			require.ErrorIs(t, err, middleware.ErrExempt, what)
			continue
		}
		require.NoError(t, err, what)
		require.Equal(t, c.want, got, what)
	}
	_, err := middleware.ByAddress(middleware.AddressConfig{IPv4Bits: 33, IPv6Bits: -1, Trusted: make([]netip.Prefix, 1), Exempt: make([]netip.Prefix, 1)})
	require.ErrorIs(t, err, middleware.ErrInvalid)
	for _, fault := range []string{"ipv4Bits: 33: want 1 to 32", "ipv6Bits: -1: want 1 to 128", "trusted[0]:", "exempt[0]:"} {
		require.ErrorContains(t, err, fault)
	}
}

// TestLimitByExempt checks that an exempt request is not counted by the limit of
// addresses. It still has the limit of its account.
func TestLimitByExempt(t *testing.T) {
	st := memory.New(memory.Config{})
	byAddress, byAccount := named(t, st, "address", limiter.Limit{Rate: 0.001, Burst: 1}), named(t, st, "account", limiter.Limit{Rate: 0.001, Burst: 2})
	key := must(middleware.ByAddress(middleware.AddressConfig{Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}))
	alone := must(middleware.LimitBy(byAddress, key, middleware.LimitConfig{}))(ok)
	both := must(middleware.LimitBy(byAddress, key, middleware.LimitConfig{Also: []middleware.KeyedLimit{{Limiter: byAccount, Key: accountOf}}}))(ok)
	for range 3 {
		w := serve(alone, from("192.0.2.1:80"))
		require.Equal(t, 200, w.Code)
		require.Empty(t, w.Header())
	}
	for _, want := range []int{200, 200, 429} {
		w := serve(both, attempt("192.0.2.1", "ann", 200))
		require.Equal(t, want, w.Code)
		require.Len(t, w.Header()["Ratelimit"], 1)
	}
}

// TestLimitConfigFaults checks that LimitBy reports the faults of further limits.
func TestLimitConfigFaults(t *testing.T) {
	st := memory.New(memory.Config{})
	one := named(t, st, "one", limiter.PerSecond(1))
	for _, c := range []struct {
		cfg    middleware.LimitConfig
		faults []string
	}{
		{middleware.LimitConfig{OnFailure: 9, Also: make([]middleware.KeyedLimit, 1)}, []string{"onFailure: 9: want FailOpen", "also[0].limiter: nil", "also[0].key: nil"}},
		{middleware.LimitConfig{Also: []middleware.KeyedLimit{{Limiter: one, Key: accountOf}}}, []string{`name: "one": there twice`}},
		{middleware.LimitConfig{Also: []middleware.KeyedLimit{{Limiter: named(t, memory.New(memory.Config{}), "two", limiter.PerSecond(1)), Key: accountOf}}}, []string{"counter: want that of the first limiter"}},
	} {
		_, err := middleware.LimitBy(one, middleware.ByIP(), c.cfg)
		require.ErrorIs(t, err, middleware.ErrInvalid)
		for _, fault := range c.faults {
			require.ErrorContains(t, err, fault)
		}
	}
}

// FuzzForwarded lets a client send any Forwarded lines. A trusted proxy then appends the
// client's address, in its own line or in the client's last one. The client is counted by
// that address, or by the proxy's, and is not exempt.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"", "for=203.0.113.9", `for=203.0.113.9;x="`, `for="203.0.113.9:80";by=_x, `, `x="\`, `for="[2001:db8::1]", for=10.0.0.2`, `;,=`, `for=1;for=2`} {
		f.Add(s, true)
		f.Add(s, false)
	}
	key := must(middleware.ByAddress(middleware.AddressConfig{
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Forwarded: true,
		Exempt: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("10.0.0.0/8")},
	}))
	f.Fuzz(func(t *testing.T, sent string, ownLine bool) {
		const client = `for="198.51.100.7:4711";by=_proxy`
		r := from("10.0.0.1:80")
		r.Header["Forwarded"] = []string{sent + ", " + client}
		if ownLine {
			r.Header["Forwarded"] = []string{sent, client}
		}
		got, err := key(r)
		require.NoError(t, err, "%q", r.Header)
		if got != "198.51.100.7" {
			require.Equal(t, "10.0.0.1", got, "%q", r.Header)
			require.False(t, ownLine, "a line of the proxy's own cannot be hidden: %q", r.Header)
		}
	})
}
