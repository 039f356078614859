// Package middleware provides net/http middleware that enforces the rate limit and the
// quotas of each API key in front of an [http.Handler].
//
// The middleware finds the credential of a request and asks a [gate.Gate]. It then passes
// the request on, with the key and the decision in its context, or refuses it:
//
//	mw, err := middleware.New(gate, middleware.Config{})
//	http.ListenAndServeTLS(":8443", "cert.pem", "key.pem", mw.Handler(mux))
//
// [Middleware.Handler] is a few lines around [Middleware.Check], which decides and writes
// nothing. Adapters of routers call [Middleware.ServeRoute]. Adapters of frameworks
// without handlers of net/http may call Check.
//
// # Answers
//
//   - 401: the request has no credential, the credential is malformed or unknown, or its
//     key is disabled or has expired. The answer is the same for every bad credential, so
//     it does not reveal which secrets were once valid. It has a WWW-Authenticate
//     challenge (RFC 9110 section 11.6.1) and no RateLimit fields. If there was a
//     credential, the challenge has error="invalid_token" (RFC 6750 section 3.1).
//   - 400: the request has more than one credential. None of them is looked up, so the
//     answer says nothing about them. The challenge has error="invalid_request".
//   - 403: the key is known, but no plan admits it here, one of its groups does not
//     exist, or a cost exceeds what the plan can ever allow. Or it may not be used from
//     the client's address, or lacks the scope of the route: then the challenge has
//     error="insufficient_scope". Waiting does not help, so there is no Retry-After.
//   - 429: a throttle or a quota is used up (RFC 6585), of the key or of a group above
//     it. Retry-After is a whole number of seconds, at least one. After that time the
//     same request fits, unless other requests come first. The status for a throttle that
//     all clients share is that of Config.SharedStatus.
//   - 503, with Retry-After: 1: a store failed, and the Gate's failure policy is to
//     refuse.
//   - 500: the service itself is at fault, for example with a negative cost, or without
//     the cost of a unit that is required.
//
// Bodies are problem details (RFC 9457). The type is "quota-exceeded" if a limit refused
// that the RateLimit fields show, and "temporary-reduced-capacity" if a throttle refused
// that all clients share. Otherwise it is about:blank. The member "limits" has each limit
// that refused: its payer ("key", "group", "stage" or "account"), its name, and its unit
// if that is not requests. Only with Config.ShowGroups does it have the IDs of groups. A
// refusal is never cached. It has Cache-Control: no-store, and the fields that outer
// handlers have set for caches, such as CDN-Cache-Control, Surrogate-Control or Expires,
// are removed.
//
// # Plain HTTP
//
// Others can read a key that is sent over plain HTTP. With Config.Insecure, all requests
// that come that way are answered with 403, whatever key they have, and their keys may be
// revoked. See [Insecure] for behind which proxies a request is secure.
//
// # Bodies
//
// A refusal does not wait for a body that a client announces and does not send. If the
// body arrives within 100ms, the connection stays open. Otherwise the answer goes out
// with Connection: close, and the connection is closed 500ms later. This holds for the
// answers of Handler, LimitBy, Result.WriteProblem and Result.WriteAWS.
//
// Config.BodyTimeout bounds how long the functions of a Config may read the body, since
// the sender is not known yet. The next handler is bounded only by
// http.Server.ReadTimeout.
//
// Both bounds need a writer with a read deadline, such as that of net/http. A writer that
// wraps it passes the deadline on through an Unwrap method, see http.ResponseController.
// Some writers have no such method, such as the writer of http.TimeoutHandler. Refusals
// still go out at once there, but the connection stays open until http.Server.ReadTimeout
// ends.
//
// If clients must not hold connections open, set http.Server.ReadTimeout or a deadline in
// each handler.
//
// # Header fields
//
// RateLimit-Policy and RateLimit follow draft-ietf-httpapi-ratelimit-headers-11. They are
// set on admitted and on limited requests:
//
//	RateLimit-Policy: "throttle";q=100;w=10, "day";q=50000;w=86400
//	RateLimit: "throttle";r=99;t=1, "day";r=41237;t=31200
//
// For a throttle, q is the burst and w the number of seconds that refill it. A burst that
// refills in less than a second is written as the rate, with the burst beside it:
// q=100;w=1;ration-burst=10. A full bucket has no t.
//
// For a quota, w is the length of the window in seconds. It is left out for months and
// years. A policy stays the same from answer to answer, except where the limit itself
// changes: a day with a change of the clocks is shorter or longer, and the quota of a key
// may be extended for one window. Characters of a name beyond ASCII are percent-encoded.
//
// The parameter t is the effective window: for so many seconds the client can use no more
// than r. It ends with the next token of a throttle, or with the window of a quota. After
// a refusal only the limits that refused have a t, so Retry-After is never earlier than
// the end of an effective window. This holds for other middleware, too: it loses the t of
// the limits that it has put into the header.
//
// Config.Jitter lengthens the waits for quotas by a random time, so that the clients do
// not all return when a window ends.
//
// The fields show the limits of every unit. The name of a limit says what it counts
// unless the plan gives it another name: "input_tokens" is a throttle, "input_tokens/day"
// a quota. There is no parameter qu, since only registered units may stand there, and the
// units of a service are its own. Limits of a class or a route begin with its name, as in
// "opus output_tokens/day". Soft limits are not shown. Those of groups are shown only
// with Config.ShowGroups.
//
// An answer that a shared cache may keep has no such fields, since other clients would
// take one client's figures for their own. A shared cache may keep an answer in these
// cases:
//
//   - Its Cache-Control says public, s-maxage or must-revalidate.
//   - It has a CDN-Cache-Control, Surrogate-Control or similar field that does not forbid
//     it.
//   - The request has no Authorization field, and the answer has max-age or Expires
//     without private. Caches treat requests with an Authorization field specially (RFC
//     9111 section 3.5).
//
// An answer that says nothing about caching keeps the fields.
//
// Caution: some caches keep answers that say nothing about caching. If such a cache
// stands in front, and keys come in another field than Authorization, let handlers set
// Cache-Control: private. Otherwise the cache gives one client's answer, with its fields,
// to all clients.
//
// After an interim response, such as 103 Early Hints, the final response has the fields
// as well.
//
// # Routes
//
// Plans throttle routes, and Config.Public lists routes, by the patterns of the router,
// in the syntax of http.ServeMux: see usageplan.Route. The modules routers/gin,
// routers/echo and routers/fiber have adapters. docs/routers.md shows how the middleware
// learns the patterns of nested muxes, chi and others. It also lists the handlers behind
// which a client can escape a route's throttle by spelling the path differently. A
// request that passes through the middleware of one Gate twice is charged once.
//
// A name that no router has does nothing. Middleware.AddRoutes is told the routes of a
// router, and usageplan.Service.RouteFaults and Audit then report such names.
//
// # What handlers see
//
// The next handler gets a copy of the request with another context, and a writer that
// wraps the server's. Both are meant to work as the originals do. Outer handlers see
// Request.Pattern as the inner mux has set it, and Form and PostForm, but not the path
// values.
//
// The writer is an http.Flusher only if the wrapped writer is one. http.MaxBytesReader
// asks the server's own writer to close the connection, which it cannot do through a
// wrapper. Instead, the middleware closes the connection if a handler answers 413 or 400
// in the middle of a body.
//
// # HEAD, OPTIONS and CORS
//
// Every method needs a key and costs the same. A CORS preflight (OPTIONS with Origin and
// Access-Control-Request-Method) carries no credentials, so it is passed on without a
// key. Anybody can send a request that looks like a preflight, and a pattern without a
// method matches OPTIONS too. So a preflight is passed on only where it cannot reach a
// handler that serves other requests: the pattern of its route names OPTIONS, or the
// known ServeMux has no pattern for it.
//
// If Config.Route or ServeRoute has named the route, a preflight needs a pattern in
// Config.Public. A handler that answers the preflights of all routes belongs in front of
// this middleware.
package middleware
