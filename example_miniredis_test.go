//go:build !386 && !arm

package ration_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/redis"
	"github.com/ration-go/ration/usageplan"
)

// miniredis reads an expiry into an int, so these examples need words of 64 bits.

// patient is a Gate for a machine that may be busy with other tests.
var patient = gate.Config{Timeout: time.Minute, LookupTimeout: time.Minute}

// Plans from a JSON file and keys from configuration, at each start of a service over
// Redis. Redis is down at the first start.
func Example_atStart() {
	const file = `[{"id": "free", "throttle": "5/s burst 10", "quotas": ["2/year"], "routes": {"GET /reports/{id}": "1/s"}}]`
	secret := ration.Must(apikey.Format{Prefix: "acme"}.New()) // stands in the configuration
	setUp := func(r *ration.Ration) error {
		var plans []usageplan.Plan
		if err := json.Unmarshal([]byte(file), &plans); err != nil {
			return err
		}
		plan, err := r.Plans.Put(ctx, plans[0])
		if err != nil {
			return err
		}
		_, err = r.Keys.Import(ctx, apikey.Key{ID: "ann-1", Name: "ann", Enabled: true}, secret)
		if err != nil && !errors.Is(err, apikey.ErrExists) {
			return err
		}
		err = r.Plans.Link(ctx, plan.ID, "ann-1")
		if err != nil && !errors.Is(err, usageplan.ErrExists) {
			return err
		}
		fmt.Println("version", plan.Version)
		return nil
	}

	server := ration.Must(miniredis.Run())
	defer server.Close()
	server.SetError("ERR down")
	for range 3 { // starts
		st := ration.Must(redis.Open("redis://"+server.Addr(), redis.Config{}))
		r := ration.Must(ration.New(st, ration.Config{Gate: patient}))
		withKey := func(r *http.Request) { r.Header.Set("X-API-Key", string(secret)) }
		if err := setUp(r); err != nil {
			fmt.Println("Redis is down")
			server.SetError("") // for the next start
		}
		statuses(r.Handler(hello), 2, withKey)
		r.Close()
		st.Close()
	}
	// Output:
	// Redis is down
	// 503
	// 503
	// version 1
	// 200
	// 200
	// version 1
	// 429
	// 429
}

// Two processes that have their keys in memory share a quota in Redis, because the key
// has the same ID in both.
func Example_countersInRedis() {
	server := ration.Must(miniredis.Run())
	defer server.Close()
	secret := ration.Must(apikey.Format{}.New()) // stands in the configuration
	newProcess := func() http.Handler {
		counters := ration.Must(redis.Open("redis://"+server.Addr(), redis.Config{}))
		r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{Counter: counters, Gate: patient}))
		plan := ration.Must(r.Plan(ctx, "free", "unlimited", "3/year"))
		key := ration.Must(r.Keys.Import(ctx, apikey.Key{ID: "ann-1", Name: "ann", Enabled: true}, secret))
		if err := r.Plans.Link(ctx, plan.ID, key.ID); err != nil {
			panic(err)
		}
		return r.Handler(hello)
	}

	one := newProcess()
	two := newProcess()
	withKey := func(r *http.Request) { r.Header.Set("X-API-Key", string(secret)) }
	statuses(one, 2, withKey)
	statuses(two, 2, withKey)
	// Output:
	// 200
	// 200
	// 200
	// 429
}

// An outage of Redis: throttles go on in the process, and quotas close unless the service
// says otherwise.
func Example_outage() {
	for _, policy := range []gate.FailurePolicy{{}, {Quota: gate.FailOpen}} {
		server := ration.Must(miniredis.Run())
		st := ration.Must(redis.Open("redis://"+server.Addr(), redis.Config{}))
		cfg := ration.Config{Gate: patient}
		cfg.Gate.OnFailure = policy
		r := ration.Must(ration.New(st, cfg))
		for _, plan := range []usageplan.Plan{
			ration.Must(r.Plan(ctx, "throttled", "10/s")), ration.Must(r.Plan(ctx, "with-quota", "10/s", "1000/day")),
		} {
			_, secret, _ := r.Issue(ctx, plan.ID, "my-client")
			withKey := func(r *http.Request) { r.Header.Set("X-API-Key", string(secret)) }
			statuses(r.Handler(hello), 1, withKey)
			server.SetError("ERR down")
			statuses(r.Handler(hello), 1, withKey)
			server.SetError("")
		}
		r.Close()
		st.Close()
		server.Close()
	}
	// Output:
	// 200
	// 200
	// 200
	// 503
	// 200
	// 200
	// 200
	// 200
}
