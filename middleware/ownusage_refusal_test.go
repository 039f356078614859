package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// unlike returns a text that differs from a secret in its last character.
func unlike(secret string) string {
	last := "x"
	if strings.HasSuffix(secret, last) {
		last = "y"
	}
	return secret[:len(secret)-1] + last
}

// TestOwnUsageRefuses compares the answers to bad keys with those of the API. They are
// the same, whatever the query is.
func TestOwnUsageRefuses(t *testing.T) {
	h := newFixture(t)
	p := newUsagePage(h, middleware.Config{API: "api", Stage: "prod"}, middleware.UsageConfig{})
	plan := &usageplan.Plan{Quotas: []quota.Quota{{Limit: 2, Period: quota.Day}}}
	disabled, secretOfDisabled := h.key(plan)
	_, err := h.keys.Update(t.Context(), disabled.ID, func(k *apikey.Key) error { k.Enabled = false; return nil })
	require.NoError(t, err)
	expired, secretOfExpired := h.key(plan)
	_, err = h.keys.Update(t.Context(), expired.ID, func(k *apikey.Key) error { k.Expires = time.Unix(1, 0); return nil })
	require.NoError(t, err)
	_, unplanned := h.key(nil)
	_, ungrouped := h.keyIn("nowhere", plan)
	_, good := h.key(plan)
	for name, secret := range map[string]string{
		"none":       "",
		"malformed":  "a key",
		"unknown":    unlike(good),
		"disabled":   secretOfDisabled,
		"expired":    secretOfExpired,
		"no plan":    unplanned,
		"no group":   ungrouped,
		"of nothing": strings.Repeat("x", 600),
	} {
		want := send(p.api, "GET", "/", secret)
		require.Contains(t, []int{401, 403}, want.Code)
		for _, query := range []string{"", "?windows=x", "?cost=1", "?%zz"} {
			w := send(p.usage, "GET", "/usage/me"+query, secret)
			require.Equal(t, want.Code, w.Code, name)
			require.Equal(t, want.Header(), w.Header(), name)
			require.Equal(t, want.Body.String(), w.Body.String(), name)
		}
	}
	unknown := send(p.usage, "GET", "/usage/me", unlike(good))
	for _, secret := range []string{secretOfDisabled, secretOfExpired} {
		w := send(p.usage, "GET", "/usage/me", secret)
		require.Equal(t, unknown.Code, w.Code)
		require.Equal(t, unknown.Header(), w.Header())
		require.Equal(t, unknown.Body.String(), w.Body.String(), "a key that may not be used looks like none")
	}
	require.Equal(t, 200, send(p.usage, "GET", "/", good).Code)
}

// TestOwnUsageQuery reports all faults of a query at once.
func TestOwnUsageQuery(t *testing.T) {
	h := newFixture(t, withTokens, func(p *parts) { p.Classes = usageplan.Classes{"opus", "haiku"} })
	p := newUsagePage(h, middleware.Config{
		Credential: middleware.Query("api_key"),
		Costs:      func(*http.Request) usageplan.Costs { return usageplan.Costs{} },
	}, middleware.UsageConfig{Limit: limiter.Limit{Rate: 100, Burst: 1000}})
	_, secret := h.key(&usageplan.Plan{
		Throttle: &limiter.Limit{Rate: 1, Burst: 1},
		Routes:   map[string]limiter.Limit{"GET /pets": {Rate: 7, Burst: 7}},
		For:      map[string]usageplan.Limits{"opus": {Quotas: []quota.Quota{quota.MustParse("5/day")}}},
	})
	for query, want := range map[string]string{
		"windows=101&days=-1":              `[{"parameter":"days","detail":"\"-1\": want 0 to 100"},{"parameter":"windows","detail":"\"101\": want 0 to 100"}]`,
		"window=3":                         `[{"parameter":"window","detail":"want windows, days, class, route, cost or cost.UNIT"}]`,
		"cost=0":                           `[{"parameter":"cost","detail":"\"0\": want 1 to 2^53-1"}]`,
		"cost.tokens=9007199254740992":     `[{"parameter":"cost.tokens","detail":"\"9007199254740992\": want 0 to 2^53-1"}]`,
		"cost=1&cost.requests=2":           `[{"parameter":"cost.requests","detail":"want cost or cost.requests, not both"}]`,
		"cost.=1":                          `[{"parameter":"cost.","detail":"want windows, days, class, route, cost or cost.UNIT"}]`,
		"cost.token=1":                     `[{"parameter":"cost.token","detail":"unit: \"token\": want one that is declared: requests, tokens"}]`,
		"days=1&days=2":                    `[{"parameter":"days","detail":"given 2 times: want it once"}]`,
		"class=gpt":                        `[{"parameter":"class","detail":"class: \"gpt\": want one that is declared: opus, haiku"}]`,
		"route=pets":                       `[{"parameter":"route","detail":"\"pets\": want a route, such as \"GET /pets/{id}\""}]`,
		"days=%zz":                         `[{"detail":"The query is not URL-encoded."}]`,
		"days=x&windows=" + "%3Cscript%3E": `[{"parameter":"days","detail":"\"x\": want 0 to 100"},{"parameter":"windows","detail":"\"\u003cscript\u003e\": want 0 to 100"}]`,
	} {
		w := send(p.usage, "GET", "/usage/me?api_key="+secret+"&"+query, "")
		require.Equal(t, 400, w.Code, query)
		require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.JSONEq(t, `{"type":"about:blank","title":"Bad Request","status":400,"detail":"The query is malformed.","errors":`+want+`}`, w.Body.String(), query)
		require.NotContains(t, w.Body.String(), secret)
	}
	get := func(query string) (b ownUsage) {
		w := send(p.usage, "GET", "/usage/me?api_key="+secret+"&"+query, "")
		require.Equal(t, 200, w.Code, w.Body)
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &b))
		return b
	}
	require.Equal(t, []string{"throttle"}, names(get("").Limits))
	require.Equal(t, []string{"throttle", "opus day"}, names(get("class=opus").Limits))
	require.Equal(t, []string{"throttle GET /pets", "opus day"}, names(get("class=opus&route=GET+/pets").Limits))
	b := get("cost=2&cost.tokens=7")
	require.Equal(t, map[string]int64{"requests": 2, "tokens": 7}, b.Cost.Of)
	require.Equal(t, ownFit{Never: true}, b.Cost.ownFit)
	require.Equal(t, &ownFit{Never: true}, b.Limits[0].Fits)
	require.Nil(t, get("").Cost)
}

// TestOwnUsageShows shows groups and soft limits only as configured.
func TestOwnUsageShows(t *testing.T) {
	h := newFixture(t)
	h.group("acme", "", &usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("1/month")}})
	h.group("team", "acme", nil)
	_, secret := h.keyIn("team", &usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("2/day soft as tried"), quota.MustParse("9/day")}})
	_, other := h.keyIn("acme", &usageplan.Plan{})
	for _, c := range []struct {
		groups, soft bool
		limits       []string
	}{{false, false, []string{"day"}}, {true, true, []string{"tried", "day"}}} {
		p := newUsagePage(h, middleware.Config{ShowGroups: c.groups}, middleware.UsageConfig{ShowSoft: c.soft})
		send(p.api, "GET", "/", other)
		b := p.own(secret, "cost=1&days=2")
		require.Equal(t, c.limits, names(b.Limits))
		require.Equal(t, c.soft, b.Limits[0].Soft)
		require.False(t, b.Cost.Now, "the group has used its quota up")
		require.True(t, b.Limits[0].Fits.Now)
		if !c.groups {
			require.Empty(t, b.Groups)
			continue
		}
		require.Len(t, b.Groups, 2)
		require.Equal(t, "team", b.Groups[0].ID)
		require.Empty(t, b.Groups[0].Limits)
		require.Equal(t, "acme", b.Groups[1].ID)
		require.Zero(t, b.Groups[1].Limits[0].Remaining)
		require.Equal(t, map[string]int64{"requests": 1}, b.Groups[1].Days[1].Used)
	}
}

// TestOwnUsageIsLimited asks often. Each key has a small bucket of its own, apart from
// its limits, and unknown keys have none.
func TestOwnUsageIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		p := newUsagePage(h, middleware.Config{}, middleware.UsageConfig{})
		_, secret := h.key(&usageplan.Plan{})
		_, other := h.key(&usageplan.Plan{})
		status := func(secret string) int { return send(p.usage, "GET", "/", secret).Code }
		for range 10 {
			require.Equal(t, 200, status(secret))
		}
		w := send(p.usage, "GET", "/?windows=x", secret)
		require.Equal(t, 429, w.Code)
		require.Equal(t, "1", w.Header().Get("Retry-After"))
		require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		require.JSONEq(t, `{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"The usage is asked for too often. Try again in 1 s."}`, w.Body.String())
		require.Equal(t, 200, status(other))
		require.Equal(t, 200, send(p.api, "GET", "/", secret).Code, "the API is not limited by it")
		time.Sleep(time.Second)
		require.Equal(t, 200, status(secret))
		require.Equal(t, 429, status(secret))
		time.Sleep(5 * time.Second)
		for range 5 {
			require.Equal(t, 200, status(secret))
		}
		require.Equal(t, 429, status(secret))
		for range 100 {
			require.Equal(t, 401, status("acme_unknown"))
		}
	})
}

// TestOwnUsageMethods serves GET and HEAD only.
func TestOwnUsageMethods(t *testing.T) {
	h := newFixture(t)
	p := newUsagePage(h, middleware.Config{}, middleware.UsageConfig{})
	_, secret := h.key(&usageplan.Plan{})
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
		w := send(p.usage, method, "/", secret)
		require.Equal(t, 405, w.Code)
		require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
	}
	get, head := send(p.usage, "GET", "/", secret), send(p.usage, "HEAD", "/", secret)
	require.Equal(t, 200, head.Code)
	require.Zero(t, head.Body.Len())
	require.Equal(t, len(get.Header()), len(head.Header()))
}

// hung is a store in memory whose reports wait until ctx is done.
type hung struct{ *memory.Store }

func (hung) Peek(ctx context.Context, _ time.Time, _ []string, _ []store.Meter, _ []store.Level, _ []int64) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestOwnUsageEnds does not wait for ever for a store that does not answer.
func TestOwnUsageEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, func(p *parts) { p.Counter = hung{memory.New(memory.Config{})} })
		p := newUsagePage(h, middleware.Config{}, middleware.UsageConfig{})
		_, secret := h.key(&usageplan.Plan{Quotas: []quota.Quota{{Limit: 2, Period: quota.Day}}})
		began := time.Now()
		require.Equal(t, 503, send(p.usage, "GET", "/", secret).Code)
		require.Equal(t, 5*time.Second, time.Since(began))
	})
}

// failing is a Counter that fails while fails is set.
type failing struct {
	store.Counter
	fails bool
}

func (f *failing) Take(ctx context.Context, c *store.Charge) error {
	if f.fails {
		return errors.New("down")
	}
	return f.Counter.Take(ctx, c)
}

// TestOwnUsageOutage answers 503 while the Counter fails, also if the failure policy
// admits requests.
func TestOwnUsageOutage(t *testing.T) {
	st := &failing{Counter: memory.New(memory.Config{})}
	h := newFixture(t, func(p *parts) {
		p.Counter = st
		p.OnFailure = gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen}
	})
	p := newUsagePage(h, middleware.Config{}, middleware.UsageConfig{})
	_, secret := h.key(&usageplan.Plan{Quotas: []quota.Quota{{Limit: 2, Period: quota.Day}}})
	st.fails = true
	require.Equal(t, 200, send(p.api, "GET", "/", secret).Code)
	w := send(p.usage, "GET", "/", secret)
	require.Equal(t, 503, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.JSONEq(t, `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"The usage could not be read."}`, w.Body.String())
	st.fails = false
	require.Len(t, p.own(secret, "").Limits, 1)
}

// TestUsageConfig reports bad limits.
func TestUsageConfig(t *testing.T) {
	mw := must(middleware.New(newFixture(t).gate, middleware.Config{}))
	for want, l := range map[string]limiter.Limit{
		"middleware: invalid usage: limit: blocks everything: want a rate and a burst": {Burst: 5},
		"middleware: invalid usage: limit.burst: -1: want 0 or more":                   {Rate: 1, Burst: -1},
	} {
		_, err := mw.Usage(middleware.UsageConfig{Limit: l})
		require.ErrorIs(t, err, middleware.ErrInvalid)
		require.EqualError(t, err, want)
	}
}
