package middleware_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestExchangesAtOnce has 32 keys ask at the same time, each with a limit of its own. The
// handlers change the request and the fields that they get, and keep the request. No
// request sees what belongs to another, also after its answer.
func TestExchangesAtOnce(t *testing.T) {
	h := newFixture(t)
	mw := h.middleware(middleware.Config{StripCredential: true, XRateLimit: middleware.XRateLimitSeconds})
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("Request-Id")
		r.Header.Set("Authorization", id)
		r.Method, r.URL.Path = id, "/"+id
		w.Header()["Ratelimit"][0] += ";id=" + id
		w.Header()["Ratelimit-Policy"] = append(w.Header()["Ratelimit-Policy"], id)
	})

	var all sync.WaitGroup
	for n := range 32 {
		limit := int64(1000 + n)
		key, secret := h.key(&usageplan.Plan{Quotas: perDay(limit)})
		all.Go(func() {
			var kept *http.Request
			var decisions []*gate.Decision
			keep := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				inner(w, r)
				d, _ := middleware.DecisionFromContext(r.Context())
				kept, decisions = r, append(decisions, d)
			})
			protected := mw.Handler(keep)
			for i := range 50 {
				id := fmt.Sprintf("K%d-%d", n, i)
				r := request("GET", "/reports", "X-API-Key", secret, "Request-Id", id)
				w := serve(protected, r)
				assert.Equal(t, "GET", r.Method, "the outer request")
				assert.Equal(t, id, kept.Method)
				assert.Contains(t, w.Header()["Ratelimit"][0], fmt.Sprintf("r=%d", limit-int64(i)-1))
				assert.True(t, strings.HasSuffix(w.Header()["Ratelimit"][0], ";id="+id))
				assert.Equal(t, []string{w.Header()["Ratelimit-Policy"][0], id}, w.Header()["Ratelimit-Policy"])
				assert.Contains(t, w.Header()["Ratelimit-Policy"][0], fmt.Sprintf("q=%d", limit))
				assert.Equal(t, fmt.Sprint(limit), w.Header().Get("X-RateLimit-Limit"))
			}
			for _, d := range decisions {
				assert.Equal(t, key.ID, d.Key.ID)
			}
		})
	}
	all.Wait()
}
