package rationgrpc_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/rpc/grpc"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// These are the methods of the tests' service. Each takes and returns texts.
const (
	get    = "/pets.v1.Pets/Get"
	report = "/pets.v1.Pets/Report"
	health = "/pets.v1.Health/Check"
	chat   = "/pets.v1.Pets/Chat"   // both sides send
	upload = "/pets.v1.Pets/Upload" // the client sends
	watch  = "/pets.v1.Pets/Watch"  // the server sends
)

type text = wrapperspb.StringValue

// handlers are what the service does. A handler that is nil echoes what it receives.
type handlers struct {
	unary  func(ctx context.Context, method string, in *text) (*text, error)
	stream func(s grpc.ServerStream) error
}

// register adds the methods to a server.
func (h handlers) register(s *grpc.Server) {
	pets := grpc.ServiceDesc{ServiceName: "pets.v1.Pets", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{h.method("Get", get), h.method("Report", report)}}
	for name, kind := range map[string]grpc.StreamDesc{
		"Chat": {ServerStreams: true, ClientStreams: true}, "Upload": {ClientStreams: true}, "Watch": {ServerStreams: true},
	} {
		kind.StreamName = name
		kind.Handler = func(_ any, s grpc.ServerStream) error { return h.serve(s) }
		pets.Streams = append(pets.Streams, kind)
	}
	s.RegisterService(&pets, nil)
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "pets.v1.Health", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{h.method("Check", health)}}, nil)
}

func (h handlers) method(name, full string) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := new(text)
		if err := decode(in); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, in any) (any, error) {
			if h.unary == nil {
				return in, nil
			}
			return h.unary(ctx, full, in.(*text))
		}
		if interceptor == nil {
			return handle(ctx, in)
		}
		return interceptor(ctx, in, &grpc.UnaryServerInfo{FullMethod: full}, handle)
	}}
}

func (h handlers) serve(s grpc.ServerStream) error {
	if h.stream != nil {
		return h.stream(s)
	}
	for {
		in := new(text)
		if err := s.RecvMsg(in); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.SendMsg(in); err != nil {
			return err
		}
	}
}

// recovered answers a call whose handler panics.
func recovered(err *error) {
	if recover() != nil {
		*err = status.Error(codes.Internal, "panic")
	}
}

// dial starts a server with the interceptors and returns a connection to it.
func dial(t *testing.T, limits *rationgrpc.Interceptors, h handlers, opts ...grpc.DialOption) *grpc.ClientConn {
	s := grpc.NewServer(
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (_ any, err error) {
			defer recovered(&err)
			return next(ctx, req)
		}, limits.Unary),
		grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
			defer recovered(&err)
			return next(srv, ss)
		}, limits.Stream),
	)
	h.register(s)
	pipe := bufconn.Listen(1 << 16)
	go func() { _ = s.Serve(pipe) }()
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient("passthrough:///pipe", append(opts,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return pipe.DialContext(ctx) }))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// service is a Ration with the units bytes and words, and one key under one plan.
type service struct {
	*ration.Ration
	t      *testing.T
	keyID  string
	secret string
}

func newService(t *testing.T, throttle string, quotas ...string) *service {
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{Units: usageplan.Units{{Name: "bytes"}, {Name: "words"}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	_, err = r.Plan(t.Context(), "free", throttle, quotas...)
	require.NoError(t, err)
	key, secret, err := r.Issue(t.Context(), "free", "my-client")
	require.NoError(t, err)
	return &service{r, t, key.ID, string(secret)}
}

// dial starts a server with these settings.
func (s *service) dial(cfg rpc.Config, h handlers, opts ...grpc.DialOption) *grpc.ClientConn {
	limits, err := rationgrpc.New(s.Gate, cfg)
	require.NoError(s.t, err)
	return dial(s.t, limits, h, opts...)
}

// withKey returns a context for calls with the key.
func (s *service) withKey() context.Context {
	return metadata.AppendToOutgoingContext(s.t.Context(), "x-api-key", s.secret)
}

// used returns what the key has used, by the names of its limits.
func (s *service) used() map[string]int64 {
	d, err := s.Gate.Peek(s.t.Context(), gate.Request{KeyID: s.keyID})
	require.NoError(s.t, err)
	used := map[string]int64{}
	for l := range d.Levels() {
		used[l.Name] = l.Used
	}
	return used
}
