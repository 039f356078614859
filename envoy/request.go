package envoy

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
)

// attributesKey is the context key of what Envoy has sent.
type attributesKey struct{}

// AttributesFromContext returns what Envoy has sent of a request: its connection, its
// metadata and the context extensions of the route. The functions of a middleware.Config
// call it with the context of the request, for example to take the KeyID from a client
// certificate that Envoy has verified. It returns nil outside an Authorizer.
func AttributesFromContext(ctx context.Context) *authv3.AttributeContext {
	attributes, _ := ctx.Value(attributesKey{}).(*authv3.AttributeContext)
	return attributes
}

// Extension returns a function for middleware.Config.Class or Scope, which returns a
// context extension by its name. Envoy's configuration gives these to routes, so a client
// cannot choose them.
func Extension(name string) func(*http.Request) string {
	return func(r *http.Request) string {
		return AttributesFromContext(r.Context()).GetContextExtensions()[name]
	}
}

// requestOf returns the request that Envoy asks about.
func requestOf(ctx context.Context, attributes *authv3.AttributeContext) (*http.Request, error) {
	in := attributes.GetRequest().GetHttp()
	if in == nil {
		return nil, errors.New("want an HTTP request")
	}
	target, err := targetOf(in)
	if err != nil {
		return nil, err
	}
	r := &http.Request{
		Method: in.GetMethod(), URL: target, RequestURI: in.GetPath(), Proto: in.GetProtocol(),
		Host: in.GetHost(), Header: headerOf(in), RemoteAddr: addressOf(attributes.GetSource()),
		Pattern: attributes.GetContextExtensions()["route"],
	}
	r.ProtoMajor, r.ProtoMinor = versionOf(r.Proto)
	if in.GetScheme() == "https" || attributes.GetTlsSession() != nil {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true, ServerName: attributes.GetTlsSession().GetSni()}
	}
	setBody(r, in)
	ctx = context.WithValue(ctx, attributesKey{}, attributes)
	if pipe := attributes.GetSource().GetAddress().GetPipe(); pipe != nil { // see middleware.Insecure
		ctx = context.WithValue(ctx, http.LocalAddrContextKey, &net.UnixAddr{Net: "unix", Name: pipe.GetPath()})
	}
	return r.WithContext(ctx), nil
}

// targetOf returns the URL of a request, as net/http would have parsed it.
func targetOf(in *authv3.AttributeContext_HttpRequest) (*url.URL, error) {
	if in.GetMethod() == http.MethodConnect && in.GetPath() == "" {
		return &url.URL{Host: in.GetHost()}, nil
	}
	return url.ParseRequestURI(in.GetPath())
}

// headerOf returns the header of a request, which Envoy sends in one of two forms. In the
// map it has joined the values of repeated fields. Pseudo-headers are left out, and so is
// Host, as in net/http.
func headerOf(in *authv3.AttributeContext_HttpRequest) http.Header {
	h := make(http.Header, len(in.GetHeaders())+len(in.GetHeaderMap().GetHeaders()))
	add := func(name, value string) {
		if !strings.HasPrefix(name, ":") && !strings.EqualFold(name, "Host") {
			h.Add(name, value)
		}
	}
	for name, value := range in.GetHeaders() {
		add(name, value)
	}
	for _, field := range in.GetHeaderMap().GetHeaders() {
		add(field.GetKey(), cmp.Or(string(field.GetRawValue()), field.GetValue()))
	}
	return h
}

// addressOf returns the address and the port of a peer, or "" if it has none.
func addressOf(peer *authv3.AttributeContext_Peer) string {
	socket := peer.GetAddress().GetSocketAddress()
	if socket.GetAddress() == "" {
		return ""
	}
	return net.JoinHostPort(socket.GetAddress(), strconv.FormatUint(uint64(socket.GetPortValue()), 10))
}

// versionOf returns the numbers in "HTTP/1.1", "HTTP/2" and the like.
func versionOf(protocol string) (major, minor int) {
	version, _ := strings.CutPrefix(protocol, "HTTP/")
	first, second, _ := strings.Cut(version, ".")
	major, _ = strconv.Atoi(first)
	minor, _ = strconv.Atoi(second)
	return major, minor
}

// setBody gives r the body that Envoy has sent, or none. ContentLength is that of the
// whole body, of which Envoy may send a part.
func setBody(r *http.Request, in *authv3.AttributeContext_HttpRequest) {
	body := in.GetRawBody()
	if len(body) == 0 {
		body = []byte(in.GetBody())
	}
	r.Body = http.NoBody
	if len(body) > 0 {
		r.Body = nopCloser{bytes.NewReader(body)}
	}
	n, err := strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64)
	if err != nil {
		n = max(in.GetSize(), int64(len(body)))
	}
	r.ContentLength = n
}

type nopCloser struct{ *bytes.Reader }

func (nopCloser) Close() error { return nil }
