// Package middleware enforces usage plans in front of an http.Handler. It finds the credential of a request, asks the Gate
// of package usageplan, and either passes the request on, with the key and the decision in its context, or refuses it:
//
//	mw, err := middleware.New(gate, middleware.Config{})
//	http.ListenAndServe(":8080", mw.Handler(mux))
//
// [Middleware.Handler] is a few lines around [Middleware.Check], which decides and writes nothing: other frameworks call
// that.
//
// # Answers
//
//   - 401: no credential, more than one, one that is malformed or unknown, or whose key is disabled or has expired. The
//     answer is the same in every case, so that it says nothing about which secrets were once good. It carries a
//     WWW-Authenticate challenge (RFC 9110 section 11.6.1) and no RateLimit fields.
//   - 403: a known key that no plan admits here, or a cost above all that the plan ever allows. Waiting does not help, so
//     there is no Retry-After.
//   - 429: the throttle or a quota is used up (RFC 6585). Retry-After is the whole seconds, at least one, after which the
//     same request fits if nobody else comes.
//   - 503, with Retry-After: 1: a store failed, and the Gate's failure policy is to refuse.
//   - 500: the service's own mistake, such as a negative cost.
//
// Bodies are problem details (RFC 9457); a refusal is never cached.
//
// # Header fields
//
// RateLimit-Policy and RateLimit are those of draft-ietf-httpapi-ratelimit-headers-10, on admitted and on limited requests:
//
//	RateLimit-Policy: "throttle";q=100;w=10, "day";q=50000;w=86400
//	RateLimit: "throttle";r=99;t=1, "day";r=41237;t=31200
//
// Of a throttle, q is the burst and w the seconds that refill it. A burst of less than a second is written as the rate, with
// the burst beside it: q=100;w=1;ration-burst=10. t is the seconds until there is another token; a full bucket has none. Of
// a quota, w is the length of this window, left out for months and years, and t the seconds to its end. A name's characters
// beyond ASCII are percent-encoded.
//
// # Routes
//
// Plans throttle routes, and Config.Public lists routes, by the patterns of the router. docs/routers.md shows how the
// middleware learns those from nested muxes, chi, gin and echo, and behind which handlers a client can leave a route's
// throttle by another spelling of the path. A request that comes through the middleware of one Gate twice is charged once.
//
// # HEAD, OPTIONS and CORS
//
// Every method needs a key and costs the same. A CORS preflight (OPTIONS with Origin and Access-Control-Request-Method)
// carries no credentials, so it is passed on without a key, but only where it cannot reach a handler of something else: its
// route's pattern names OPTIONS, or the known ServeMux has none for it. A pattern without a method matches OPTIONS too, and
// anybody can send what looks like a preflight. Where Config.Route has named the route, a preflight needs a pattern in
// Config.Public. What answers preflights for all routes belongs in front of this middleware.
package middleware
