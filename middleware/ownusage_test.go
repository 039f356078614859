package middleware_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestOwnUsageExample compares the example of docs/own-usage.md with an answer.
func TestOwnUsageExample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)))
		h := newFixture(t, withTokens)
		cfg := middleware.Config{ShowGroups: true, Costs: func(*http.Request) usageplan.Costs { return usageplan.Costs{1500} }}
		p := newUsagePage(h, cfg, middleware.UsageConfig{})
		h.group("acme", "", &usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("1000000 tokens/month")}})
		_, err := h.plans.Create(t.Context(), usageplan.Plan{ID: "pro", Throttle: &limiter.Limit{Rate: 5, Burst: 20}, Quotas: []quota.Quota{quota.MustParse("10000 tokens/day")}})
		require.NoError(t, err)
		_, secret, err := h.keys.Create(t.Context(), apikey.Key{ID: "k-7f3a", GroupID: "acme", Enabled: true})
		require.NoError(t, err)
		require.NoError(t, h.plans.Link(t.Context(), "pro", "k-7f3a"))
		for range 4 {
			require.Equal(t, 200, send(p.api, "GET", "/", string(secret)).Code)
		}
		time.Sleep(24*time.Hour + 2*time.Hour)
		for range 6 {
			require.Equal(t, 200, send(p.api, "GET", "/", string(secret)).Code)
		}
		time.Sleep(time.Hour)

		page, err := os.ReadFile("../docs/own-usage.md")
		require.NoError(t, err)
		blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(page), -1)
		require.Len(t, blocks, 2)
		w := send(p.usage, "GET", "/usage/me?windows=2&days=2&cost.tokens=1500", string(secret))
		require.Equal(t, blocks[0][1], w.Body.String())
		w = send(p.usage, "GET", "/usage/me?windows=many&cost.token=5", string(secret))
		require.JSONEq(t, blocks[1][1], w.Body.String())
	})
}

// TestOwnUsageAgreesWithFields makes random requests, and asks for the usage before each.
// What remains is what the RateLimit field of the next answer says, plus what it cost.
func TestOwnUsageAgreesWithFields(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		cost := int64(0)
		h := newFixture(t, withTokens)
		p := newUsagePage(h, middleware.Config{
			ShowGroups: true,
			Costs:      func(*http.Request) usageplan.Costs { return usageplan.Costs{cost} },
		}, middleware.UsageConfig{Limit: limiter.PerSecond(1000)})
		h.group("acme", "", &usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("900/week")}})
		_, secret := h.keyIn("acme", &usageplan.Plan{
			Throttle: &limiter.Limit{Rate: 2, Burst: 6},
			Quotas:   []quota.Quota{quota.MustParse("500 tokens/hour"), quota.MustParse("7/day soft as tried")},
		})
		refused := 0
		for range 300 {
			cost = random.Int64N(60)
			b := p.own(secret, fmt.Sprintf("cost.tokens=%d", cost))
			w := send(p.api, "GET", "/", secret)
			require.Equal(t, w.Code == 200, b.Cost.Now)
			remaining := remainingByName(w.Header().Get("RateLimit"))
			before := map[string]int64{}
			for _, l := range b.Limits {
				before[l.Name] = l.Remaining
			}
			for _, l := range b.Groups[0].Limits {
				before["acme/"+l.Name] = l.Remaining
			}
			require.ElementsMatch(t, slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(remaining)))
			for name, r := range before {
				spent := int64(1)
				switch {
				case w.Code != 200:
					spent, refused = 0, refused+1
				case name == "tokens/hour":
					spent = cost
				}
				require.Equal(t, remaining[name], r-spent, name)
			}
			if w.Code != 200 && b.Cost.At.Sub(b.At) < time.Minute {
				time.Sleep(b.Cost.At.Sub(b.At))
				require.Equal(t, 200, send(p.api, "GET", "/", secret).Code, "at the time that was told")
			}
			time.Sleep(time.Duration(random.IntN(1200)) * time.Millisecond)
		}
		require.Positive(t, refused)
	})
}

// remainingByName reads a RateLimit field.
func remainingByName(field string) map[string]int64 {
	all := map[string]int64{}
	for _, m := range regexp.MustCompile(`"([^"]+)";r=(\d+)`).FindAllStringSubmatch(field, -1) {
		all[m[1]], _ = strconv.ParseInt(m[2], 10, 64)
	}
	return all
}

// TestOwnUsageChargesNothing asks while the key is throttled and its quota is used up.
// Nothing is charged, and no use is noted.
func TestOwnUsageChargesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		p := newUsagePage(h, middleware.Config{}, middleware.UsageConfig{})
		k, secret := h.key(&usageplan.Plan{Throttle: &limiter.Limit{Rate: 0.001, Burst: 2}, Quotas: []quota.Quota{{Limit: 2, Period: quota.Day}}})
		for range 2 {
			require.Equal(t, 200, send(p.api, "GET", "/", secret).Code)
		}
		require.Equal(t, 429, send(p.api, "GET", "/", secret).Code)
		used, err := h.gate.LastUsed(t.Context(), k.ID)
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		for range 5 {
			b := p.own(secret, "days=1&cost=1&windows=1")
			require.Equal(t, k.ID, b.KeyID)
			require.Equal(t, []int64{0, 0}, []int64{b.Limits[0].Remaining, b.Limits[1].Remaining})
			require.Equal(t, map[string]int64{"requests": 2}, b.Days[0].Used)
			require.Equal(t, ownFit{At: b.Limits[1].Reset}, b.Cost.ownFit)
			require.WithinDuration(t, b.At.Add(880*time.Second), b.Limits[0].Fits.At, time.Microsecond)
			require.Equal(t, &ownFit{At: b.Limits[1].Reset}, b.Limits[1].Fits)
			require.Equal(t, 0.001, b.Limits[0].PerSecond)
			require.EqualValues(t, 2, b.Limits[1].Windows[0].Used)
		}
		after, err := h.gate.LastUsed(t.Context(), k.ID)
		require.NoError(t, err)
		require.Equal(t, used, after)
	})
}

// TestOwnUsageBetweenSeconds asks at a time that is no whole second or microsecond. The
// next window begins at its start, and what is used up is not so in the future.
func TestOwnUsageBetweenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t, withTokens)
		p := newUsagePage(h, middleware.Config{}, middleware.UsageConfig{})
		_, secret := h.key(&usageplan.Plan{Quotas: []quota.Quota{quota.MustParse("1/day")}})
		require.Equal(t, 200, send(p.api, "GET", "/", string(secret)).Code)
		time.Sleep(time.Hour + 700*time.Millisecond + 110*time.Nanosecond)
		u := p.own(secret, "cost=1")
		day := u.Limits[0]
		require.Equal(t, day.Reset, u.Cost.At)
		require.Equal(t, day.Reset, day.Fits.At)
		require.False(t, day.Forecast.UsedUp.After(u.At), "%s: now %s", day.Forecast.UsedUp, u.At)
	})
}
