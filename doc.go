// Package ration gives a Go service API keys, usage plans, rate limits and quotas,
// enforced in the service itself.
//
// A key says who is calling. A plan says how much they may use: a token bucket (a rate
// and a burst) and calendar quotas (so many a day, week or month). A link ties a key to a
// plan. A group, such as an organisation or a team, has a plan that all of its keys use
// up together. A middleware enforces all of it in one decision, all or nothing, with hard
// limits.
//
// [New] makes everything from one store, which is enough for most services:
//
//	r, err := ration.New(memory.New(memory.Config{}), ration.Config{})
//	plan, err := r.Plan(ctx, "free", "5/s burst 10", "1000/day")
//	key, secret, err := r.Issue(ctx, plan.ID, "ann")
//	err = http.ListenAndServe(":8080", r.Handler(mux))
//
// A client sends the secret as X-API-Key or as a Bearer token. Over plain HTTP, others
// can read it. So use TLS, and set Config.RevokeInsecure, which refuses keys that come
// without. The pages in the directory docs go on from there, each for one task.
//
// The parts can also be built one by one:
//
//   - [github.com/ration-go/ration/apikey]: keys and their secrets
//   - [github.com/ration-go/ration/usageplan]: plans, the links of keys to them, and
//     groups of keys
//   - [github.com/ration-go/ration/gate]: decides a request
//   - [github.com/ration-go/ration/middleware]: the gate for net/http
//   - [github.com/ration-go/ration/limiter]: rates, and a keyed rate limiter without keys
//     and plans
//   - [github.com/ration-go/ration/quota]: calendar quotas, and a keyed counter without
//     keys and plans
//   - [github.com/ration-go/ration/store]: the contract of counters, for authors of a
//     store
//   - [github.com/ration-go/ration/store/memory]: counters, keys and plans in this
//     process
//   - [github.com/ration-go/ration/store/redis]: counters, keys and plans that processes
//     share
//   - [github.com/ration-go/ration/store/lease]: decides busy keys of a shared store at
//     local speed
//   - [github.com/ration-go/ration/store/storetest]: tests a store against the contracts
//   - [github.com/ration-go/ration/apigateway]: a control plane for the aws command line
//
// These stand beside them:
//
//   - [github.com/ration-go/ration/alert]: tells when quotas reach thresholds
//   - [github.com/ration-go/ration/observe]: a log of decisions, and counts in memory
//   - [github.com/ration-go/ration/history]: who changed what
//   - [github.com/ration-go/ration/admin]: a page for the people who run a service
//   - [github.com/ration-go/ration/apikey/leak]: receives reports of leaked secrets
//   - [github.com/ration-go/ration/store/transfer]: copies stores to one another
//   - [github.com/ration-go/ration/client]: for programs that call an API with limits
//
// Packages that need other modules are in modules of their own: plans in a file (plans),
// SQLite and PostgreSQL (store/sql), gin, echo and fiber (routers), gRPC and Connect
// (rpc/grpc and rpc/connect), Envoy (envoy), and metrics (observe/prometheus and
// observe/otel).
//
// # Stability
//
// This is v0: names may still change between minor versions, and CHANGELOG.md says how.
// What a refusal, an error and a limit mean does not change. The two newest versions of
// Go are supported.
package ration
