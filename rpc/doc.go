// Package rpc enforces API keys, rate limits and quotas of usage plans in front of RPC
// services. It has what package rationgrpc (rpc/grpc) and package rationconnect
// (rpc/connect) share, and knows neither gRPC nor Connect. A service imports this package
// for its [Config], and one of the two for the interceptors.
//
// A call is decided as package middleware decides a request of HTTP. The full method,
// such as "/pets.v1.Pets/Get", is the name of its route in plans. So functions of package
// middleware work in handlers, too: [middleware.DecisionFromContext],
// [middleware.KeyFromContext], [middleware.Settle] and [middleware.Refund].
//
// # Streams
//
// A stream is charged like a unary call when it opens: one request, and Config.Costs.
// [Config.Messages] selects messages that are charged as well. A message that does not
// fit ends the stream with [ResourceExhausted], and is not charged. A message whose key
// was disabled meanwhile ends it with [Unauthenticated].
//
// Caution: without Config.Messages, a stream goes on after its key is disabled.
//
// Caution: a refused message cancels the context of the handler, and does not wake a
// handler that waits in another goroutine for the client's next message. The client is
// answered when the handler returns. So return when sending fails or the context ends.
//
// A call that a middleware of the same Gate has decided before, around a Connect handler,
// is charged there, once. A refusal is then an answer of HTTP. Config.Messages, Refund
// and Settle hold as always. The Logger is warned that the call passes through both.
//
// # Other RPC systems
//
// An adapter for another system makes an [Enforcer]. It calls [Enforcer.Open] for each
// call, then [Session.Message] for each message of a stream, and [Session.End] at the
// end.
package rpc
