package rationfiber

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
)

// newRequest returns the request of c as an http.Request. Its texts are copies, because
// fasthttp uses its memory again after the request.
//
// The adaptor of fasthttp keeps only one of several fields of a name.
//
// Security: the middleware refuses a request with two credentials. So it must see both.
func newRequest(c fiber.Ctx) (*http.Request, error) {
	f := c.RequestCtx()
	uri := string(f.RequestURI())
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, err
	}
	if path := c.Path(); path != u.Path && path != u.EscapedPath() { // a handler has changed it
		u.Path, u.RawPath = strings.Clone(path), ""
	}
	r := &http.Request{
		Method: strings.Clone(c.Method()), URL: u, RequestURI: uri, Host: string(f.Host()), RemoteAddr: f.RemoteAddr().String(),
		Proto: string(f.Request.Header.Protocol()), ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, TLS: f.TLSConnectionState(),
	}
	if r.Proto == "HTTP/1.0" {
		r.ProtoMinor = 0
	}
	for name, value := range f.Request.Header.All() {
		r.Header.Add(string(name), string(value))
	}
	r.Header.Del("Host") // it is in r.Host

	r.Body = http.NoBody
	switch n := f.Request.Header.ContentLength(); {
	case f.Request.IsBodyStream():
		r.Body, r.ContentLength = io.NopCloser(f.RequestBodyStream()), int64(max(n, -1))
	case len(f.PostBody()) > 0:
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(f.PostBody())), int64(len(f.PostBody()))
	}
	return r.WithContext(contextOf(c)), nil
}

// contextOf returns the context of c. If the connection is a Unix socket, the context
// says so, as that of net/http does: see middleware.Insecure.
func contextOf(c fiber.Ctx) context.Context {
	if addr, ok := c.RequestCtx().LocalAddr().(*net.UnixAddr); ok {
		return context.WithValue(c.Context(), http.LocalAddrContextKey, addr)
	}
	return c.Context()
}

// remove removes the fields of a name, in all spellings. fasthttp only knows one of them
// if fiber.Config.DisableHeaderNormalizing is set.
func remove(h *fasthttp.RequestHeader, name string) {
	var spellings []string
	for key := range h.All() {
		if http.CanonicalHeaderKey(string(key)) == name {
			spellings = append(spellings, string(key))
		}
	}
	for _, key := range spellings {
		h.Del(key)
	}
}

// hide removes from the request of c the header fields and the query parameters that
// outer has and inner has not: see middleware.Config.StripCredential.
func hide(c fiber.Ctx, outer, inner *http.Request) {
	for name := range outer.Header {
		if len(inner.Header[name]) == 0 {
			remove(&c.Request().Header, name)
		}
	}
	if inner.URL.RawQuery == outer.URL.RawQuery {
		return
	}
	path, _, _ := strings.Cut(outer.RequestURI, "?")
	if inner.URL.RawQuery != "" {
		path += "?" + inner.URL.RawQuery
	}
	c.Request().SetRequestURI(path)
}
