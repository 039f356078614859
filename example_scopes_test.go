package ration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
)

// The example in this file goes with docs/scopes-and-networks.md.

// A key may read orders, from one network. Other requests are refused, and cost nothing.
func Example_scopesAndNetworks() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{Middleware: middleware.Config{
		RouteScopes: map[string]string{"GET /orders": "orders:read", "POST /orders": "orders:write"},
	}}))
	ration.Must(r.Plan(ctx, "free", "unlimited", "1000/year"))
	key, secret, _ := r.Issue(ctx, "free", "reports")
	ration.Must(r.Keys.Update(ctx, key.ID, func(k *apikey.Key) error {
		k.Scopes = []string{"orders:read"}
		k.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		return nil
	}))

	mux := http.NewServeMux()
	mux.Handle("GET /orders", hello)
	mux.Handle("POST /orders", hello)
	api := r.Handler(mux)
	for _, call := range []struct{ method, from string }{
		{"GET", "192.0.2.7:40000"}, {"POST", "192.0.2.7:40000"}, {"GET", "198.51.100.7:40000"},
	} {
		req := httptest.NewRequest(call.method, "/orders", nil)
		req.RemoteAddr = call.from
		req.Header.Set("X-API-Key", string(secret))
		w := httptest.NewRecorder()
		api.ServeHTTP(w, req)
		fmt.Println(w.Code)
		if w.Code == http.StatusForbidden {
			fmt.Printf("%q\n", w.Header().Get("WWW-Authenticate"))
		}
	}
	usage, _ := r.Gate.UsageByDay(ctx, "free", key.ID, "", 1)
	fmt.Println("used", usage[0].Used)
	// Output:
	// 200
	// 403
	// "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"orders:write\""
	// 403
	// ""
	// used 1
}
