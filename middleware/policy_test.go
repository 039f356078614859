package middleware_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestPolicies checks that the keys of a plan have the same text, except a key whose
// quota was extended, and that the text changes with the plan and with the window.
func TestPolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		zone, err := time.LoadLocation("America/Santiago")
		require.NoError(t, err)
		p, err := h.plans.Create(t.Context(), usageplan.Plan{Name: "p", Quotas: []quota.Quota{{Limit: 10, Period: quota.Day, Location: zone}}})
		require.NoError(t, err)
		var ids, secrets [2]string
		for i := range secrets {
			k, secret := h.key(nil)
			ids[i], secrets[i] = k.ID, secret
			require.NoError(t, h.plans.Link(t.Context(), p.ID, k.ID))
		}
		protected := h.middleware(middleware.Config{}).Handler(ok)
		policy := func(i int) string { return serve(protected, with(secrets[i])).Header().Get("RateLimit-Policy") }
		for _, step := range []struct {
			what   string
			do     func() error
			policy [2]string
		}{
			{"at first", func() error { return nil }, [2]string{`"day";q=10;w=86400`, `"day";q=10;w=86400`}},
			{"one is extended", func() error { return h.gate.SetRemaining(t.Context(), p.ID, ids[1], "day", 100) },
				[2]string{`"day";q=10;w=86400`, `"day";q=102;w=86400`}},
			{"the plan", func() error {
				_, err := h.plans.Update(t.Context(), p.ID, func(p *usageplan.Plan) error { p.Quotas[0].Limit = 20; return nil })
				return err
			}, [2]string{`"day";q=20;w=86400`, `"day";q=112;w=86400`}},
			{"a day of 25 hours", func() error {
				time.Sleep(time.Until(time.Date(2000, 3, 11, 12, 0, 0, 0, zone)))
				return nil
			}, [2]string{`"day";q=20;w=90000`, `"day";q=20;w=90000`}},
		} {
			require.NoError(t, step.do())
			for range 2 {
				for i, want := range step.policy {
					require.Equal(t, want, policy(i), step.what)
				}
			}
		}
	})
}

// TestPoliciesTogether checks that many plans at once never get each other's text.
func TestPoliciesTogether(t *testing.T) {
	h := newFixture(t)
	protected := h.middleware(middleware.Config{}).Handler(ok)
	var wg sync.WaitGroup
	for n := range 300 { // more than the cache has slots
		_, secret := h.key(&usageplan.Plan{Quotas: perDay(int64(1000 + n))})
		serve(protected, with(secret)) // so that not all keys are looked up at once
		wg.Go(func() {
			for range 20 {
				if got, want := serve(protected, with(secret)).Header().Get("RateLimit-Policy"), fmt.Sprintf(`"day";q=%d;w=86400`, 1000+n); got != want {
					t.Errorf("%s: want %s", got, want)
				}
			}
		})
	}
	wg.Wait()
}
