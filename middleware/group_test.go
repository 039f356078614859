package middleware_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

func perMonth(n int64) []quota.Quota { return []quota.Quota{{Limit: n, Period: quota.Month}} }

// TestGroupRefusal checks what a client sees if a limit of its groups refuses. The limits
// of the key are shown only if they refuse as well. Nothing names a group. Each request
// is sent at the beginning of a day and of a month.
func TestGroupRefusal(t *testing.T) {
	const share = "A limit that all keys of your organisation or team share "
	type limit = map[string]any
	group := func(name string) limit { return limit{"payer": "group", "limit": name} }
	key := func(name string) limit { return limit{"payer": "key", "limit": name} }
	roomy := usageplan.Plan{Throttle: throttle(10, 10), Quotas: perDay(100)}
	for name, c := range map[string]struct {
		key, team, org *usageplan.Plan
		admitted       int
		status         int
		aws            string
		retryAfter     string
		detail         string
		violated       []any
		limits         []limit
	}{
		"the team's quota": {&roomy, &usageplan.Plan{Quotas: perMonth(2)}, nil, 2, 429, "Limit Exceeded", "2678400",
			share + "is reached. Try again in 2678400 s.", nil, []limit{group("month")}},
		"the organisation's quota": {&roomy, &usageplan.Plan{Quotas: perMonth(9)}, &usageplan.Plan{Quotas: perMonth(2)}, 2, 429, "Limit Exceeded", "2678400",
			share + "is reached. Try again in 2678400 s.", nil, []limit{group("month")}},
		"the team's throttle": {&roomy, &usageplan.Plan{Throttle: throttle(0.01, 3)}, nil, 3, 429, "Too Many Requests", "100",
			share + "is reached. Try again in 100 s.", nil, []limit{group("throttle")}},
		"both groups": {&roomy, &usageplan.Plan{Quotas: perDay(1)}, &usageplan.Plan{Quotas: perMonth(1)}, 1, 429, "Limit Exceeded", "2678400",
			share + "is reached. Try again in 2678400 s.", nil, []limit{group("day"), group("month")}},
		"a key without a link": {nil, &usageplan.Plan{Quotas: perMonth(1)}, nil, 1, 429, "Limit Exceeded", "2678400",
			share + "is reached. Try again in 2678400 s.", nil, []limit{group("month")}},
		"the key and its team": {&usageplan.Plan{Quotas: perDay(2)}, &usageplan.Plan{Quotas: perMonth(2)}, nil, 2, 429, "Limit Exceeded", "2678400",
			"A limit of the plan is reached. Try again in 2678400 s.", []any{"day"}, []limit{key("day"), group("month")}},
		"a team that blocks": {&roomy, &usageplan.Plan{Throttle: &limiter.Limit{}}, nil, 0, 403, "Too Many Requests", "",
			share + "can never allow this request.", nil, []limit{group("throttle")}},
		"a key and a team that block": {&usageplan.Plan{Quotas: perDay(0)}, &usageplan.Plan{Throttle: &limiter.Limit{}}, nil, 0, 403,
			"Too Many Requests", "", "The request exceeds what the plan can ever allow.", []any{"day"}, []limit{key("day"), group("throttle")}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newFixture(t)
				h.group("org-secret", "", c.org)
				h.group("team-secret", "org-secret", c.team)
				_, secret := h.keyIn("team-secret", c.key)
				var log bytes.Buffer
				mw := h.middleware(middleware.Config{
					XRateLimit: middleware.XRateLimitSeconds, Logger: slog.New(slog.NewTextHandler(&log, nil)),
				})
				for range c.admitted {
					w := serve(mw.Handler(ok), with(secret))
					require.Equal(t, 200, w.Code)
					require.Equal(t, c.key != nil, w.Header().Get("RateLimit") != "", "an admitted request shows the key's own limits")
				}

				w := serve(mw.Handler(ok), with(secret))
				require.Equal(t, c.status, w.Code)
				require.Equal(t, c.retryAfter, w.Header().Get("Retry-After"))
				requireLimits(t, w.Header(), c.violated != nil)
				want := map[string]any{"status": float64(c.status), "detail": c.detail, "title": http.StatusText(c.status), "type": "about:blank"}
				if c.violated != nil {
					want["violated-policies"] = c.violated
					if c.status == 429 {
						want["title"], want["type"] = "Quota Exceeded", "https://iana.org/assignments/http-problem-types#quota-exceeded"
					}
				}
				limits := []any{}
				for _, l := range c.limits {
					limits = append(limits, l)
				}
				want["limits"] = limits
				var body map[string]any
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
				require.Equal(t, want, body)
				requireNoGroup(t, w.Header(), w.Body.String(), log.String())

				refuse := func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) { res.WriteAWS(w) }
				mw = h.middleware(middleware.Config{Refuse: refuse, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				w = serve(mw.Handler(ok), with(secret))
				require.Equal(t, 429, w.Code)
				require.JSONEq(t, `{"message": "`+c.aws+`"}`, w.Body.String())
				require.Equal(t, c.retryAfter, w.Header().Get("Retry-After"))
				requireLimits(t, w.Header(), c.violated != nil)
				requireNoGroup(t, w.Header(), w.Body.String(), log.String())
			})
		})
	}
}

// TestBlockedGroupOfThrottledKey checks that the detail is about the limit that waiting
// does not help with, also if a limit of the key refuses for a while.
func TestBlockedGroupOfThrottledKey(t *testing.T) {
	h := newFixture(t)
	h.group("team", "", &usageplan.Plan{})
	_, secret := h.keyIn("team", &usageplan.Plan{Throttle: throttle(0.001, 1)})
	protected := h.middleware(middleware.Config{}).Handler(ok)
	require.Equal(t, 200, status(protected, with(secret)))
	_, err := h.groups.Update(t.Context(), "team", func(g *usageplan.Group) error { g.Throttle = &limiter.Limit{}; return nil })
	require.NoError(t, err)
	w := serve(protected, with(secret))
	require.Equal(t, 403, w.Code)
	require.JSONEq(t, `{"type": "about:blank", "title": "Forbidden", "status": 403,
		"detail": "A limit that all keys of your organisation or team share can never allow this request.",
		"limits": [{"payer": "group", "limit": "throttle"}]}`, w.Body.String())
}

// requireLimits checks whether a header has any of the RateLimit fields.
func requireLimits(t *testing.T, h http.Header, want bool) {
	t.Helper()
	found := false
	for field := range h {
		found = found || strings.Contains(strings.ToLower(field), "ratelimit")
	}
	require.Equal(t, want, found, "%v", h)
}

// requireNoGroup checks that the ID of no group is in a header and texts.
func requireNoGroup(t *testing.T, h http.Header, texts ...string) {
	t.Helper()
	for name, values := range h {
		texts = append(append(texts, name), values...)
	}
	for _, text := range texts {
		require.NotContains(t, text, "-secret")
	}
}

// planless returns keys that no plan admits: one without a plan, and those whose group, a
// group above it or the plan of one does not exist.
func planless(h *fixture) map[string]refusal {
	ctx := h.t.Context()
	_, err := h.plans.Create(ctx, usageplan.Plan{ID: "gone"})
	require.NoError(h.t, err)
	for _, id := range []string{"whole", "closed", "orphaned"} {
		h.group(id, "", nil)
	}
	h.group("below", "orphaned", &usageplan.Plan{})
	_, err = h.groups.Update(ctx, "closed", func(g *usageplan.Group) error { g.PlanID = "gone"; return nil })
	require.NoError(h.t, err)

	found := map[string]refusal{}
	for name, group := range map[string]string{"no plan": "", "no group": "vanished", "a group without a plan": "whole",
		"no group above": "below", "no plan of the group": "closed"} {
		var plan *usageplan.Plan
		reason := "no_plan"
		if slices.Contains([]string{"vanished", "below", "closed"}, group) {
			plan, reason = &usageplan.Plan{Quotas: perDay(10)}, "no_group"
		}
		k, secret := h.keyIn(group, plan)
		found[name] = refusal{secret, reason, k.ID}
	}
	// The services would refuse both, but other programs may delete them.
	require.NoError(h.t, h.store.DeleteGroup(ctx, "orphaned", 0))
	require.NoError(h.t, h.store.DeletePlan(ctx, "gone", 0))
	return found
}

// TestNoGroupIsAnsweredAsNoPlan checks the answers and the log. The time stands for what
// a client can measure.
func TestNoGroupIsAnsweredAsNoPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		for name, r := range planless(h) {
			for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
				var log bytes.Buffer
				logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: level}))
				began := time.Now()
				w := serve(h.middleware(middleware.Config{Logger: logger}).Handler(ok), with(r.secret))
				require.Zero(t, time.Since(began))
				require.Equal(t, 403, w.Code, name)
				require.JSONEq(t, `{"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "This API key has no plan for this API."}`, w.Body.String(), name)
				requireLimits(t, w.Header(), false)
				if level == slog.LevelInfo {
					require.Empty(t, log.String(), name)
					continue
				}
				var line map[string]any
				require.NoError(t, json.Unmarshal(log.Bytes(), &line), name)
				require.Equal(t, r.reason, line["reason"], name)
				require.Equal(t, r.key, line["key"], name)
			}
		}
	})
}
