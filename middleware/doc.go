// Package middleware enforces usage plans in front of an http.Handler. It finds the
// credential of a request, asks the Gate of package usageplan, and either passes the
// request on, with the key and the decision in its context, or refuses it:
//
//	mw, err := middleware.New(gate, middleware.Config{})
//	http.ListenAndServe(":8080", mw.Handler(mux))
//
// [Middleware.Handler] is a few lines around [Middleware.Check], which decides and writes
// nothing: other frameworks call that.
//
// # Answers
//
//   - 401: no credential, more than one, one that is malformed or unknown, or whose key
//     is disabled or has expired. The
//     answer is the same in every case, so that it says nothing about which secrets were once good. It carries a
//     WWW-Authenticate challenge (RFC 9110 section 11.6.1) and no RateLimit fields.
//   - 403: a known key that no plan admits here, or a cost above all that the plan ever
//     allows. Waiting does not help, so
//     there is no Retry-After.
//   - 429: the throttle or a quota is used up (RFC 6585). Retry-After is the whole
//     seconds, at least one, after which the
//     same request fits if nobody else comes.
//   - 503, with Retry-After: 1: a store failed, and the Gate's failure policy is to
//     refuse.
//   - 500: the service's own mistake, such as a negative cost.
//
// Bodies are problem details (RFC 9457). A refusal is never cached: it has Cache-Control:
// no-store, and loses the fields that handlers outside have set for caches, such as
// CDN-Cache-Control, Surrogate-Control or Expires.
//
// # Bodies
//
// A refusal does not wait for a body that a client announces and does not send. If the
// body is there within a tenth of a second, the connection stays open. If not, the answer
// goes out with Connection: close, and the connection is closed half a second later. This
// holds for the answers of Handler, LimitBy, Result.WriteProblem and Result.WriteAWS.
//
// Functions of the Config that read the body have Config.BodyTimeout for it, since the
// sender is not known yet. The next handler is bounded by http.Server.ReadTimeout alone.
//
// Both bounds need a writer that has a read deadline, such as net/http's. A writer that
// wraps it passes the deadline on by a method Unwrap, see http.ResponseController. One
// that has no such method, such as http.TimeoutHandler's, lets refusals go out at once
// all the same, but the connection is held until http.Server.ReadTimeout ends.
//
// Set http.Server.ReadTimeout, or a deadline of its own for each handler, if clients must
// not hold connections.
//
// # Header fields
//
// RateLimit-Policy and RateLimit are those of draft-ietf-httpapi-ratelimit-headers-10, on
// admitted and on limited requests:
//
//	RateLimit-Policy: "throttle";q=100;w=10, "day";q=50000;w=86400
//	RateLimit: "throttle";r=99;t=1, "day";r=41237;t=31200
//
// Of a throttle, q is the burst and w the seconds that refill it. A burst of less than a
// second is written as the rate, with the burst beside it: q=100;w=1;ration-burst=10. t
// is the seconds until there is another token; a full bucket has none. Of a quota, w is
// the length of this window, left out for months and years, and t the seconds to its end.
// A name's characters beyond ASCII are percent-encoded.
//
// An answer that a shared cache may keep has no such fields, since other clients would
// take one client's figures for theirs. Such an answer says public, s-maxage or
// must-revalidate in Cache-Control, or has a CDN-Cache-Control, Surrogate-Control or the
// like that does not forbid it. Where the request has no Authorization field, which
// caches know (RFC 9111 section 3.5), max-age or Expires without private is enough. An
// answer that says nothing of caching keeps the fields.
//
// If keys come in another field than Authorization, and a cache in front keeps answers
// that say nothing of caching, let handlers set Cache-Control: private. Otherwise the
// cache gives one client's answer, with its fields, to all.
//
// After an interim response, such as 103 Early Hints, the fields are in the final one as
// well.
//
// # Routes
//
// Plans throttle routes, and Config.Public lists routes, by the patterns of the router.
// docs/routers.md shows how the middleware learns those from nested muxes, chi, gin and
// echo, and behind which handlers a client can leave a route's throttle by another
// spelling of the path. A request that comes through the middleware of one Gate twice is
// charged once.
//
// # What handlers see
//
// The next handler gets a copy of the request with another context, and a writer that
// wraps the server's. Both are to be as good as the originals. Handlers outside find
// Request.Pattern as the mux inside has set it, and Form and PostForm, but not the path
// values. The writer is an http.Flusher only where the wrapped one is.
// http.MaxBytesReader asks the server's own writer to close the connection; behind the
// middleware, the connection is closed where a handler answers 413 or 400 in the middle
// of a body.
//
// # HEAD, OPTIONS and CORS
//
// Every method needs a key and costs the same. A CORS preflight (OPTIONS with Origin and
// Access-Control-Request-Method) carries no credentials, so it is passed on without a
// key, but only where it cannot reach a handler of something else: its route's pattern
// names OPTIONS, or the known ServeMux has none for it. A pattern without a method
// matches OPTIONS too, and anybody can send what looks like a preflight. Where
// Config.Route has named the route, a preflight needs a pattern in Config.Public. What
// answers preflights for all routes belongs in front of this middleware.
package middleware
