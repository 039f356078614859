// Package ration is the map of the module: API keys, usage plans, throttling and quotas for any Go service, enforced in the
// service itself. There is no code in it.
//
// A key says who is calling. A plan says how much they may use: a token bucket (a rate and a burst) and quotas by the
// calendar (so many a day, week or month). A link ties a key to a plan. A middleware enforces all of it: one decision, all
// or nothing, with hard limits.
//
// In reading order:
//
//   - [github.com/ration-go/ration/middleware]: net/http; what most services import
//   - [github.com/ration-go/ration/usageplan]: plans, links, and the Gate that decides a request
//   - [github.com/ration-go/ration/apikey]: keys and their secrets
//   - [github.com/ration-go/ration/limiter]: rates, and a keyed limiter that is useful without keys and plans
//   - [github.com/ration-go/ration/quota]: allowances by the calendar
//   - [github.com/ration-go/ration/store]: the contract of counters and its arithmetic, for who writes a store
//   - [github.com/ration-go/ration/store/memory]: counters, keys and plans in this process
//   - [github.com/ration-go/ration/store/redis]: counters, keys and plans that processes share
//   - [github.com/ration-go/ration/apigateway]: a control plane for the aws command line
//   - [github.com/ration-go/ration/store/storetest]: the promises of stores, executable
//
// # Stability
//
// This is v0: names may still change between minor versions, and CHANGELOG.md says how. What a refusal, an error and a
// limit mean does not.
package ration
