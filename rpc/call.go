package rpc

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"

	"github.com/ration-go/ration/middleware"
)

// A Call is what is known of a call before it is admitted, or of a message of a stream
// before it is charged. Nothing in it may be changed.
type Call struct {
	// Method is the full name of the method, such as "/pets.v1.Pets/Get".
	Method string

	// Header is the metadata that the client sent. Its Get takes a name in any case.
	Header http.Header

	// Peer is the address of the connection, such as "192.0.2.1:4321".
	Peer string

	// TLS is the state of the connection, such as the client's certificates. It is nil if
	// the connection is not known to have TLS. Connect does not tell an interceptor.
	TLS *tls.ConnectionState

	// Stream reports that the call is a stream, and not a unary call.
	Stream bool

	// Message is the request of a unary call, or the message of a stream that is to be
	// charged. It is nil when a stream opens, and in a gate of Connect. Sent reports that
	// the service sends the message. Otherwise the client has sent it.
	Message any
	Sent    bool

	// SizeOf returns the size of a message in bytes, or -1 if the size is not known. It is
	// for adapters to set. See Size.
	SizeOf func(message any) int

	ctx    context.Context
	hidden []string // the names of metadata that held a credential
}

// Context returns the context of the call. It does not have the decision yet.
func (c *Call) Context() context.Context { return c.ctx }

// Size returns the size of Message in bytes, as it is encoded and before it is
// compressed. It returns 0 if there is no message, and -1 if it does not know the size.
// That is so for a message that is not a proto.Message. A cost of -1 is refused with
// Internal, since it is a mistake of the service.
func (c *Call) Size() int64 {
	if c.Message == nil {
		return 0
	}
	if c.SizeOf == nil {
		return -1
	}
	return int64(c.SizeOf(c.Message))
}

// onMessage reports whether the call is asked about for a message of a stream.
func (c *Call) onMessage() bool { return c.Stream && c.Message != nil }

// callKey is the context key of the Call in a request that stands for it.
type callKey struct{}

// request returns the request of HTTP that stands for the call in package middleware. It
// is that which m has decided before, if there is one. That may be a GET, and its path
// may have a prefix.
//
// A message has no RequestURI, so it is never taken for what was decided before.
func (c *Call) request(m *middleware.Middleware) *http.Request {
	r := &http.Request{
		Method:     http.MethodPost,
		URL:        &url.URL{Path: c.Method},
		Header:     c.Header,
		RemoteAddr: c.Peer,
		TLS:        c.TLS,
	}
	if !c.onMessage() {
		r.RequestURI = c.Method
		if _, outer := m.Before(c.ctx); outer != nil {
			r.Method, r.RequestURI = outer.Method, outer.RequestURI
		}
	}
	return r.WithContext(context.WithValue(c.ctx, callKey{}, c))
}

// callOf returns the call that a request stands for.
func callOf(r *http.Request) *Call {
	c, _ := r.Context().Value(callKey{}).(*Call)
	return c
}
