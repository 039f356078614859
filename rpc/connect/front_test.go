package rationconnect_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/connect"
	"github.com/ration-go/ration/usageplan"
)

var names = map[fronttest.Route]string{fronttest.Pets: get, fronttest.Reports: report, fronttest.Health: health}

// TestFront runs the table of all fronts with clients of each protocol, and with a gate
// before the interceptor.
func TestFront(t *testing.T) {
	for protocol, opts := range protocols {
		t.Run(protocol, func(t *testing.T) { fronttest.Run(t, front(false, opts...)) })
	}
	t.Run("gate", func(t *testing.T) { fronttest.Run(t, front(true)) })
}

func front(early bool, opts ...connect.ClientOption) fronttest.Front {
	return fronttest.Front{Names: names, Shows: true, Recovers: true, Start: func(t *testing.T, s *fronttest.Service, o fronttest.Options) func(*testing.T, fronttest.Call) fronttest.Answer {
		limits, err := rationconnect.New(s.Gate, configOf(s, o))
		require.NoError(t, err)
		options := []connect.HandlerOption{connect.WithInterceptors(limits), connect.WithRecover(func(context.Context, connect.Spec, http.Header, any) error {
			return connect.NewError(connect.CodeInternal, nil)
		})}
		if early {
			options = append(options, connect.WithRequestGate(limits.Gate))
		}
		url := serve(t, func(ctx context.Context, method string, req *request) (*response, error) {
			return connect.NewResponse(req.Msg), handle(ctx, s, method, req.Header())
		}, options...)
		return func(t *testing.T, c fronttest.Call) fronttest.Answer {
			req := connect.NewRequest(&text{})
			if c.Key != "" {
				req.Header().Set("X-API-Key", s.Secret(c.Key))
			}
			if c.Also != "" {
				req.Header().Set("Authorization", "Bearer "+s.Secret(c.Also))
			}
			resp, err := clientOf(t, url, names[c.Route], opts...).CallUnary(t.Context(), req)
			return answerOf(t, resp, err)
		}
	}}
}

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
func handle(ctx context.Context, s *fronttest.Service, method string, header http.Header) error {
	h := fronttest.Handled{
		Credential: header.Get("X-API-Key") + header.Get("Authorization"),
		Settle:     func(actual usageplan.Costs) error { return middleware.Settle(ctx, actual) },
		Refund:     func() error { return middleware.Refund(ctx) },
	}
	for route, name := range names {
		if name == method {
			h.Route = route
		}
	}
	h.Decision, _ = middleware.DecisionFromContext(ctx)
	if err := s.Serve(h); err != nil {
		return connect.NewError(connect.CodeInternal, err)
	}
	return nil
}

func answerOf(t *testing.T, resp *response, err error) (a fronttest.Answer) {
	if err == nil {
		return fronttest.Answer{Kind: fronttest.Admitted, Remaining: fronttest.RemainingOf(resp.Header()["Ratelimit"])}
	}
	var failed *connect.Error
	require.True(t, errors.As(err, &failed))
	a.Remaining = fronttest.RemainingOf(failed.Meta()["Ratelimit"])
	limit := ""
	for _, d := range failed.Details() {
		value, err := d.Value()
		require.NoError(t, err)
		switch d := value.(type) {
		case *errdetails.RetryInfo:
			a.Wait = d.RetryDelay.AsDuration()
		case *errdetails.QuotaFailure:
			limit = d.Violations[0].QuotaId
		}
	}
	switch failed.Code() {
	case connect.CodeInternal:
		a.Kind = fronttest.Failed
	case connect.CodePermissionDenied:
		a.Kind = fronttest.Forbidden
	case connect.CodeUnavailable:
		a.Kind = fronttest.Unavailable
	case connect.CodeResourceExhausted:
		a.Kind = fronttest.LimitKind(limit)
		require.NotEmpty(t, failed.Meta().Get("Retry-After"))
	case connect.CodeUnauthenticated:
		a.Kind = fronttest.Unauthenticated
		if strings.Contains(failed.Message(), "more than one") {
			a.Kind = fronttest.Ambiguous
		}
	default:
		t.Fatal(err)
	}
	return a
}
