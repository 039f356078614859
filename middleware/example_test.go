package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// newGate returns a Gate with one key, which has a plan.
func newGate(p usageplan.Plan) (*gate.Gate, apikey.Key, apikey.Secret) {
	ctx, st := context.Background(), memory.New(memory.Config{})
	format := apikey.Format{Prefix: "acme"}
	keys, plans := must(apikey.NewService(st, apikey.Config{KeyFormat: format})), must(usageplan.NewService(st, st, usageplan.Config{}))
	key, secret, err := keys.Create(ctx, apikey.Key{Name: "my-api-key", Enabled: true})
	if err == nil {
		p, err = plans.Create(ctx, p)
	}
	if err == nil {
		err = plans.Link(ctx, p.ID, key.ID)
	}
	var g *gate.Gate
	if err == nil {
		g, err = gate.New(st, st, st, gate.Config{KeyFormat: format})
	}
	if err != nil {
		panic(err)
	}
	return g, key, secret
}

// get returns the answer to a request with a key, or without one if the key is empty.
func get(h http.Handler, target string, secret apikey.Secret) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", target, nil)
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+string(secret))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func Example() {
	st := memory.New(memory.Config{})
	format := apikey.Format{Prefix: "acme"}
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: format}))
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
	ctx := context.Background()

	key, secret, err := keys.Create(ctx, apikey.Key{Name: "my-api-key", Enabled: true})
	if err != nil {
		panic(err)
	}
	plan, err := plans.Create(ctx, usageplan.Plan{
		Name:     "my-usage-plan",
		Throttle: &limiter.Limit{Rate: 50, Burst: 100},
		Quotas:   []quota.Quota{{Limit: 2, Period: quota.Month}},
	})
	if err != nil {
		panic(err)
	}
	if err := plans.Link(ctx, plan.ID, key.ID); err != nil {
		panic(err)
	}
	g, err := gate.New(st, st, st, gate.Config{KeyFormat: format})
	if err != nil {
		panic(err)
	}
	mw, err := middleware.New(g, middleware.Config{Public: []string{"GET /health"}})
	if err != nil {
		panic(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "well") })
	mux.HandleFunc("GET /pets/{id}", func(w http.ResponseWriter, r *http.Request) {
		key, _ := middleware.KeyFromContext(r.Context())
		_, _ = fmt.Fprintf(w, "pet %s for %s", r.PathValue("id"), key.Name)
	})
	protected := mw.Handler(mux) // http.ListenAndServe(":8080", protected)

	fmt.Println(get(protected, "/health", "").Body)
	fmt.Println(get(protected, "/pets/1", "").Code)
	fmt.Println(get(protected, "/pets/1", secret).Body)
	second := get(protected, "/pets/2", secret)
	fmt.Println(second.Body, second.Header().Get("RateLimit-Policy"))
	fmt.Println(get(protected, "/pets/3", secret).Code)
	// Output:
	// well
	// 401
	// pet 1 for my-api-key
	// pet 2 for my-api-key "throttle";q=100;w=2, "month";q=2
	// 429
}

// The quotas get the charge back if the service itself has failed.
func ExampleConfig_refund() {
	g, _, secret := newGate(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1, Period: quota.Year}}})
	mw, err := middleware.New(g, middleware.Config{Refund: func(status int) bool { return status >= 500 }})
	if err != nil {
		panic(err)
	}
	status := http.StatusBadGateway
	protected := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	fmt.Println(get(protected, "/", secret).Code)
	status = http.StatusNotFound
	fmt.Println(get(protected, "/", secret).Code)
	fmt.Println(get(protected, "/", secret).Code)
	// Output:
	// 502
	// 404
	// 429
}

// A service that authenticates requests itself, here by a client certificate, identifies
// the key by its ID.
func ExampleExtractor() {
	g, key, _ := newGate(usageplan.Plan{})
	keysOf := map[string]string{"client-7": key.ID}
	mw, err := middleware.New(g, middleware.Config{
		Credential: func(r *http.Request) (middleware.Credential, error) {
			if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
				return middleware.Credential{}, nil
			}
			return middleware.Credential{KeyID: keysOf[r.TLS.VerifiedChains[0][0].Subject.CommonName]}, nil
		},
	})
	if err != nil {
		panic(err)
	}
	protected := mw.Handler(http.NotFoundHandler())
	fmt.Println(get(protected, "/", "").Code)
	// Output: 401
}

// The middleware of another framework, or an interceptor, calls Check and writes the
// answer in its own way.
func ExampleMiddleware_Check() {
	g, _, secret := newGate(usageplan.Plan{Quotas: []quota.Quota{{Limit: 1, Period: quota.Year}}})
	mw, err := middleware.New(g, middleware.Config{})
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-API-Key", string(secret))
	for range 2 {
		res, header := mw.Check(r), http.Header{}
		res.WriteHeaders(header)
		fmt.Println(res.Allowed(), res.Status, res.Decision.Reason, header.Get("RateLimit-Policy"))
	}
	// Output:
	// true 0 admitted "year";q=1
	// false 429 quota_exceeded "year";q=1
}

// A route that everybody may call is limited by the client's address. The service is
// behind a proxy in its own network. The limit has a store of its own, with room for a
// million addresses. So a flood of addresses takes no place from customers with keys, who
// are counted in the Gate's store.
func ExampleLimitBy() {
	addresses := memory.New(memory.Config{MaxSubjects: 1_000_000})
	lim, err := limiter.New(addresses, limiter.PerMinute(2), limiter.Config{Name: "login"})
	if err != nil {
		panic(err)
	}
	byIP := middleware.ByIP(netip.MustParsePrefix("10.0.0.0/8"))
	login := must(middleware.LimitBy(lim, byIP, middleware.LimitConfig{}))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for range 3 {
		r := httptest.NewRequest("POST", "/login", nil)
		r.RemoteAddr = "10.0.0.1:4711"
		r.Header.Set("X-Forwarded-For", "192.0.2.7")
		w := httptest.NewRecorder()
		login.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("RateLimit-Policy"))
	}
	// Output:
	// 200 "login";q=2;w=60
	// 200 "login";q=2;w=60
	// 429 "login";q=2;w=60
}

// Another handler stands between the middleware and the mux, so the mux is not known, and
// neither is the route of a request. The throttle of the route has no effect, and no
// route is public. Setting Config.Mux corrects that.
func Example_incorrect() {
	g, _, secret := newGate(usageplan.Plan{Routes: map[string]limiter.Limit{"GET /reports": {Rate: 0.001, Burst: 1}}})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /reports", func(http.ResponseWriter, *http.Request) {})
	logged := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mux.ServeHTTP(w, r) })

	for _, cfg := range []middleware.Config{{}, {Mux: mux}} {
		mw, err := middleware.New(g, cfg)
		if err != nil {
			panic(err)
		}
		protected := mw.Handler(logged)
		fmt.Println(get(protected, "/reports", secret).Code, get(protected, "/reports", secret).Code)
	}
	// Output:
	// 200 200
	// 200 429
}

func ExampleInsecure() {
	st := memory.New(memory.Config{})
	keys := must(apikey.NewService(st, apikey.Config{}))
	g := must(gate.New(st, st, st, gate.Config{}))
	mw, err := middleware.New(g, middleware.Config{
		Trusted:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, // the load balancers, which end TLS
		Insecure: middleware.Insecure{Refuse: true, Revoke: keys.Revoke},
	})
	if err != nil {
		panic(err)
	}
	handler := mw.Handler(http.NewServeMux())
	for _, proto := range []string{"https", "http"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "10.0.0.1:1234"
		r.Header.Set("X-Forwarded-Proto", proto)
		r.Header.Set("X-API-Key", "not-a-key")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(proto, w.Code)
	}
	// Output:
	// https 401
	// http 403
}
