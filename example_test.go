package ration_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/usageplan"
)

var ctx = context.Background()

// hello is a service's own handler.
var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })

// statuses sends n requests and prints how they were answered.
func statuses(h http.Handler, n int, set func(*http.Request)) {
	for range n {
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		set(r)
		h.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
}

// Keys and a plan in front of a handler.
func Example() {
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{})
	if err != nil {
		panic(err)
	}
	defer r.Close()
	plan, err := r.Plan(ctx, "free", "1/m burst 2", "1000/day")
	if err != nil {
		panic(err)
	}
	_, secret, err := r.Issue(ctx, plan.ID, "my-client")
	if err != nil {
		panic(err)
	}
	protected := r.Handler(hello)

	statuses(protected, 3, func(r *http.Request) { r.Header.Set("X-API-Key", string(secret)) })
	statuses(protected, 1, func(*http.Request) {})
	// Output:
	// 200
	// 200
	// 429
	// 401
}

// A rate limit by the client's address, without keys.
func Example_byIP() {
	lim, err := limiter.New(memory.New(memory.Config{}), limiter.MustParse("2/m"), limiter.Config{})
	if err != nil {
		panic(err)
	}
	byIP, err := middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{})
	if err != nil {
		panic(err)
	}

	statuses(byIP(hello), 3, func(*http.Request) {})
	// Output:
	// 200
	// 200
	// 429
}

// A rate limit by the id of a user whom the service has logged in.
func Example_byUser() {
	lim := ration.Must(limiter.New(memory.New(memory.Config{}), limiter.MustParse("1/m"), limiter.Config{}))
	userID := func(r *http.Request) string { return r.Header.Get("X-User") }

	byUser := ration.Must(middleware.LimitBy(lim, middleware.ByKey(userID), middleware.LimitConfig{}))

	for _, user := range []string{"ann", "bob", "ann"} {
		statuses(byUser(hello), 1, func(r *http.Request) { r.Header.Set("X-User", user) })
	}
	// Output:
	// 200
	// 200
	// 429
}

// A login limiter. It counts failures only, by the address and by the account at once.
func Example_login() {
	st := memory.New(memory.Config{})
	byAddress := ration.Must(limiter.New(st, limiter.MustParse("20/h"), limiter.Config{Name: "address"}))
	byAccount := ration.Must(limiter.New(st, limiter.MustParse("2/h"), limiter.Config{Name: "account"}))
	accountOf := func(r *http.Request) string { return r.Header.Get("X-Account") } // a form's field, in practice

	limited := ration.Must(middleware.LimitBy(byAddress, middleware.ByIP(), middleware.LimitConfig{
		Also:     []middleware.KeyedLimit{{Limiter: byAccount, Key: middleware.ByKey(accountOf)}},
		ChargeIf: func(status int) bool { return status == http.StatusUnauthorized },
	}))
	login := limited(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Password") != "right" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))

	for _, password := range []string{"right", "right", "right", "wrong", "wrong", "right"} {
		statuses(login, 1, func(r *http.Request) {
			r.Header.Set("X-Account", "ann")
			r.Header.Set("X-Password", password)
		})
	}
	// Output:
	// 200
	// 200
	// 200
	// 401
	// 401
	// 429
}

// A plan from configuration, made at each start and changed when the configuration has
// changed.
func Example_plansAtStart() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	for _, limit := range []int64{100, 100, 200} { // three starts
		want := usageplan.Plan{ID: "free", Quotas: []quota.Quota{{Limit: limit, Period: quota.Day}}}

		plan, err := r.Plans.Put(ctx, want)

		fmt.Println(plan.Quotas, plan.Version, err)
	}
	// Output:
	// [100/day] 1 <nil>
	// [100/day] 1 <nil>
	// [200/day] 2 <nil>
}

// A thousand a month for each user, without keys.
func Example_quotaByUser() {
	st := memory.New(memory.Config{})

	q := ration.Must(quota.New(st, quota.MustParse("1000/month"), quota.Config{}))
	result, err := q.Use(ctx, "ann", 1)

	fmt.Println(result.Allowed, result.Remaining, err)
	// Output: true 999 <nil>
}

// A new secret for a key, while the old one goes on for a day.
func Example_rotate() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	plan := ration.Must(r.Plan(ctx, "free", "unlimited"))
	key, old, _ := r.Issue(ctx, plan.ID, "my-client")

	_, secret, err := r.Keys.Rotate(ctx, key.ID, 24*time.Hour)

	for _, s := range []apikey.Secret{old, secret} {
		_, err := r.Keys.Verify(ctx, s)
		fmt.Println(err)
	}
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
	// <nil>
}

// What a key has used on each of the last days.
func Example_usage() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	plan := ration.Must(r.Plan(ctx, "free", "unlimited"))
	key, secret, _ := r.Issue(ctx, plan.ID, "my-client")
	statuses(r.Handler(hello), 2, func(r *http.Request) { r.Header.Set("X-API-Key", string(secret)) })

	days, err := r.Gate.UsageByDay(ctx, plan.ID, key.ID, usageplan.Requests, 30)

	fmt.Println(len(days), days[29].Used, err)
	// Output:
	// 200
	// 200
	// 30 2 <nil>
}

// Redis in place of memory: all processes share keys, plans and counters.
func Example_redis() {
	server := ration.Must(miniredis.Run())
	defer server.Close()

	st, err := redis.Open("redis://"+server.Addr(), redis.Config{})
	if err != nil {
		panic(err)
	}
	defer st.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go st.Run(ctx) // hears of changes that other processes make
	r := ration.Must(ration.New(st, ration.Config{}))

	plan, err := r.Plan(ctx, "free", "50/s burst 100", "1000/day")
	fmt.Println(plan.ID, err)
	// Output: free <nil>
}

// A cost that is known when the work is done, such as the tokens of a language model: an
// estimate is charged first.
func Example_settle() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{
		Units: usageplan.Units{{Name: "tokens", Required: true}},
		Middleware: middleware.Config{
			Costs: func(*http.Request) usageplan.Costs { return usageplan.Costs{500} },
		},
	}))
	plan := ration.Must(r.Plan(ctx, "free", "unlimited", "10000 tokens/year"))
	key, secret, _ := r.Issue(ctx, plan.ID, "my-client")
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := middleware.Settle(r.Context(), usageplan.Costs{137})

		fmt.Fprintln(w, "done", err)
	})
	statuses(r.Handler(answer), 1, func(r *http.Request) { r.Header.Set("X-API-Key", string(secret)) })
	days, _ := r.Gate.UsageByDay(ctx, plan.ID, key.ID, "tokens", 1)
	fmt.Println(days[0].Used)
	// Output:
	// 200
	// 137
}

// A plan that limits requests, tokens and money. The service declares its units once, and
// a plan with a typing error in a unit is refused.
func Example_units() {
	const tokens, microUSD = 0, 1 // as declared
	units := usageplan.Units{{Name: "tokens"}, {Name: "micro_usd"}}
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{Units: units}))
	plan := ration.Must(r.Plan(ctx, "pro", "5/h burst 10", "1000 tokens/year", "90000 micro_usd/year as budget"))
	key, _, _ := r.Issue(ctx, plan.ID, "my-client")

	for _, costs := range []usageplan.Costs{
		{tokens: 600, microUSD: 2500},
		{tokens: 600, microUSD: 2500},
		{microUSD: 80000},
	} {
		d, _ := r.Gate.Admit(ctx, gate.Request{KeyID: key.ID, Costs: costs})
		fmt.Println(d.Reason)
		for l := range d.Levels() {
			fmt.Println(" ", l.Name, "counts", l.Unit, "and has", l.Remaining())
		}
	}
	_, err := r.Plan(ctx, "typo", "unlimited", "1000 token/year")
	fmt.Println("a typing error is refused:", errors.Is(err, usageplan.ErrInvalid))
	// Output:
	// admitted
	//   throttle counts requests and has 9
	//   tokens/year counts tokens and has 400
	//   budget counts micro_usd and has 87500
	// quota_exceeded
	//   throttle counts requests and has 9
	//   tokens/year counts tokens and has 400
	//   budget counts micro_usd and has 87500
	// admitted
	//   throttle counts requests and has 8
	//   tokens/year counts tokens and has 400
	//   budget counts micro_usd and has 7500
	// a typing error is refused: true
}

// A secret that comes by another way than HTTP, where no plan is needed.
func Example_verify() {
	keys := ration.Must(apikey.NewService(memory.New(memory.Config{}), apikey.Config{}))
	_, secret, _ := keys.Create(ctx, apikey.Key{Name: "worker", Enabled: true})

	key, err := keys.Verify(ctx, secret)

	fmt.Println(key.Name, err)
	// Output: worker <nil>
}

// A throttle of one route, and one of one customer.
func Example_routeAndCustomer() {
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	plan := ration.Must(r.Plan(ctx, "free", "50/s"))
	key, _, _ := r.Issue(ctx, plan.ID, "my-client")

	plan.Routes = map[string]limiter.Limit{"GET /reports": limiter.MustParse("1/s")}
	plan, err := r.Plans.Put(ctx, plan)
	link, err2 := r.Plans.UpdateLink(ctx, plan.ID, key.ID, func(l *usageplan.Link) error {
		l.Throttle = new(limiter.MustParse("200/s"))
		return nil
	})

	fmt.Println(plan.Routes["GET /reports"], err)
	fmt.Println(link.Throttle, err2)
	// Output:
	// 1/s burst 1 <nil>
	// 200/s burst 200 <nil>
}
