package grpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// Unary enforces plans on the calls that have one request and one response.
func Unary(g *gate.Gate) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := admit(ctx, g, info.FullMethod)
		if err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}
}

// Stream enforces plans on streams. A stream is charged once, when it opens.
func Stream(g *gate.Gate) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := admit(stream.Context(), g, info.FullMethod)
		if err != nil {
			return err
		}
		return handler(srv, &admittedStream{stream, ctx})
	}
}

// admit decides a call. If the call is admitted, the returned context has the decision.
func admit(ctx context.Context, g *gate.Gate, method string) (context.Context, error) {
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

// DecisionFromContext returns the decision that admitted a call. Handlers read it, and
// may give it to Gate.Settle or Gate.Refund.
func DecisionFromContext(ctx context.Context) (*gate.Decision, bool) {
	d, ok := ctx.Value(decisionKey{}).(*gate.Decision)
	return d, ok
}

// admittedStream is a stream whose context has the decision.
type admittedStream struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *admittedStream) Context() context.Context { return s.ctx }
