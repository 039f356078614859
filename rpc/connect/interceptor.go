package rationconnect

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/rpc"
)

// An Interceptor enforces the decisions of a Gate in handlers. It is a
// connect.Interceptor. Use New to make one. It is safe for concurrent use, and may serve
// several handlers.
//
// It does nothing in clients.
type Interceptor struct {
	enforcer *rpc.Enforcer
}

var _ connect.Interceptor = (*Interceptor)(nil)

// New returns an Interceptor that asks the Gate g. The error wraps rpc.ErrInvalid and
// reports every fault of cfg at once.
func New(g *gate.Gate, cfg rpc.Config) (*Interceptor, error) {
	e, err := rpc.New(g, cfg)
	if err != nil {
		return nil, err
	}
	return &Interceptor{e}, nil
}

// Gate decides a call before its first message is read. It is for
// connect.WithRequestGate, beside connect.WithInterceptors of the same Interceptor:
//
//	connect.WithRequestGate(limits.Gate), connect.WithInterceptors(limits)
//
// Without the latter, Config.Refund, Config.Settle and Config.Messages have no effect.
//
// The functions of the Config then see no rpc.Call.Message when a call is decided, not
// even that of a unary call. A call whose message turns out to
// be malformed stays charged. Interceptors do not see a call that Gate refuses.
func (i *Interceptor) Gate(ctx context.Context, spec connect.Spec, peer connect.Peer, header http.Header) (context.Context, error) {
	session, refused := i.enforcer.Open(ctx, callOf(spec, peer, header, nil))
	if refused != nil {
		return nil, errorOf(refused, peer)
	}
	hide(session, header)
	return context.WithValue(session.Context(), openedKey{i, spec.Procedure}, &opened{Session: session}), nil
}

// opened is a Session that Gate has opened.
//
// Security: a handler may call another in its process with its own context. That call
// must not have the Session, or it would need no key.
type opened struct {
	*rpc.Session
	taken atomic.Bool
}

// openedKey is the context key of what Gate has opened for a procedure.
type openedKey struct {
	*Interceptor
	procedure string
}

// open returns the Session of a call, and the context for the handler.
func (i *Interceptor) open(ctx context.Context, spec connect.Spec, peer connect.Peer, header http.Header, message any) (*rpc.Session, context.Context, error) {
	if o, ok := ctx.Value(openedKey{i, spec.Procedure}).(*opened); ok && !o.taken.Swap(true) {
		if message != nil {
			o.SetMessage(message)
		}
		return o.Session, ctx, nil // ctx comes from the Session
	}
	session, refused := i.enforcer.Open(ctx, callOf(spec, peer, header, message))
	if refused != nil {
		return nil, nil, errorOf(refused, peer)
	}
	hide(session, header)
	return session, session.Context(), nil
}

// WrapUnary implements connect.Interceptor.
func (i *Interceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (resp connect.AnyResponse, err error) {
		if req.Spec().IsClient {
			return next(ctx, req)
		}
		session, within, err := i.open(ctx, req.Spec(), req.Peer(), req.Header(), req.Any())
		if err != nil {
			return nil, err
		}
		header, fields := http.Header{}, session.Header()
		if info, ok := connect.CallInfoForHandlerContext(ctx); ok {
			header = info.ResponseHeader()
		}
		set(header, fields)
		code, answer := rpc.Internal, any(nil) // in case the handler panics
		defer func() { session.End(code, answer) }()

		resp, err = next(within, req)
		if code = codeOf(err); err == nil {
			answer = resp.Any()
		}
		if req.HTTPMethod() == http.MethodGet {
			hideFields(header, fields, resp)
		}
		return resp, err
	}
}

// WrapStreamingClient implements connect.Interceptor. It returns next.
func (i *Interceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (i *Interceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, c connect.StreamingHandlerConn) error {
		session, within, err := i.open(ctx, c.Spec(), c.Peer(), c.RequestHeader(), nil)
		if err != nil {
			return err
		}
		set(c.ResponseHeader(), session.Header())
		code := rpc.Internal // in case the handler panics
		defer func() { session.End(code, nil) }()

		err = next(within, &conn{c, session})
		if refused := session.Refused(); refused != nil {
			err = errorOf(refused, c.Peer())
		}
		code = codeOf(err)
		return err
	}
}

// callOf describes a call.
func callOf(spec connect.Spec, peer connect.Peer, header http.Header, message any) rpc.Call {
	return rpc.Call{
		Method:  spec.Procedure,
		Header:  header,
		Peer:    peer.Addr,
		Stream:  spec.StreamType != connect.StreamTypeUnary,
		Message: message,
		SizeOf:  size,
	}
}

// size implements rpc.Call.SizeOf.
func size(message any) int {
	if m, ok := message.(proto.Message); ok {
		return proto.Size(m)
	}
	return -1
}

// hide removes metadata that the handler must not see.
func hide(s *rpc.Session, header http.Header) {
	for _, name := range s.Hidden() {
		header.Del(name)
	}
}

// set sets fields of a header.
func set(header, fields http.Header) {
	for name, values := range fields {
		header[name] = values
	}
}

// codeOf returns the code with which a handler answers after an error.
func codeOf(err error) rpc.Code {
	switch {
	case err == nil:
		return rpc.OK
	case errors.As(err, new(*connect.Error)):
	case errors.Is(err, context.Canceled):
		return rpc.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return rpc.DeadlineExceeded
	}
	return rpc.Code(connect.CodeOf(err))
}
