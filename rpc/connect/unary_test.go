package rationconnect_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/connect"
	"github.com/ration-go/ration/usageplan"
)

// TestRefusal shows all that a client of each protocol learns of a limit.
func TestRefusal(t *testing.T) {
	for protocol, opts := range protocols {
		t.Run(protocol, func(t *testing.T) {
			s := newService(t, "6/m burst 1", "9/year")
			c := clientOf(t, s.serve(rpc.Config{}, echo), get, opts...)
			resp, err := s.call(c, message(10))
			require.NoError(t, err)
			require.Equal(t, `"throttle";q=1;w=10, "year";q=9`, resp.Header().Get("RateLimit-Policy"))

			_, err = s.call(c, message(10))

			var failed *connect.Error
			require.ErrorAs(t, err, &failed)
			require.Equal(t, connect.CodeResourceExhausted, failed.Code())
			require.Contains(t, failed.Message(), "a rate limit is reached: try again in 9.9")
			require.InDelta(t, 10*time.Second, detail[*errdetails.RetryInfo](t, err).RetryDelay.AsDuration(), float64(time.Second))
			v := detail[*errdetails.QuotaFailure](t, err).Violations[0]
			require.Equal(t, []any{"key", `the limit "throttle" of the key is reached`, "throttle", "requests", int64(1)},
				[]any{v.Subject, v.Description, v.QuotaId, v.QuotaMetric, v.QuotaValue})
			require.Equal(t, "10", failed.Meta().Get("Retry-After"))
			require.Contains(t, failed.Meta().Get("RateLimit"), `"throttle";r=0;t=10`)
			require.Equal(t, protocol == "gRPC", failed.Meta().Get("Grpc-Retry-Pushback-Ms") != "")
		})
	}
}

// TestSettle settles and refunds unary calls by their answers, with a gate and without.
func TestSettle(t *testing.T) {
	for _, early := range []bool{false, true} {
		s := newService(t, "unlimited", "9/year", "1000 bytes/year")
		limits, err := rationconnect.New(s.Gate, rpc.Config{
			Settle: func(e *rpc.End) usageplan.Costs {
				require.Equal(t, rpc.Traffic{Messages: 1, Bytes: 10}, e.Received)
				require.Equal(t, rpc.Traffic{Messages: 1, Bytes: 100}, e.Sent)
				return usageplan.Costs{int64(proto.Size(e.Message.(*text)) + proto.Size(e.Response.(*text)))}
			},
			Refund: func(c rpc.Code) bool { return c != rpc.OK },
		})
		require.NoError(t, err)
		options := []connect.HandlerOption{connect.WithInterceptors(limits)}
		if early {
			options = append(options, connect.WithRequestGate(limits.Gate))
		}
		url := serve(t, func(_ context.Context, method string, _ *request) (*response, error) {
			if method == report {
				return nil, errors.New("failed")
			}
			return connect.NewResponse(message(100)), nil
		}, options...)

		_, err = s.call(clientOf(t, url, get), message(10))
		require.NoError(t, err)
		require.Equal(t, used{"year": 1, "bytes/year": 110}, s.used())

		_, err = s.call(clientOf(t, url, report), message(10))
		require.Equal(t, connect.CodeUnknown, connect.CodeOf(err))
		require.Equal(t, used{"year": 1, "bytes/year": 110}, s.used())
	}
}

// TestBehindMiddleware charges a call once that has passed through the middleware of the
// same Gate.
func TestBehindMiddleware(t *testing.T) {
	var log bytes.Buffer
	s := newService(t, "unlimited", "9/year")
	limits, err := rationconnect.New(s.Gate, rpc.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	handler := connect.NewUnaryHandler(get, func(ctx context.Context, req *request) (*response, error) {
		return echo(ctx, get, req)
	}, connect.WithInterceptors(limits))
	server := httptest.NewServer(s.Handler(handler))
	t.Cleanup(server.Close)

	_, err = s.call(connect.NewClient[text, text](server.Client(), server.URL+get), message(10))
	require.NoError(t, err)
	require.Equal(t, used{"year": 1}, s.used())
	require.Contains(t, log.String(), "twice")
}

// TestGate refuses a call without a key before its message is read.
func TestGate(t *testing.T) {
	s := newService(t, "unlimited", "9/year")
	limits, err := rationconnect.New(s.Gate, rpc.Config{})
	require.NoError(t, err)
	url := serve(t, echo, connect.WithRequestGate(limits.Gate), connect.WithInterceptors(limits), connect.WithReadMaxBytes(5))
	c := clientOf(t, url, get)

	_, err = c.CallUnary(t.Context(), connect.NewRequest(message(100)))
	require.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err))

	_, err = s.call(c, message(100))
	require.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err))
	require.ErrorContains(t, err, "larger than configured max")
	require.Equal(t, used{"year": 1}, s.used())
}

// TestClient leaves the calls of a client alone.
func TestClient(t *testing.T) {
	s := newService(t, "unlimited")
	limits, err := rationconnect.New(s.Gate, rpc.Config{})
	require.NoError(t, err)
	url := serve(t, echo)

	_, err = clientOf(t, url, get, connect.WithInterceptors(limits)).CallUnary(t.Context(), connect.NewRequest(&text{}))
	require.NoError(t, err)
	n, _ := s.talk(clientOf(t, url, chat, connect.WithInterceptors(limits)), 10)
	require.Equal(t, 1, n)
}

// TestChallenge tells a client without a key how to send one. A server of net/http does
// not send WWW-Authenticate in a trailer, which is where gRPC has the metadata of an
// error.
func TestChallenge(t *testing.T) {
	for protocol, want := range map[string]string{"Connect": `Bearer realm="api"`, "gRPC-Web": `Bearer realm="api"`, "gRPC": ""} {
		s := newService(t, "unlimited")
		_, err := clientOf(t, s.serve(rpc.Config{}, echo), get, protocols[protocol]...).CallUnary(t.Context(), connect.NewRequest(&text{}))
		var failed *connect.Error
		require.ErrorAs(t, err, &failed)
		require.Equal(t, connect.CodeUnauthenticated, failed.Code())
		require.Equal(t, "a valid API key is required", failed.Message())
		require.Equal(t, want, failed.Meta().Get("WWW-Authenticate"), protocol)
	}
}

// linkPets does what generated code does: it registers a Protobuf file with a service.
func linkPets(t *testing.T) {
	const file, void = "pets/v1/pets.proto", ".pets.v1.Void"
	if _, err := protoregistry.GlobalFiles.FindFileByPath(file); err == nil {
		return // by an earlier run
	}
	method := &descriptorpb.MethodDescriptorProto{Name: new("Get"), InputType: new(void), OutputType: new(void)}
	pets, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: new(file), Package: new("pets.v1"), Syntax: new("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: new("Void")}},
		Service:     []*descriptorpb.ServiceDescriptorProto{{Name: new("Pets"), Method: []*descriptorpb.MethodDescriptorProto{method}}},
	}, protoregistry.GlobalFiles)
	require.NoError(t, err)
	require.NoError(t, protoregistry.GlobalFiles.RegisterFile(pets))
}

// TestUnserved finds the names that the linked services do not have.
func TestUnserved(t *testing.T) {
	linkPets(t)
	s := newService(t, "unlimited")
	often := limiter.MustParse("1/s")
	_, err := s.Plans.Put(t.Context(), usageplan.Plan{ID: "pro", Routes: map[string]limiter.Limit{get: often, "/pets.v1.Pets/Git": often}})
	require.NoError(t, err)
	limits, err := rationconnect.New(s.Gate, rpc.Config{Public: []string{"/pets.v1.Pets/*", get, "/pets.v1.Pets/Gat"}})
	require.NoError(t, err)

	names, err := limits.Unserved(s.Plans.All(t.Context()), "pets.v1.Pets")
	require.NoError(t, err)
	require.Equal(t, []rpc.Unserved{{Name: "/pets.v1.Pets/Gat"}, {PlanID: "pro", Name: "/pets.v1.Pets/Git"}}, names)

	for _, name := range []string{"pets.v1.Cats", "pets.v1.Void"} {
		_, err = limits.Unserved(s.Plans.All(t.Context()), name)
		require.ErrorContains(t, err, name)
	}
}
