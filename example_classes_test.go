package ration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// The examples in this file go with docs/choosing-limits.md.

// A quota for one model beside the quota for all of them. Both count.
func Example_classes() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{
		Classes: []string{"opus"},
		Middleware: middleware.Config{Class: func(r *http.Request) string {
			if r.URL.Path == "/models/opus" {
				return "opus"
			}
			return ""
		}},
	}))
	plan := ration.Must(r.Plans.Put(ctx, usageplan.Plan{
		ID:     "pro",
		Quotas: []quota.Quota{quota.MustParse("4/year")},
		For:    map[string]usageplan.Limits{"opus": {Quotas: []quota.Quota{quota.MustParse("2/year")}}},
	}))
	_, secret, _ := r.Issue(ctx, plan.ID, "my-client")

	for _, model := range []string{"opus", "opus", "opus", "haiku", "haiku", "haiku"} {
		req, w := httptest.NewRequest("GET", "/models/"+model, nil), httptest.NewRecorder()
		req.Header.Set("X-API-Key", string(secret))
		r.Handler(hello).ServeHTTP(w, req)
		fmt.Println(model, w.Code, w.Header().Get("RateLimit-Policy"))
	}
	// Output:
	// opus 200 "year";q=4, "opus year";q=2
	// opus 200 "year";q=4, "opus year";q=2
	// opus 429 "year";q=4, "opus year";q=2
	// haiku 200 "year";q=4
	// haiku 200 "year";q=4
	// haiku 429 "year";q=4
}

// A lower quota is tried beside the one in force: it counts, and refuses nothing.
func Example_softLimits() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	plan := ration.Must(r.Plan(ctx, "pro", "unlimited", "4/year", "2/year soft as trial"))
	key, _, _ := r.Issue(ctx, plan.ID, "my-client")

	for range 5 {
		d, _ := r.Gate.Admit(ctx, gate.Request{KeyID: key.ID})
		fmt.Println(d.Reason)
		for l := range d.WouldRefuse() {
			fmt.Println("  would be refused by", l.Name)
		}
	}
	r.Gate.Enforce(false)
	d, _ := r.Gate.Admit(ctx, gate.Request{KeyID: key.ID})
	fmt.Println(d.Reason)
	for l := range d.WouldRefuse() {
		fmt.Println("  would be refused by", l.Name)
	}
	// Output:
	// admitted
	// admitted
	// admitted
	//   would be refused by trial
	// admitted
	//   would be refused by trial
	// quota_exceeded
	//   would be refused by trial
	// admitted
	//   would be refused by year
	//   would be refused by trial
}
