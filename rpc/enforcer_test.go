package rpc_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/leak"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

const get = "/pets.v1.Pets/Get"

// fixture is a Gate with one key.
type fixture struct {
	gate   *gate.Gate
	keys   *apikey.Service
	plans  *usageplan.Service
	groups *usageplan.Groups
	key    apikey.Key
	secret string
}

func newFixture(t testing.TB, p usageplan.Plan, wrap ...func(store.Counter) store.Counter) *fixture {
	st := memory.New(memory.Config{})
	counter := store.Counter(st)
	for _, w := range wrap {
		counter = w(counter)
	}
	units := usageplan.Units{{Name: "bytes"}}
	f := new(fixture)
	var err error
	f.gate, err = gate.New(st, st, counter, gate.Config{Units: units})
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.gate.Close() })
	f.keys, err = apikey.NewService(st, apikey.Config{})
	require.NoError(t, err)
	f.plans, err = usageplan.NewService(st, st, usageplan.Config{Units: units})
	require.NoError(t, err)
	f.groups, err = usageplan.NewGroups(st, st, st, usageplan.Config{Units: units})
	require.NoError(t, err)

	p.ID = "free"
	_, err = f.plans.Create(t.Context(), p)
	require.NoError(t, err)
	key, secret, err := f.keys.Create(t.Context(), apikey.Key{Name: "key", Enabled: true})
	require.NoError(t, err)
	require.NoError(t, f.plans.Link(t.Context(), "free", key.ID))
	f.key, f.secret = key, string(secret)
	return f
}

// open decides a call with these header fields, which are names and values in turn.
func open(t testing.TB, e *rpc.Enforcer, peer string, fields ...string) (*rpc.Session, *rpc.Refusal) {
	c := rpc.Call{Method: get, Header: http.Header{}, Peer: peer, Message: "hello", SizeOf: func(m any) int { return len(m.(string)) }}
	for i := 0; i < len(fields); i += 2 {
		c.Header.Add(fields[i], fields[i+1])
	}
	return e.Open(t.Context(), c)
}

func enforcer(t testing.TB, g *gate.Gate, cfg rpc.Config) *rpc.Enforcer {
	e, err := rpc.New(g, cfg)
	require.NoError(t, err)
	return e
}

// TestFaults reports every fault of a Config at once.
func TestFaults(t *testing.T) {
	_, err := rpc.New(nil, rpc.Config{
		API:          "pets",
		Public:       []string{"/pets.v1.Pets/*", "pets.v1.Pets/Get", "/pets.v1.Pets", "/pets.v1.Pets/", "GET /pets/a", "/a/b/c", ""},
		Messages:     4,
		LimitCode:    rpc.NotFound,
		Jitter:       -1,
		Forwarded:    true,
		MessageCosts: nil,
	})
	require.ErrorIs(t, err, rpc.ErrInvalid)
	require.Equal(t, strings.TrimSpace(`
rpc: invalid config: public[1]: "pets.v1.Pets/Get": want a form like "/pets.v1.Pets/Get" or "/pets.v1.Pets/*"
public[2]: "/pets.v1.Pets": want a form like "/pets.v1.Pets/Get" or "/pets.v1.Pets/*"
public[3]: "/pets.v1.Pets/": want a form like "/pets.v1.Pets/Get" or "/pets.v1.Pets/*"
public[4]: "GET /pets/a": want a form like "/pets.v1.Pets/Get" or "/pets.v1.Pets/*"
public[5]: "/a/b/c": want a form like "/pets.v1.Pets/Get" or "/pets.v1.Pets/*"
public[6]: "": want a form like "/pets.v1.Pets/Get" or "/pets.v1.Pets/*"
messages: 4: want Received, Sent, or both
limitCode: 5: want ResourceExhausted or Unavailable
gate: nil: want a Gate
api, stage: "pets", "": want both or neither
jitter: -1ns: want 0 to 1h0m0s
forwarded: true: want the proxies in trusted, too`), err.Error())

	_, err = rpc.New(newFixture(t, usageplan.Plan{}).gate, rpc.Config{MessageCosts: func(*rpc.Call) usageplan.Costs { return usageplan.Costs{} }})
	require.EqualError(t, err, "rpc: invalid config: messageCosts: it is never asked: set messages, too")
}

// TestAddress believes a proxy only if it is trusted.
func TestAddress(t *testing.T) {
	f := newFixture(t, usageplan.Plan{})
	_, err := f.keys.Update(t.Context(), f.key.ID, func(k *apikey.Key) error {
		k.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		return nil
	})
	require.NoError(t, err)
	trusted := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	for _, c := range []struct {
		cfg         rpc.Config
		peer, field string
		admitted    bool
	}{
		{rpc.Config{}, "192.0.2.1:1234", "", true},
		{rpc.Config{}, "198.51.100.1:1234", "192.0.2.1", false},
		{rpc.Config{}, "bufconn", "192.0.2.1", false},
		{rpc.Config{Trusted: trusted}, "198.51.100.1:1234", "192.0.2.1", true},
		{rpc.Config{Trusted: trusted}, "203.0.113.1:1234", "192.0.2.1", false},
	} {
		_, refused := open(t, enforcer(t, f.gate, c.cfg), c.peer, "X-API-Key", f.secret, "X-Forwarded-For", c.field)
		require.Equal(t, c.admitted, refused == nil, c)
		if !c.admitted {
			require.Equal(t, rpc.PermissionDenied, refused.Code)
			require.Equal(t, "the API key may not be used from this address", refused.Message)
		}
	}
}

// TestScopes has scopes of a method, of a service, and of all other calls.
func TestScopes(t *testing.T) {
	f := newFixture(t, usageplan.Plan{})
	_, err := f.keys.Update(t.Context(), f.key.ID, func(k *apikey.Key) error { k.Scopes = []string{"one"}; return nil })
	require.NoError(t, err)
	scopes := map[string]string{get: "one", "/pets.v1.Pets/*": "all"}
	other := func(*rpc.Call) string { return "other" }
	for _, c := range []struct {
		method string
		cfg    rpc.Config
		lacks  string
	}{
		{get, rpc.Config{RouteScopes: scopes, Scope: other}, ""},
		{"/pets.v1.Pets/Put", rpc.Config{RouteScopes: scopes, Scope: other}, "all"},
		{"/pets.v1.Dogs/Get", rpc.Config{RouteScopes: scopes, Scope: other}, "other"},
		{"/pets.v1.Dogs/Get", rpc.Config{RouteScopes: scopes}, ""},
	} {
		_, refused := enforcer(t, f.gate, c.cfg).Open(t.Context(), rpc.Call{Method: c.method, Header: http.Header{"X-Api-Key": {f.secret}}})
		if c.lacks == "" {
			require.Nil(t, refused, c.method)
			continue
		}
		require.Equal(t, rpc.PermissionDenied, refused.Code)
		require.Contains(t, refused.Header.Get("WWW-Authenticate"), `scope="`+c.lacks+`"`)
	}
	_, err = rpc.New(f.gate, rpc.Config{RouteScopes: map[string]string{"Get": "a b"}})
	require.ErrorContains(t, err, `routeScopes: "Get": want a form like`)
	require.ErrorContains(t, err, `routeScopes["Get"]`)
}

// TestCredentials has credentials in several places.
func TestCredentials(t *testing.T) {
	f := newFixture(t, usageplan.Plan{})
	e := enforcer(t, f.gate, rpc.Config{})
	for _, c := range []struct {
		fields  []string
		refusal string
	}{
		{[]string{"X-API-Key", f.secret}, ""},
		{[]string{"Authorization", "Bearer " + f.secret}, ""},
		{[]string{"Authorization", "Basic YTpi", "X-API-Key", f.secret}, ""},
		{nil, "a valid API key is required"},
		{[]string{"X-API-Key", "wrong"}, "a valid API key is required"},
		{[]string{"Authorization", "Bearer " + f.secret, "X-API-Key", "wrong"}, "the call has more than one API key"},
		{[]string{"X-API-Key", f.secret, "X-API-Key", f.secret}, "the call has more than one API key"},
	} {
		_, refused := open(t, e, "", c.fields...)
		if c.refusal == "" {
			require.Nil(t, refused, c.fields)
			continue
		}
		require.Equal(t, rpc.Unauthenticated, refused.Code)
		require.Equal(t, c.refusal, refused.Message)
		require.Zero(t, refused.RetryDelay)
		require.Empty(t, refused.Violations)
	}
}

// TestOwnCredential authenticates calls in another way.
func TestOwnCredential(t *testing.T) {
	f := newFixture(t, usageplan.Plan{})
	failed := errors.New("the directory of certificates is down")
	e := enforcer(t, f.gate, rpc.Config{Credential: func(c *rpc.Call) (middleware.Credential, error) {
		require.NotNil(t, c.Context())
		if c.Peer == "" {
			return middleware.Credential{}, failed
		}
		return middleware.Credential{KeyID: f.key.ID}, nil
	}})
	s, refused := open(t, e, "192.0.2.1:1234")
	require.Nil(t, refused)
	key, ok := middleware.KeyFromContext(s.Context())
	require.True(t, ok)
	require.Equal(t, f.key.ID, key.ID)

	_, refused = open(t, e, "")
	require.Equal(t, rpc.Unavailable, refused.Code)
	require.Equal(t, "the API key or its limits could not be checked", refused.Message)
}

// TestReasons has a refusal of each kind.
func TestReasons(t *testing.T) {
	hourly := limiter.MustParse("1/h")
	monthly := usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("1/year")}}
	cost := func(n int64) rpc.Config {
		return rpc.Config{Costs: func(*rpc.Call) usageplan.Costs { return usageplan.Costs{n} }}
	}
	for name, c := range map[string]struct {
		plan usageplan.Plan
		cfg  rpc.Config

		code     rpc.Code
		message  string // its beginning
		wait     bool
		pushback string
		limit    string
	}{
		"a throttle":         {plan: usageplan.Plan{Throttle: &hourly}, code: rpc.ResourceExhausted, message: "a rate limit is reached: try again in", wait: true, pushback: "-1", limit: "throttle"},
		"a quota":            {plan: monthly, code: rpc.ResourceExhausted, message: "a quota is used up: try again in", wait: true, pushback: "-1", limit: "year"},
		"a quota, by choice": {plan: monthly, cfg: rpc.Config{LimitCode: rpc.Unavailable}, code: rpc.Unavailable, message: "a quota is used up: try again in", wait: true, pushback: "-1", limit: "year"},
		"never fits": {plan: usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("1/year"), quota.MustParse("9 bytes/year")}}, cfg: cost(10),
			code: rpc.PermissionDenied, message: "the call exceeds what the plan can ever allow", limit: "bytes/year"},
		"a mistake": {cfg: cost(-1), code: rpc.Internal, message: "the service failed to determine the costs"},
		"no plan":   {cfg: rpc.Config{API: "pets", Stage: "prod"}, plan: usageplan.Plan{Stages: []usageplan.Stage{{API: "dogs", Name: "prod"}}}, code: rpc.PermissionDenied, message: "the API key has no plan for this service"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, c.plan)
			e := enforcer(t, f.gate, c.cfg)
			_, refused := open(t, e, "", "X-API-Key", f.secret)
			if c.wait {
				require.Nil(t, refused)
				_, refused = open(t, e, "", "X-API-Key", f.secret)
			}
			require.Equal(t, c.code, refused.Code)
			require.True(t, strings.HasPrefix(refused.Message, c.message), refused.Message)
			require.Equal(t, refused.Message, refused.Error())
			require.Equal(t, c.wait, refused.RetryDelay > 0)
			require.Equal(t, c.pushback, refused.Pushback())
			if c.limit != "" {
				require.Len(t, refused.Violations, 1)
				require.Equal(t, c.limit, refused.Violations[0].Limit)
			}
		})
	}
}

// TestGuesses bounds the look-ups that a client causes with keys that are not good.
func TestGuesses(t *testing.T) {
	f := newFixture(t, usageplan.Plan{})
	e := enforcer(t, f.gate, rpc.Config{Guesses: middleware.GuessConfig{Limit: limiter.MustParse("1/m burst 3")}})
	_, refused := open(t, e, "192.0.2.1:1234", "X-API-Key", f.secret)
	require.Nil(t, refused)
	var codes []rpc.Code
	for range 5 {
		_, secret, err := f.keys.Create(t.Context(), apikey.Key{Name: "disabled"})
		require.NoError(t, err)
		_, refused = open(t, e, "192.0.2.1:1234", "X-API-Key", string(secret))
		codes = append(codes, refused.Code)
	}
	require.Equal(t, []rpc.Code{rpc.Unauthenticated, rpc.Unauthenticated, rpc.Unauthenticated, rpc.ResourceExhausted, rpc.ResourceExhausted}, codes)
	require.Contains(t, refused.Message, "too many calls from this address had no valid API key: try again in")
	require.InDelta(t, time.Minute, refused.RetryDelay, float64(time.Second))
	require.Empty(t, refused.Violations)

	_, refused = open(t, e, "192.0.2.1:1234", "X-API-Key", f.secret)
	require.Nil(t, refused, "a key that was good before")
}

// TestPushback rounds the wait up.
func TestPushback(t *testing.T) {
	for wait, want := range map[time.Duration]string{0: "", 1: "1", time.Second: "1000", time.Second + 1: "1001", 10 * time.Second: "10000", 10*time.Second + 1: "-1"} {
		require.Equal(t, want, (&rpc.Refusal{RetryDelay: wait}).Pushback())
	}
}

// TestGroups shows the limits of groups only if the service wants that.
func TestGroups(t *testing.T) {
	f := newFixture(t, usageplan.Plan{})
	org, err := f.plans.Create(t.Context(), usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("1/year")}})
	require.NoError(t, err)
	_, err = f.groups.Create(t.Context(), usageplan.Group{ID: "acme", PlanID: org.ID})
	require.NoError(t, err)
	_, err = f.groups.MoveKey(t.Context(), f.key.ID, "acme")
	require.NoError(t, err)
	s, refused := open(t, enforcer(t, f.gate, rpc.Config{}), "", "X-API-Key", f.secret)
	require.Nil(t, refused)
	require.Empty(t, s.Header())

	_, refused = open(t, enforcer(t, f.gate, rpc.Config{}), "", "X-API-Key", f.secret)
	require.Equal(t, []rpc.Violation{{Subject: "group", Limit: "year", Unit: "requests"}}, refused.Violations)
	require.Empty(t, refused.Header.Get("RateLimit"))

	_, refused = open(t, enforcer(t, f.gate, rpc.Config{ShowGroups: true}), "", "X-API-Key", f.secret)
	require.Equal(t, []rpc.Violation{{Subject: "group acme", Limit: "year", Unit: "requests", Max: 1}}, refused.Violations)
	require.Equal(t, `the limit "year" of the group acme is reached`, refused.Violations[0].Description())
	require.Contains(t, refused.Header.Get("RateLimit"), `"acme/year";r=0`)
}

// TestJitter adds to the wait for a quota, and not to that for a throttle.
func TestJitter(t *testing.T) {
	f := newFixture(t, usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("1/year")}})
	e := enforcer(t, f.gate, rpc.Config{Jitter: time.Hour})
	_, refused := open(t, e, "", "X-API-Key", f.secret)
	require.Nil(t, refused)
	d, err := f.gate.Peek(t.Context(), gate.Request{KeyID: f.key.ID})
	require.NoError(t, err)
	seen := map[time.Duration]bool{}
	for range 20 {
		_, refused := open(t, e, "", "X-API-Key", f.secret)
		require.InDelta(t, d.RetryAfter+30*time.Minute, refused.RetryDelay, float64(31*time.Minute))
		seen[refused.RetryDelay] = true
	}
	require.Greater(t, len(seen), 10)
}

// TestFailedCorrections logs that settling fails, once and not for each call.
func TestFailedCorrections(t *testing.T) {
	var log strings.Builder
	f := newFixture(t, usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("9/year")}}, func(c store.Counter) store.Counter {
		down := errors.New("down")
		return storetest.Faulty(c, storetest.Fault{Take: 2, Err: down}, storetest.Fault{Take: 4, Err: down})
	})
	e := enforcer(t, f.gate, rpc.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Refund: func(rpc.Code) bool { return true }})
	for range 2 {
		s, refused := open(t, e, "", "X-API-Key", f.secret)
		require.Nil(t, refused)
		s.End(rpc.Internal, nil)
	}
	require.Equal(t, 1, strings.Count(log.String(), "settling or refunding a call failed"), log.String())
}

// TestSizes have a message of unknown size cost -1, which is refused.
func TestSizes(t *testing.T) {
	require.Zero(t, (&rpc.Call{}).Size())
	require.EqualValues(t, -1, (&rpc.Call{Message: 7}).Size())
	require.EqualValues(t, 5, (&rpc.Call{Message: 7, SizeOf: func(any) int { return 5 }}).Size())
}

// TestNothingShowsASecret prints every exported struct.
func TestNothingShowsASecret(t *testing.T) {
	f := newFixture(t, usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("1/year")}})
	cfg := rpc.Config{Logger: slog.Default(), StripCredential: true}
	var end *rpc.End
	cfg.Settle = func(e *rpc.End) usageplan.Costs { end = e; return e.Costs }
	e := enforcer(t, f.gate, cfg)
	s, refused := open(t, e, "", "X-API-Key", f.secret)
	require.Nil(t, refused)
	s.End(rpc.OK, "bye")
	require.Equal(t, rpc.Traffic{Messages: 1, Bytes: 5}, end.Received)
	require.Equal(t, rpc.Traffic{Messages: 1, Bytes: 3}, end.Sent)
	_, refused = open(t, e, "", "X-API-Key", f.secret)
	values := map[string]any{
		"Config": cfg, "Enforcer": e, "Session": s, "Call": end.Call, "End": end, "Traffic": end.Sent,
		"Refusal": refused, "Violation": refused.Violations[0], "Unserved": rpc.Unserved{Name: get},
	}
	leak.Complete(t, values)
	leak.Check(t, f.secret[5:37], values)
	require.Equal(t, "rpc.Call "+get, end.Call.String())
}

// BenchmarkOpen decides a call and ends it.
func BenchmarkOpen(b *testing.B) {
	f := newFixture(b, usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("1000000000/year")}})
	e := enforcer(b, f.gate, rpc.Config{})
	c := rpc.Call{Method: get, Header: http.Header{"X-Api-Key": {f.secret}, "User-Agent": {"grpc-go"}}}
	b.ReportAllocs()
	for b.Loop() {
		s, refused := e.Open(context.Background(), c)
		if refused != nil {
			b.Fatal(refused)
		}
		s.Header()
		s.End(rpc.OK, nil)
	}
}
