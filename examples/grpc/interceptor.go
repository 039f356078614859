package grpc

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// Unary enforces plans on the calls that have one request and one response. The public
// methods need no key. They are full names, such as "/grpc.health.v1.Health/Check".
func Unary(g *gate.Gate, public ...string) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := admit(ctx, g, info.FullMethod, public)
		if err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}
}

// Stream enforces plans on streams. A stream is charged once, when it opens.
func Stream(g *gate.Gate, public ...string) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := admit(stream.Context(), g, info.FullMethod, public)
		if err != nil {
			return err
		}
		return handler(srv, &admittedStream{stream, ctx})
	}
}

// admit decides a call. If the call is admitted, the returned context has the decision.
// A public method is not decided. What failed is for the Observer and the Logger of the
// Gate: a line for each call of an outage would fill the log.
func admit(ctx context.Context, g *gate.Gate, method string, public []string) (context.Context, error) {
	if slices.Contains(public, method) {
		return ctx, nil
	}
	d, err := g.Admit(ctx, gate.Request{Secret: secretOf(ctx), Route: method})
	if !d.Allowed {
		return nil, statusOf(ctx, &d, err)
	}
	return context.WithValue(ctx, decisionKey{}, &d), nil
}

// secretOf returns the secret in the metadata of a call. Of several it takes none, so
// that a proxy and the server cannot read two different ones.
func secretOf(ctx context.Context) apikey.Secret {
	values := metadata.ValueFromIncomingContext(ctx, "x-api-key")
	if len(values) != 1 {
		return ""
	}
	return apikey.Secret(values[0])
}

type decisionKey struct{}

// DecisionOfCall returns the decision that admitted a call. Handlers read it, and may
// give it to Gate.Settle or Gate.Refund. A call of a public method has none. The function
// of package middleware does not find it, because the two have different context keys.
func DecisionOfCall(ctx context.Context) (*gate.Decision, bool) {
	d, ok := ctx.Value(decisionKey{}).(*gate.Decision)
	return d, ok
}

// admittedStream is a stream whose context has the decision.
type admittedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *admittedStream) Context() context.Context { return s.ctx }
