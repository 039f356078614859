package rationgrpc

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/reflection"
	"google.golang.org/protobuf/proto"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/usageplan"
)

// Interceptors enforce the decisions of a Gate in a server. Use New to make them. They
// are safe for concurrent use, and one may serve several servers.
type Interceptors struct {
	enforcer *rpc.Enforcer
}

// New returns Interceptors that ask the Gate g. The error wraps rpc.ErrInvalid and
// reports every fault of cfg at once.
func New(g *gate.Gate, cfg rpc.Config) (*Interceptors, error) {
	e, err := rpc.New(g, cfg)
	if err != nil {
		return nil, err
	}
	return &Interceptors{e}, nil
}

// Unary implements grpc.UnaryServerInterceptor. Use it with grpc.ChainUnaryInterceptor.
// Interceptors that do expensive work belong after it.
func (i *Interceptors) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	session, refused := i.enforcer.Open(ctx, callOf(ctx, info.FullMethod, req))
	if refused != nil {
		_ = grpc.SetTrailer(ctx, trailer(refused)) // fails only outside a server
		return nil, statusOf(refused)
	}
	_ = grpc.SetHeader(ctx, metadataOf(session.Header()))
	code := rpc.Internal // in case handler panics
	defer func() { session.End(code, resp) }()

	resp, err = handler(contextOf(session), req)
	if code = codeOf(err); err != nil {
		resp = nil
	}
	return resp, err
}

// Stream implements grpc.StreamServerInterceptor. Use it with
// grpc.ChainStreamInterceptor.
func (i *Interceptors) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	ctx := ss.Context()
	call := callOf(ctx, info.FullMethod, nil)
	call.Stream = true
	session, refused := i.enforcer.Open(ctx, call)
	if refused != nil {
		ss.SetTrailer(trailer(refused))
		return statusOf(refused)
	}
	_ = ss.SetHeader(metadataOf(session.Header()))
	code := rpc.Internal // in case handler panics
	defer func() { session.End(code, nil) }()

	err = handler(srv, &stream{ss, session, contextOf(session)})
	if refused := session.Refused(); refused != nil {
		ss.SetTrailer(trailer(refused))
		err = statusOf(refused)
	}
	code = codeOf(err)
	return err
}

// Unserved returns the names in the Config and in plans that are no methods of the
// server, and warns the Logger of them. Call it when all services are registered:
//
//	limits.Unserved(server, r.Plans.All(ctx))
//
// See rpc.Enforcer.Unserved. The error is that of plans.
func (i *Interceptors) Unserved(server reflection.ServiceInfoProvider, plans iter.Seq2[usageplan.Plan, error]) ([]rpc.Unserved, error) {
	var methods []string
	for service, info := range server.GetServiceInfo() {
		for _, m := range info.Methods {
			methods = append(methods, "/"+service+"/"+m.Name)
		}
	}
	return i.enforcer.Unserved(methods, plans)
}

// callOf describes a call.
func callOf(ctx context.Context, method string, message any) rpc.Call {
	md, _ := metadata.FromIncomingContext(ctx)
	header := make(http.Header, len(md))
	for name, values := range md {
		header[http.CanonicalHeaderKey(name)] = values
	}
	c := rpc.Call{Method: method, Header: header, Message: message, SizeOf: size}
	if p, ok := peer.FromContext(ctx); ok {
		if p.Addr != nil {
			c.Peer = p.Addr.String()
		}
		if secure, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			c.TLS = &secure.State
		}
	}
	return c
}

// size implements rpc.Call.SizeOf.
func size(message any) int {
	if m, ok := message.(proto.Message); ok {
		return proto.Size(m)
	}
	return -1
}

// contextOf returns the context for the handler, without metadata that it must not see.
func contextOf(s *rpc.Session) context.Context {
	ctx, hidden := s.Context(), s.Hidden()
	if len(hidden) == 0 {
		return ctx
	}
	md, _ := metadata.FromIncomingContext(ctx) // a copy
	for _, name := range hidden {
		delete(md, strings.ToLower(name))
	}
	return metadata.NewIncomingContext(ctx, md)
}
