// Package rationconnect has an interceptor that enforces API keys, rate limits and quotas
// in Connect handlers: connectrpc.com/connect.
//
//	limits, err := rationconnect.New(r.Gate, rpc.Config{})
//	...
//	mux.Handle(petsv1connect.NewPetsHandler(pets{}, connect.WithInterceptors(limits)))
//
// It serves the three protocols of Connect alike: Connect itself, gRPC and gRPC-Web. A
// client sends its key in the header field X-API-Key, or as a Bearer token in
// Authorization. Package rpc has the [rpc.Config], and says how calls and streams are
// charged.
//
// # Answers
//
//   - connect.CodeUnauthenticated: there is no valid key, or more than one.
//   - connect.CodePermissionDenied: the key has no plan for the service, lacks a scope,
//     may not be used from this address, or the call can never fit.
//   - connect.CodeResourceExhausted: a limit is used up.
//   - connect.CodeUnavailable: a store failed.
//   - connect.CodeInternal: the service made a mistake, such as a negative cost.
//
// If waiting helps, the error has a RetryInfo, and its metadata Retry-After. If limits
// refused, the error has a QuotaFailure that names them. The RateLimit fields are in the
// header of an admitted call, and in the metadata of the error of a refused one.
//
// An answer to a GET that a shared cache may keep, by its Cache-Control, has no RateLimit
// fields.
//
// # Browsers
//
// A script of another origin sees a field of an answer only if CORS exposes the field,
// and may send a key only if CORS allows it. With the package connectrpc.com/cors:
//
//	cors.Options{
//		AllowedHeaders: append(connectcors.AllowedHeaders(), "X-Api-Key"), // or "Authorization"
//		ExposedHeaders: append(connectcors.ExposedHeaders(), "RateLimit", "RateLimit-Policy", "Retry-After"),
//	}
//
// RetryInfo and QuotaFailure need none of that with Connect, whose errors have them in
// the body. With gRPC-Web, the refusal of a unary call has them in the field
// Grpc-Status-Details-Bin, which connectcors.ExposedHeaders exposes.
//
// # Size of messages
//
// Security: Connect reads and decodes the request of a unary call before it calls an
// interceptor, and by default a request has no limit. So a client without a key can make
// the server read a message. Set connect.WithReadMaxBytes. [Interceptor.Gate] decides
// before a message is read.
package rationconnect
