// Package rationgrpc has interceptors that enforce API keys, rate limits and quotas in a
// gRPC server: google.golang.org/grpc.
//
//	limits, err := rationgrpc.New(r.Gate, rpc.Config{Public: []string{"/grpc.health.v1.Health/*"}})
//	...
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(limits.Unary),
//		grpc.ChainStreamInterceptor(limits.Stream),
//	)
//
// A client sends its key as the metadata "x-api-key", or as a Bearer token in the
// metadata "authorization". Package rpc has the [rpc.Config], and says how calls and
// streams are charged.
//
// # Answers
//
//   - codes.Unauthenticated: there is no valid key, or more than one.
//   - codes.PermissionDenied: the key has no plan for the service, lacks a scope, may not
//     be used from this address, or the call can never fit.
//   - codes.ResourceExhausted: a limit is used up.
//   - codes.Unavailable: a store failed.
//   - codes.Internal: the service made a mistake, such as a negative cost.
//
// If waiting helps, the status has a RetryInfo, and the trailer has retry-after and
// grpc-retry-pushback-ms. If limits refused, the status has a QuotaFailure that names
// them. The RateLimit fields that HTTP clients get are in the header of an admitted call,
// and in the trailer of a refused one.
//
// # Size of messages
//
// Security: grpc-go reads and decodes the request of a unary call before it calls an
// interceptor. So a client without a key can make the server read a message.
// grpc.MaxRecvMsgSize bounds its size, by default to 4 MB.
package rationgrpc
