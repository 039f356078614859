// Package fronttest has one table of cases for every front of a Gate: the middleware
// behind each router, and the interceptors of each RPC system. Tests use it.
//
// A [Front] starts a server with three routes over a [Service]. [Run] sends it calls, one
// after the other, and compares the answers, what the handlers saw, and what the keys
// have used. Nothing in the table is bound to HTTP.
//
// An [HTTPFront] is a router of HTTP. Its method Front makes it a Front, and [RunHTTP]
// has the cases that only HTTP has, such as HEAD, streaming and redirects.
package fronttest
