package rationgrpc_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/grpc"
	"github.com/ration-go/ration/usageplan"
)

// detail returns a detail of an error by its type.
func detail[T proto.Message](t *testing.T, err error) T {
	for _, d := range status.Convert(err).Details() {
		if d, ok := d.(T); ok {
			return d
		}
	}
	t.Fatalf("no %T in %v", *new(T), err)
	panic("unreachable")
}

// violation returns the only violation in an error.
func violation(t *testing.T, err error) *errdetails.QuotaFailure_Violation {
	all := detail[*errdetails.QuotaFailure](t, err).Violations
	require.Len(t, all, 1)
	return all[0]
}

// violations returns the names of the limits in an error.
func violations(t *testing.T, err error) (names []string) {
	for _, v := range detail[*errdetails.QuotaFailure](t, err).Violations {
		names = append(names, v.QuotaId)
	}
	return names
}

// call makes a unary call.
func (s *service) call(conn *grpc.ClientConn, opts ...grpc.CallOption) error {
	return conn.Invoke(s.withKey(), get, message(10), &text{}, opts...)
}

// TestRefusal shows all that a client learns of a limit.
func TestRefusal(t *testing.T) {
	s := newService(t, "6/m burst 1", "9/year")
	conn := s.dial(rpc.Config{}, handlers{})
	var header, trailer metadata.MD
	require.NoError(t, s.call(conn, grpc.Header(&header)))
	require.Equal(t, []string{`"throttle";q=1;w=10, "year";q=9`}, header["ratelimit-policy"])
	require.Contains(t, header["ratelimit"][0], `"throttle";r=0`)

	err := s.call(conn, grpc.Trailer(&trailer))

	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	require.Contains(t, status.Convert(err).Message(), "a rate limit is reached: try again in 9.9")
	wait := detail[*errdetails.RetryInfo](t, err).RetryDelay.AsDuration()
	require.InDelta(t, 10*time.Second, wait, float64(time.Second))
	v := violation(t, err)
	require.Equal(t, []any{"key", `the limit "throttle" of the key is reached`, "throttle", "requests", int64(1)},
		[]any{v.Subject, v.Description, v.QuotaId, v.QuotaMetric, v.QuotaValue})
	require.Equal(t, []string{"10"}, trailer["retry-after"])
	require.Contains(t, trailer["ratelimit"][0], `"throttle";r=0;t=10`)
	require.NotContains(t, trailer, "cache-control")
	require.Regexp(t, `^(10000|9[0-9]{3})$`, trailer["grpc-retry-pushback-ms"][0])
}

// TestRetryPolicy has clients whose policy is to repeat a refused call after 1ms. The
// answer says when, so a client waits for a throttle, and does not repeat a call that
// waits for a quota.
func TestRetryPolicy(t *testing.T) {
	policy := grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5,
		"initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1, "retryableStatusCodes": ["RESOURCE_EXHAUSTED"]}}]}`)
	for name, c := range map[string]struct {
		throttle, quota string
		want            codes.Code
	}{
		"a throttle": {"20/s burst 1", "9/year", codes.OK},
		"a quota":    {"unlimited", "1/year", codes.ResourceExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, c.throttle, c.quota)
			asked := new(asks)
			limits, err := rationgrpc.New(s.Gate, rpc.Config{Credential: asked.credential})
			require.NoError(t, err)
			conn := dial(t, limits, handlers{}, policy)
			require.NoError(t, s.call(conn))

			require.Equal(t, c.want, status.Code(s.call(conn)))
			require.LessOrEqual(t, asked.n, 3, "calls and retries")
		})
	}
}

// asks counts calls by the look-up of their keys.
type asks struct{ n int }

func (a *asks) credential(c *rpc.Call) (middleware.Credential, error) {
	a.n++
	return middleware.Credential{Secret: apikey.Secret(c.Header.Get("X-API-Key")), Header: "x-api-key"}, nil
}

// TestRestrictedKeys refuses keys that lack a scope or come from another address. Neither
// is charged.
func TestRestrictedKeys(t *testing.T) {
	s := newService(t, "unlimited", "9/year")
	conn := s.dial(rpc.Config{Scope: func(c *rpc.Call) string {
		if c.Method == report {
			return "reports:read"
		}
		return ""
	}}, handlers{})
	require.NoError(t, s.call(conn))
	var trailer metadata.MD
	err := conn.Invoke(s.withKey(), report, &text{}, &text{}, grpc.Trailer(&trailer))
	require.Equal(t, codes.PermissionDenied, status.Code(err))
	require.ErrorContains(t, err, "lacks a scope")
	require.Equal(t, []string{`Bearer realm="api", error="insufficient_scope", scope="reports:read"`}, trailer["www-authenticate"])

	update(t, s, func(k *apikey.Key) { k.Networks = prefixes("192.0.2.0/24") })
	err = s.call(conn)
	require.Equal(t, codes.PermissionDenied, status.Code(err))
	require.ErrorContains(t, err, "this address")

	update(t, s, func(k *apikey.Key) { k.Networks = nil })
	require.Equal(t, used{"year": 1}, s.used())
}

// TestSettle settles unary calls by their answers.
func TestSettle(t *testing.T) {
	s := newService(t, "unlimited", "9/year", "1000 bytes/year", "9 words/year")
	var ends []rpc.Code
	failed := errors.New("failed")
	conn := s.dial(rpc.Config{
		Settle: func(e *rpc.End) usageplan.Costs {
			ends = append(ends, e.Code)
			return usageplan.Costs{e.Received.Bytes + e.Sent.Bytes, e.Sent.Messages}
		},
		Refund: func(c rpc.Code) bool { return c == rpc.Unavailable },
	}, handlers{unary: func(_ context.Context, method string, in *text) (*text, error) {
		switch {
		case method == report:
			return nil, status.Error(codes.Unavailable, "later")
		case proto.Size(in) == 20:
			return message(100), failed
		}
		return message(100), nil
	}})
	require.NoError(t, s.call(conn))
	require.Equal(t, used{"year": 1, "bytes/year": 110, "words/year": 1}, s.used())
	require.Equal(t, codes.Unknown, status.Code(conn.Invoke(s.withKey(), get, message(20), &text{})))
	require.Equal(t, used{"year": 2, "bytes/year": 130, "words/year": 1}, s.used())
	require.Equal(t, codes.Unavailable, status.Code(conn.Invoke(s.withKey(), report, message(20), &text{})))
	require.Equal(t, used{"year": 2, "bytes/year": 130, "words/year": 1}, s.used())
	require.Equal(t, []rpc.Code{rpc.OK, rpc.Unknown}, ends)
}

// TestLate refunds nothing to a client whose deadline has passed.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, "unlimited", "9/year")
		ctx, cancel := context.WithTimeout(metadata.NewIncomingContext(t.Context(), metadata.Pairs("x-api-key", s.secret)), time.Minute)
		defer cancel()
		limits, err := rationgrpc.New(s.Gate, rpc.Config{Refund: func(rpc.Code) bool { return true }})
		require.NoError(t, err)

		_, err = limits.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: get}, func(ctx context.Context, _ any) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})

		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, used{"year": 1}, s.used())
	})
}

// TestGone refunds nothing to a client that cancels its call.
func TestGone(t *testing.T) {
	s := newService(t, "unlimited", "9/year")
	ctx, cancel := context.WithCancel(s.withKey())
	ended := make(chan bool)
	limits, err := rationgrpc.New(s.Gate, rpc.Config{Refund: func(rpc.Code) bool { return true }})
	require.NoError(t, err)
	conn := dial(t, limits, handlers{unary: func(ctx context.Context, _ string, in *text) (*text, error) {
		defer close(ended)
		cancel()
		<-ctx.Done()
		return in, nil
	}})

	require.Equal(t, codes.Canceled, status.Code(conn.Invoke(ctx, get, &text{}, &text{})))
	<-ended
	require.Equal(t, used{"year": 1}, s.used())

	_, err = limits.Unary(metadata.NewIncomingContext(ctx, metadata.Pairs("x-api-key", s.secret)), nil, &grpc.UnaryServerInfo{FullMethod: get}, nil)
	require.Equal(t, codes.Canceled, status.Code(err))
}

// TestTwice charges a call once that passes through two interceptors of one Gate.
func TestTwice(t *testing.T) {
	var log bytes.Buffer
	s := newService(t, "unlimited", "9/year")
	limits, err := rationgrpc.New(s.Gate, rpc.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), StripCredential: true})
	require.NoError(t, err)
	conn := dial(t, limits, handlers{unary: func(ctx context.Context, method string, in *text) (*text, error) {
		out, err := limits.Unary(ctx, in, &grpc.UnaryServerInfo{FullMethod: method}, func(_ context.Context, in any) (any, error) { return in, nil })
		if err != nil {
			return nil, err
		}
		return out.(*text), nil
	}})
	require.NoError(t, s.call(conn))
	require.Equal(t, used{"year": 1}, s.used())
	require.Contains(t, log.String(), "twice")
}

// TestUnserved finds the names that the server does not have.
func TestUnserved(t *testing.T) {
	var log bytes.Buffer
	s := newService(t, "unlimited")
	often := limiter.MustParse("1/s")
	_, err := s.Plans.Put(t.Context(), usageplan.Plan{
		ID:     "pro",
		Routes: map[string]limiter.Limit{get: often, "/pets.v1.Pets/Git": often, "GET /pets": often, "*": often},
		For:    map[string]usageplan.Limits{"/pets.v1.Pets/Chit": {Quotas: []quota.Quota{quota.MustParse("1/day")}}},
	})
	require.NoError(t, err)
	limits, err := rationgrpc.New(s.Gate, rpc.Config{
		Public:      []string{health, "/pets.v1.Health/*", "/pets.v1.Health/Chek", "/pets.v2.Health/*"},
		RouteScopes: map[string]string{get: "pets", "/pets.v1.Pets/Gut": "pets"},
		Logger:      slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.NoError(t, err)
	server := grpc.NewServer()
	handlers{}.register(server)

	names, err := limits.Unserved(server, s.Plans.All(t.Context()))

	require.NoError(t, err)
	require.Equal(t, []rpc.Unserved{
		{Name: "/pets.v1.Health/Chek"}, {Name: "/pets.v2.Health/*"}, {Name: "/pets.v1.Pets/Gut"},
		{PlanID: "pro", Name: "/pets.v1.Pets/Chit"}, {PlanID: "pro", Name: "/pets.v1.Pets/Git"},
	}, names)
	require.Equal(t, `config: no method "/pets.v1.Health/Chek"`, names[0].String())
	require.Equal(t, `plan "pro": no method "/pets.v1.Pets/Chit"`, names[3].String())
	for _, u := range names {
		require.Contains(t, log.String(), u.Name)
	}
}
