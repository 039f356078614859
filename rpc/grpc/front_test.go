package rationgrpc_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/grpc"
	"github.com/ration-go/ration/usageplan"
)

var names = map[fronttest.Route]string{fronttest.Pets: get, fronttest.Reports: report, fronttest.Health: health}

// TestFront runs the table of all fronts with unary calls.
func TestFront(t *testing.T) {
	fronttest.Run(t, fronttest.Front{Names: names, Shows: true, Recovers: true, Start: func(t *testing.T, s *fronttest.Service, o fronttest.Options) func(*testing.T, fronttest.Call) fronttest.Answer {
		limits, err := rationgrpc.New(s.Gate, configOf(s, o))
		require.NoError(t, err)
		conn := dial(t, limits, handlers{unary: func(ctx context.Context, method string, in *text) (*text, error) {
			return in, handle(ctx, s, method)
		}})
		return func(t *testing.T, c fronttest.Call) fronttest.Answer {
			var header, trailer metadata.MD
			err := conn.Invoke(withKeys(t, s, c), names[c.Route], &text{}, &text{}, grpc.Header(&header), grpc.Trailer(&trailer))
			return answerOf(t, err, header, trailer)
		}
	}})
}

// TestFrontOfStreams runs the table with streams. Its service has the same methods.
func TestFrontOfStreams(t *testing.T) {
	fronttest.Run(t, fronttest.Front{Names: streams, Shows: true, Recovers: true, Start: func(t *testing.T, s *fronttest.Service, o fronttest.Options) func(*testing.T, fronttest.Call) fronttest.Answer {
		cfg := configOf(s, o)
		cfg.Public = []string{streams[fronttest.Health]}
		limits, err := rationgrpc.New(s.Gate, cfg)
		require.NoError(t, err)
		conn := dial(t, limits, handlers{stream: func(stream grpc.ServerStream) error {
			method, _ := grpc.MethodFromServerStream(stream)
			return handle(stream.Context(), s, method)
		}})
		return func(t *testing.T, c fronttest.Call) fronttest.Answer {
			stream, err := conn.NewStream(withKeys(t, s, c), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, streams[c.Route])
			require.NoError(t, err)
			require.NoError(t, stream.CloseSend())
			if err = stream.RecvMsg(&text{}); err.Error() == "EOF" {
				err = nil
			}
			header, _ := stream.Header()
			return answerOf(t, err, header, stream.Trailer())
		}
	}})
}

var streams = map[fronttest.Route]string{fronttest.Pets: chat, fronttest.Reports: upload, fronttest.Health: watch}

func configOf(s *fronttest.Service, o fronttest.Options) rpc.Config {
	cfg := rpc.Config{
		Public:          []string{"/pets.v1.Health/*"},
		StripCredential: o.StripCredential,
		Costs:           func(*rpc.Call) usageplan.Costs { return s.Costs() },
		ID:              func(*rpc.Call) string { return s.ID() },
		Class:           func(*rpc.Call) string { return s.Class() },
		Logger:          s.Logger,
	}
	if o.Refund {
		cfg.Refund = func(c rpc.Code) bool { return c == rpc.Internal }
	}
	return cfg
}

// handle is the handler of all methods.
func handle(ctx context.Context, s *fronttest.Service, method string) error {
	h := fronttest.Handled{
		Settle: func(actual usageplan.Costs) error { return middleware.Settle(ctx, actual) },
		Refund: func() error { return middleware.Refund(ctx) },
	}
	for _, all := range []map[fronttest.Route]string{names, streams} {
		for route, name := range all {
			if name == method {
				h.Route = route
			}
		}
	}
	h.Decision, _ = middleware.DecisionFromContext(ctx)
	for _, name := range []string{"x-api-key", "authorization"} {
		h.Credential += strings.Join(metadata.ValueFromIncomingContext(ctx, name), ",")
	}
	if err := s.Serve(h); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return nil
}

// withKeys returns a context for a call with its keys.
func withKeys(t *testing.T, s *fronttest.Service, c fronttest.Call) context.Context {
	ctx := t.Context()
	if c.Key != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "x-api-key", s.Secret(c.Key))
	}
	if c.Also != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+s.Secret(c.Also))
	}
	return ctx
}

func answerOf(t *testing.T, err error, header, trailer metadata.MD) (a fronttest.Answer) {
	s := status.Convert(err)
	a.Remaining = fronttest.RemainingOf(append(header["ratelimit"], trailer["ratelimit"]...))
	limit := ""
	for _, d := range s.Details() {
		switch d := d.(type) {
		case *errdetails.RetryInfo:
			a.Wait = d.RetryDelay.AsDuration()
		case *errdetails.QuotaFailure:
			limit = d.Violations[0].QuotaId
		}
	}
	switch s.Code() {
	case codes.OK:
		a.Kind = fronttest.Admitted
	case codes.Internal:
		a.Kind = fronttest.Failed
	case codes.PermissionDenied:
		a.Kind = fronttest.Forbidden
	case codes.Unavailable:
		a.Kind = fronttest.Unavailable
	case codes.ResourceExhausted:
		a.Kind = fronttest.LimitKind(limit)
		require.NotEmpty(t, trailer["retry-after"])
	case codes.Unauthenticated:
		a.Kind = fronttest.Unauthenticated
		require.Contains(t, trailer["www-authenticate"][0], "Bearer")
		if strings.Contains(s.Message(), "more than one") {
			a.Kind = fronttest.Ambiguous
		}
	default:
		t.Fatal(err)
	}
	return a
}
