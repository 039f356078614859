package ration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
)

// The examples in this file go with docs/own-usage.md and docs/life-of-a-key.md.

// A client asks what remains, and whether 50 more requests fit.
func Example_ownUsage() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	ration.Must(r.Plan(ctx, "free", "unlimited", "100/year"))
	_, secret, _ := r.Issue(ctx, "free", "ann")
	mux := http.NewServeMux()
	mux.Handle("/", r.Handler(hello))
	mux.Handle("/usage/me", ration.Must(r.Middleware.Usage(middleware.UsageConfig{})))

	get := func(target string) string {
		req := httptest.NewRequest("GET", target, nil)
		req.Header.Set("X-API-Key", string(secret))
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, req)
		return w.Body.String()
	}
	for range 60 {
		get("/")
	}
	for line := range strings.Lines(get("/usage/me?cost=50")) {
		for _, member := range []string{`"used":`, `"remaining":`, `"now":`} {
			if strings.Contains(line, member) {
				fmt.Println(strings.TrimSpace(line))
			}
		}
	}
	// Output:
	// "now": false,
	// "used": 60,
	// "remaining": 40,
	// "now": false,
}

// After a rotation, an operator sees that the client still uses the old secret.
func Example_lastUsed() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	ration.Must(r.Plan(ctx, "free", "unlimited", "100/year"))
	key, old, _ := r.Issue(ctx, "free", "ann")
	_, _, _ = r.Keys.Rotate(ctx, key.ID, 24*time.Hour)
	_, _ = r.Gate.Admit(ctx, gate.Request{Secret: old})

	uses := ration.Must(r.Gate.LastUsed(ctx, key.ID))
	fmt.Println("new secret in use:", !uses[0].Rotation.Current.IsZero())
	fmt.Println("old secret in use:", !uses[0].Rotation.Retiring.IsZero())
	// Output:
	// new secret in use: false
	// old secret in use: true
}
