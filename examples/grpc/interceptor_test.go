package grpc

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

const (
	check = "/grpc.health.v1.Health/Check"
	watch = "/grpc.health.v1.Health/Watch"
)

// server fails unless the decision of each call is that of a key. If keyID is empty,
// calls must have no decision.
type server struct {
	healthpb.UnimplementedHealthServer
	keyID string
}

func (s *server) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	d, ok := DecisionOfCall(ctx)
	if ok != (s.keyID != "") || ok && d.Key.ID != s.keyID {
		return nil, status.Error(codes.Internal, "no decision")
	}
	return &healthpb.HealthCheckResponse{}, nil
}

func (s *server) Watch(_ *healthpb.HealthCheckRequest, stream grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	resp, err := s.Check(stream.Context(), nil)
	if err != nil {
		return err
	}
	return errors.Join(stream.Send(resp), stream.Send(resp))
}

// service is a gRPC server over a pipe, its client, and a key of its plan.
type service struct {
	*ration.Ration
	client healthpb.HealthClient
	key    apikey.Key
	secret apikey.Secret
}

func newService(t *testing.T, counter store.Counter, p usageplan.Plan, public ...string) *service {
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{
		Counter: counter,
		Gate:    gate.Config{Observer: observe.NewLog(slog.Default(), observe.LogConfig{})},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	p.ID = "free"
	_, err = r.Plans.Put(t.Context(), p)
	require.NoError(t, err)
	key, secret, err := r.Issue(t.Context(), p.ID, "my-client")
	require.NoError(t, err)

	s := NewServer(r.Gate, public...)
	health := &server{keyID: key.ID}
	if len(public) > 0 {
		health.keyID = ""
	}
	healthpb.RegisterHealthServer(s, health)
	pipe := bufconn.Listen(1 << 16)
	go func() { _ = s.Serve(pipe) }()
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("passthrough:///pipe", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return &service{r, healthpb.NewHealthClient(conn), key, secret}
}

// check makes a call with these secrets.
func (s *service) check(secrets ...apikey.Secret) error {
	ctx := context.Background()
	for _, secret := range secrets {
		ctx = WithKey(ctx, string(secret))
	}
	_, err := s.client.Check(ctx, &healthpb.HealthCheckRequest{})
	return err
}

// watch opens a stream and returns how many messages came.
func (s *service) watch() (n int, _ error) {
	ctx := WithKey(context.Background(), string(s.secret))
	stream, err := s.client.Watch(ctx, &healthpb.HealthCheckRequest{})
	for err == nil {
		if _, err = stream.Recv(); err == nil {
			n++
		}
	}
	return n, err
}

func perHour(n int) *limiter.Limit {
	return new(limiter.MustParse("1/h burst " + string(rune('0'+n))))
}

// TestThrottle admits the burst of a plan, and then tells how long to wait.
func TestThrottle(t *testing.T) {
	s := newService(t, nil, usageplan.Plan{Throttle: perHour(2)})
	require.NoError(t, s.check(s.secret))
	require.NoError(t, s.check(s.secret))

	refused, ok := status.FromError(s.check(s.secret))

	require.True(t, ok)
	require.Equal(t, codes.ResourceExhausted, refused.Code())
	require.Equal(t, "throttled", refused.Message())
	require.Len(t, refused.Details(), 1)
	wait := refused.Details()[0].(*errdetails.RetryInfo).RetryDelay.AsDuration()
	require.InDelta(t, time.Hour, wait, float64(time.Minute))
}

// TestRoutes throttles one method by its full name, and leaves the other alone.
func TestRoutes(t *testing.T) {
	s := newService(t, nil, usageplan.Plan{Routes: map[string]limiter.Limit{watch: *perHour(1)}})
	n, err := s.watch()
	require.ErrorContains(t, err, "EOF")
	require.Equal(t, 2, n)
	n, err = s.watch()
	require.Equal(t, codes.ResourceExhausted, status.Code(err))
	require.Zero(t, n)
	require.NoError(t, s.check(s.secret))

	days, err := s.Gate.UsageByDay(t.Context(), "free", s.key.ID, usageplan.Requests, 1)
	require.NoError(t, err)
	require.EqualValues(t, 2, days[0].Used, "a stream of two messages and a call")
}

// TestRouteNames holds that a full method is the canonical name of a route.
func TestRouteNames(t *testing.T) {
	name, err := usageplan.Route(check)
	require.NoError(t, err)
	require.Equal(t, check, name)
}

// TestCodes refuses calls with the code of the reason. Bad keys look the same.
func TestCodes(t *testing.T) {
	s := newService(t, nil, usageplan.Plan{})
	require.NoError(t, s.check(s.secret))
	bad := []error{s.check(), s.check("nonsense"), s.check(s.secret, s.secret)}
	_, err := s.Keys.Disable(t.Context(), s.key.ID)
	require.NoError(t, err)
	bad = append(bad, s.check(s.secret))
	for _, err := range bad {
		require.Equal(t, codes.Unauthenticated, status.Code(err))
		require.EqualError(t, err, bad[0].Error())
	}
	_, err = s.Keys.Enable(t.Context(), s.key.ID)
	require.NoError(t, err)
	require.NoError(t, s.Plans.Unlink(t.Context(), "free", s.key.ID))
	require.Equal(t, codes.PermissionDenied, status.Code(s.check(s.secret)))
}

// TestPublic lets calls of a public method through without a key, and no others.
func TestPublic(t *testing.T) {
	s := newService(t, nil, usageplan.Plan{}, check)
	require.NoError(t, s.check())
	require.NoError(t, s.check("nonsense"))

	s.secret = ""
	_, err := s.watch()
	require.Equal(t, codes.Unauthenticated, status.Code(err))
}

// TestOutage refuses a call whose quota cannot be counted. The cause is for the log and
// not for the client.
func TestOutage(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	broken := storetest.Faulty(storetest.Always(), storetest.Fault{Err: errors.New("password of redis")})
	p, err := usageplan.Parse("free", "unlimited", "10/day")
	require.NoError(t, err)
	s := newService(t, broken, p)

	err = s.check(s.secret)

	require.Equal(t, codes.Unavailable, status.Code(err))
	require.NotContains(t, err.Error(), "password")
	require.Contains(t, log.String(), "password of redis")
	require.Contains(t, log.String(), check)
}

// TestGone answers a call whose client has left as gRPC does, and charges nothing.
func TestGone(t *testing.T) {
	s := newService(t, nil, usageplan.Plan{})
	ctx, cancel := context.WithCancel(metadata.NewIncomingContext(t.Context(), metadata.Pairs("x-api-key", string(s.secret))))
	cancel()

	_, err := admit(ctx, s.Gate, check, nil)

	require.Equal(t, codes.Canceled, status.Code(err))
}

// TestReasons gives every refusal a code of its own kind.
func TestReasons(t *testing.T) {
	for reason, want := range map[gate.Reason]codes.Code{
		gate.Unknown: codes.Unauthenticated, gate.Disabled: codes.Unauthenticated, gate.Expired: codes.Unauthenticated,
		gate.NoPlan: codes.PermissionDenied, gate.NoGroup: codes.PermissionDenied, gate.NeverFits: codes.PermissionDenied,
		gate.Throttled: codes.ResourceExhausted, gate.QuotaExceeded: codes.ResourceExhausted,
		gate.StoreFailed: codes.Unavailable, gate.Invalid: codes.Internal,
	} {
		d := gate.Decision{Outcome: gate.Outcome{Reason: reason}}
		require.Equal(t, want, status.Code(statusOf(t.Context(), &d, nil)), reason)
	}
}
