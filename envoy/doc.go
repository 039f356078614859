// Package envoy lets Envoy enforce API keys, rate limits and quotas, so that services
// behind it need no code of Ration. It has servers for two protocols of Envoy. Both ask a
// [gate.Gate].
//
//   - [Authorizer] serves external authorization, envoy.service.auth.v3. It finds the key
//     in the request, decides and answers as package middleware does.
//   - [Limiter] serves the rate limit service, envoy.service.ratelimit.v3. Envoy's
//     configuration says what a descriptor contains.
//
// Most services need an Authorizer alone. A program with both:
//
//	a, err := envoy.NewAuthorizer(g, envoy.AuthorizerConfig{})
//	l, err := envoy.NewLimiter(g, envoy.LimiterConfig{})
//	s := grpc.NewServer()
//	health := envoy.Register(s, a, l)
//
// Several processes may serve one Envoy, or many. They count together if their Gates
// share a Counter.
//
// # Failures
//
// The failure policy of the Gate decides if the Counter fails. Its refusals reach Envoy
// as refusals, and not as errors of the call, because Envoy may be configured to admit
// requests after an error. Envoy's own setting decides only if the process does not
// answer in time. Envoy calls it failure_mode_allow for external authorization, where the
// default refuses. It is failure_mode_deny for rate limits, where the default admits.
//
// Caution: after its timeout Envoy goes on without the answer. The charge may stand.
//
// # Trust
//
// Everyone who can reach the server can spend the allowance of a key that it knows, and
// can try secrets. Let it listen where only Envoy can connect, or use TLS with client
// certificates.
package envoy
