// Package client keeps an HTTP client to the rate limits of the APIs that it calls. A
// [Transport] paces requests by what the server announces, waits when it has to, and
// repeats what may be repeated.
//
// A Transport is an [http.RoundTripper]. It needs nothing else of this module, and it
// works with any server that sends Retry-After, RateLimit or X-RateLimit fields.
//
//	t, err := client.New(nil, client.Config{Key: key, Host: "api.example.com"})
//	if err != nil {
//		return err
//	}
//	c := &http.Client{Transport: t}
//
// # Limits
//
// A Transport reads these header fields of an answer:
//
//   - Retry-After, in seconds or as a date, of a refusal and of a 503
//   - RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11), with any
//     number of policies
//   - RateLimit-Limit, RateLimit-Remaining and RateLimit-Reset of older drafts
//   - X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset, and the same with
//     X-Rate-Limit
//
// If an answer has several of these forms, the first in this list counts. No standard
// says what X-RateLimit-Reset means. A number from 10^11 on is a Unix time in
// milliseconds. A smaller one from 10^8 on is a Unix time in seconds, as GitHub sends it.
// Any other number is the seconds from now. A date is a time. A time is compared with the
// Date of the answer, so the clocks need not agree. The RateLimit fields of an answer
// from a cache, which has an Age, are ignored.
//
// A refusal is a 429, or a 403 that has a Retry-After or an X-RateLimit-Remaining of 0,
// as GitHub sends it.
//
// # Pacing
//
// If r requests remain for t seconds, the next ones are sent t/r apart. If they are used
// up, the next request waits for the end of the t seconds. So a busy client is not
// refused. Windows that are longer than Config.Spread are not paced: a client may use
// them as fast as it likes, and waits when they are used up.
//
// A token bucket announces in t when there is another token. If that is within a second,
// or within the time that the policy has for one request, requests are sent at the rate
// of the policy at least. What the bucket holds is used up faster.
//
// Requests wait in the order in which they came. A request that is sent again keeps its
// place. Before the first answer of a server, and after a refusal, at most 10 requests
// are sent in the first second.
//
// Requests to one host with one credential share the limits that were announced. A server
// may have several limits of which a request uses some, as GitHub has for searches. Then
// Config.Partition keeps them apart. Each request is taken as one unit.
//
// # Repeating
//
// A refusal charged nothing, so a refused request is sent again whatever its method is. A
// 503 with a Retry-After is sent again if the method is idempotent or the request has an
// Idempotency-Key. In both cases the request's body must be one that can be read again:
// see [http.Request.GetBody]. An answer that cannot be improved is returned as it is. The
// errors of the base RoundTripper are returned as they are, too. [http.Transport] repeats
// by itself what is safe after a broken connection.
package client
