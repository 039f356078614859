package ration_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// The examples in this file go with the pages in docs.

// A throttle that all clients share, beside the plan of each client.
func Example_sharedThrottle() {
	cfg := ration.Config{Gate: gate.Config{Account: new(limiter.MustParse("1/h burst 3"))}}
	r := ration.Must(ration.New(memory.New(memory.Config{}), cfg))
	plan := ration.Must(r.Plan(ctx, "free", "1/h burst 2", "1000/year"))
	protected := r.Handler(hello)

	for _, name := range []string{"ann", "bob"} {
		key, secret, _ := r.Issue(ctx, plan.ID, name)
		statuses(protected, 2, func(r *http.Request) { r.Header.Set("X-API-Key", string(secret)) })
		windows, _ := r.Gate.UsageByWindow(ctx, plan.ID, key.ID, "year", 1)
		fmt.Println(name, "used", windows[0].Used)
	}
	// Output:
	// 200
	// 200
	// ann used 2
	// 200
	// 429
	// bob used 1
}

// A quota in front of a handler, without keys and plans.
func Example_quotaHandler() {
	exports := ration.Must(quota.New(memory.New(memory.Config{}), quota.MustParse("1/year as exports"), quota.Config{}))
	limited := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, err := exports.Use(r.Context(), r.Header.Get("X-User"), 1)
		switch {
		case err != nil:
			http.Error(w, "the quota cannot be checked", http.StatusServiceUnavailable)
		case !result.Allowed:
			http.Error(w, "the exports of this year are used up", http.StatusTooManyRequests)
		default:
			hello(w, r)
		}
	})

	statuses(limited, 2, func(r *http.Request) { r.Header.Set("X-User", "ann") })
	// Output:
	// 200
	// 429
}

// An estimate from the body of a request, and a stream that is settled when it ends. The
// client leaves in the middle of it, and pays for what was made.
func Example_stream() {
	estimate := func(r *http.Request) usageplan.Costs {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body)) // for the handler
		var prompt struct {
			MaxTokens int64 `json:"max_tokens"`
		}
		_ = json.Unmarshal(body, &prompt)
		return usageplan.Costs{max(prompt.MaxTokens, 1)}
	}
	stream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Println("the model gets", string(body))
		var used usageplan.Costs
		defer func() { fmt.Println("settled", used[0], middleware.Settle(r.Context(), used)) }()
		for range 50 {
			used[0]++
			if _, err := fmt.Fprintln(w, "data: token"); err != nil {
				return
			}
		}
	})
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{
		Units: usageplan.Units{{Name: "tokens", Required: true}}, Middleware: middleware.Config{Costs: estimate},
	}))
	plan := ration.Must(r.Plan(ctx, "starter", "unlimited", "1000 tokens/year"))
	key, secret, _ := r.Issue(ctx, plan.ID, "my-client")

	req := httptest.NewRequest("POST", "/", strings.NewReader(`{"max_tokens":500}`))
	req.Header.Set("X-API-Key", string(secret))
	r.Handler(stream).ServeHTTP(&leaver{ResponseRecorder: httptest.NewRecorder(), after: 20}, req)
	windows, _ := r.Gate.UsageByWindow(ctx, plan.ID, key.ID, "tokens/year", 1)
	fmt.Println("used", windows[0].Used)
	// Output:
	// the model gets {"max_tokens":500}
	// settled 20 <nil>
	// used 20
}

// leaver is a client that leaves after some writes.
type leaver struct {
	*httptest.ResponseRecorder
	after int
}

func (l *leaver) Write(p []byte) (int, error) {
	if l.after--; l.after <= 0 {
		return 0, io.ErrClosedPipe
	}
	return l.ResponseRecorder.Write(p)
}

// Keys from a table that has the SHA-256 of each secret: clients keep their secrets.
func Example_importKeys() {
	const secret = "old-style-secret-of-ann-0001"
	digest := apikey.Digest(sha256.Sum256([]byte(secret))) // as the table has it
	foreign := apikey.Config{KeyFormat: apikey.Format{Prefix: "acme", AcceptForeign: true}}
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{Keys: foreign}))
	plan := ration.Must(r.Plan(ctx, "free", "unlimited", "1000/year"))

	for range 2 { // it can run again
		_, err := r.Keys.ImportDigest(ctx, apikey.Key{ID: "17", Name: "ann", Enabled: true}, digest)
		err2 := r.Plans.Link(ctx, plan.ID, "17")
		fmt.Println(errors.Is(err, apikey.ErrExists), errors.Is(err2, usageplan.ErrExists))
	}
	// One request was left in the old table.
	fmt.Println(r.Gate.SetRemaining(ctx, plan.ID, "17", "year", 1))
	statuses(r.Handler(hello), 2, func(r *http.Request) { r.Header.Set("X-API-Key", secret) })
	// Output:
	// false false
	// true true
	// <nil>
	// 200
	// 429
}

// Limits that are tried beside what a service has: nothing is refused, and what would be
// is told.
func Example_shadow() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	plan := ration.Must(r.Plan(ctx, "free", "1/h burst 1"))
	_, secret, _ := r.Issue(ctx, plan.ID, "my-client")
	shadow := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if res := r.Middleware.Check(req); !res.Allowed() {
			fmt.Println("would refuse:", res.Status, res.Decision.Reason)
		}
		hello(w, req)
	})

	statuses(shadow, 2, func(r *http.Request) { r.Header.Set("X-API-Key", string(secret)) })
	// Output:
	// 200
	// would refuse: 429 throttled
	// 200
}
