// Package standin stands in for Envoy in tests where no Envoy is installed: a reverse
// proxy that asks the two services as Envoy's filters do, and treats their answers as
// Envoy's source does. Start starts a real Envoy.
package standin

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	commonv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/common/ratelimit/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// A Proxy is a reverse proxy with up to two filters.
type Proxy struct {
	Upstream http.Handler

	// Auth is the server of external authorization, or nil. RawHeaders is Envoy's
	// encode_raw_headers. Extensions returns the context extensions of a route, and may be
	// nil.
	Auth       authv3.AuthorizationClient
	RawHeaders bool
	Extensions func(r *http.Request) map[string]string

	// Limits is the rate limit service, or nil. Descriptors returns the descriptors of a
	// request, and Late those that are sent when the response is over. metadata is what the
	// server of external authorization has returned.
	Limits      ratelimitv3.RateLimitServiceClient
	Domain      string
	Descriptors func(r *http.Request) []*commonv3.RateLimitDescriptor
	Late        func(r *http.Request, metadata *structpb.Struct, answer http.Header) []*commonv3.RateLimitDescriptor
}

// ServeHTTP asks the services and passes the request on to the Upstream.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	added := []func(http.Header){}
	var metadata *structpb.Struct
	if p.Auth != nil {
		out, err := p.Auth.Check(r.Context(), p.CheckRequest(r))
		if err != nil {
			w.WriteHeader(http.StatusForbidden) // failure_mode_allow is off
			return
		}
		metadata = out.GetDynamicMetadata()
		if out.GetStatus().GetCode() != 0 {
			deny(w, out.GetDeniedResponse())
			return
		}
		ok := out.GetOkResponse()
		r = admitted(r, ok)
		added = append(added, func(h http.Header) { mutate(h, ok.GetResponseHeadersToAdd()) })
	}
	if p.Limits != nil && p.Descriptors != nil {
		if descriptors := p.Descriptors(r); len(descriptors) > 0 {
			out, err := p.Limits.ShouldRateLimit(r.Context(), &ratelimitv3.RateLimitRequest{Domain: p.Domain, Descriptors: descriptors})
			switch {
			case err != nil: // failure_mode_deny is off
			case out.GetOverallCode() == ratelimitv3.RateLimitResponse_OVER_LIMIT:
				limited(w, out)
				return
			default:
				added = append(added, func(h http.Header) { add(h, out.GetResponseHeadersToAdd()) })
			}
		}
	}
	answer := httptest.NewRecorder()
	p.Upstream.ServeHTTP(answer, r)
	for _, change := range added {
		change(answer.Header())
	}
	if p.Late != nil { // Envoy does this at the end of the stream; here a test need not wait
		if late := p.Late(r, metadata, answer.Header()); len(late) > 0 {
			_, _ = p.Limits.ShouldRateLimit(r.Context(), &ratelimitv3.RateLimitRequest{Domain: p.Domain, Descriptors: late})
		}
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// CheckRequest returns what Envoy asks the server of external authorization about r.
func (p *Proxy) CheckRequest(r *http.Request) *authv3.CheckRequest {
	host, port, _ := net.SplitHostPort(r.RemoteAddr)
	in := &authv3.AttributeContext_HttpRequest{
		Id: "13359530607844510314", Method: r.Method, Path: r.RequestURI, Host: r.Host, Scheme: "http",
		Size: r.ContentLength, Protocol: r.Proto,
	}
	fields := map[string][]string{
		":authority": {r.Host}, ":method": {r.Method}, ":path": {r.RequestURI}, ":scheme": {"http"},
		"x-forwarded-proto": {"http"}, "x-request-id": {"70f57c8a-3fb8-4f0a-9bd3-cdd7fcb3f0b1"},
	}
	for name, values := range r.Header {
		fields[strings.ToLower(name)] = values
	}
	fields["x-forwarded-for"] = append(slices.Clone(fields["x-forwarded-for"]), host)
	if p.RawHeaders {
		in.HeaderMap = new(corev3.HeaderMap)
		for name, values := range fields {
			for _, value := range values {
				in.HeaderMap.Headers = append(in.HeaderMap.Headers, &corev3.HeaderValue{Key: name, RawValue: []byte(value)})
			}
		}
	} else {
		in.Headers = map[string]string{}
		for name, values := range fields {
			in.Headers[name] = strings.ToValidUTF8(strings.Join(values, ","), "!")
		}
	}
	var extensions map[string]string
	if p.Extensions != nil {
		extensions = p.Extensions(r)
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source:            peer(host, port),
		Destination:       peer("127.0.0.1", "10000"),
		Request:           &authv3.AttributeContext_Request{Time: timestamppb.Now(), Http: in},
		ContextExtensions: extensions,
		MetadataContext:   new(corev3.Metadata), RouteMetadataContext: new(corev3.Metadata),
	}}
}

func peer(host, port string) *authv3.AttributeContext_Peer {
	n, _ := strconv.ParseUint(port, 10, 16)
	return &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{
		SocketAddress: &corev3.SocketAddress{Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(n)}},
	}}}
}

// admitted returns r as the filter passes it on: with fields added, then others removed.
func admitted(r *http.Request, ok *authv3.OkHttpResponse) *http.Request {
	r = r.Clone(r.Context())
	mutate(r.Header, ok.GetHeaders())
	for _, name := range ok.GetHeadersToRemove() {
		if !strings.HasPrefix(name, ":") && !strings.EqualFold(name, "host") {
			r.Header.Del(name)
		}
	}
	if len(ok.GetQueryParametersToRemove()) > 0 {
		query := slices.DeleteFunc(strings.Split(r.URL.RawQuery, "&"), func(part string) bool {
			name, _, _ := strings.Cut(part, "=") // which Envoy does not decode
			return slices.Contains(ok.GetQueryParametersToRemove(), name)
		})
		r.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: strings.Join(query, "&")}
		r.RequestURI = r.URL.RequestURI()
	}
	return r
}

// mutate changes a header by the append action of each option.
func mutate(h http.Header, options []*corev3.HeaderValueOption) {
	for _, o := range options {
		name, value := o.GetHeader().GetKey(), o.GetHeader().GetValue()
		switch o.GetAppendAction() {
		case corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD:
			h.Add(name, value)
		case corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD:
			h.Set(name, value)
		default:
			panic(fmt.Sprint("an append action that this stand-in does not know: ", o.GetAppendAction()))
		}
	}
}

func add(h http.Header, values []*corev3.HeaderValue) {
	for _, v := range values {
		h.Add(v.GetKey(), v.GetValue())
	}
}

// deny sends the local reply of external authorization.
func deny(w http.ResponseWriter, d *authv3.DeniedHttpResponse) {
	w.Header().Set("Content-Type", "text/plain")
	mutate(w.Header(), d.GetHeaders())
	w.WriteHeader(int(d.GetStatus().GetCode()))
	_, _ = io.Copy(w, bytes.NewBufferString(d.GetBody()))
}

// limited sends the local reply of the rate limit filter.
func limited(w http.ResponseWriter, out *ratelimitv3.RateLimitResponse) {
	w.Header().Set("X-Envoy-Ratelimited", "true")
	add(w.Header(), out.GetResponseHeadersToAdd())
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = w.Write(out.GetRawBody())
}

// Descriptor returns a descriptor of pairs of a name and a value. If a value is empty,
// Envoy makes no descriptor.
func Descriptor(pairs ...string) []*commonv3.RateLimitDescriptor {
	d := new(commonv3.RateLimitDescriptor)
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] == "" {
			return nil
		}
		d.Entries = append(d.Entries, &commonv3.RateLimitDescriptor_Entry{Key: pair[0], Value: pair[1]})
	}
	return []*commonv3.RateLimitDescriptor{d}
}

// WithHits returns descriptors that have a hits_addend of their own.
func WithHits(n uint64, descriptors []*commonv3.RateLimitDescriptor) []*commonv3.RateLimitDescriptor {
	for _, d := range descriptors {
		d.HitsAddend = wrapperspb.UInt64(n)
	}
	return descriptors
}
