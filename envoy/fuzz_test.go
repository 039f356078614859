package envoy_test

import (
	"net/http"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/envoy"
	"github.com/ration-go/ration/middleware"
)

// FuzzCheck sends what clients can choose. Every answer can be encoded, and a request
// without the key never reaches a route that needs one.
func FuzzCheck(f *testing.F) {
	f.Add("GET", "/pets/1?key=x", "api.example.com", "X-API-Key", "acme", "a body")
	f.Add("CONNECT", "", "api.example.com:443", "Authorization", "Bearer x", "")
	f.Add("OPTIONS", "*", "", "Origin", "https://example.com", "\xff")
	f.Add("GET", "//example.com/../public/%2e%2e", "[::1", "x_ration_key_id", "\x00", "")
	f.Add("G T", "/public/..", "a b", ":path", "/public", "")
	f.Fuzz(func(t *testing.T, method, path, host, name, value, body string) {
		s := newService(t, `{"id": "free", "throttle": "1/s"}`, ration.Config{})
		mux := http.NewServeMux()
		for _, pattern := range []string{"/public", "GET /pets/{id}"} {
			mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
		}
		a := s.authorizer(t, envoy.AuthorizerConfig{Middleware: middleware.Config{Mux: mux, Public: []string{"/public"}}})
		in := &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{
			Http: &authv3.AttributeContext_HttpRequest{
				Method: method, Path: path, Host: host, RawBody: []byte(body),
				HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: name, RawValue: []byte(value)}}},
			},
		}}}
		out, err := a.Check(t.Context(), in)
		require.NoError(t, err)
		_, err = proto.Marshal(out)
		require.NoError(t, err)
		require.Contains(t, []int{200, 400, 401}, statusOf(out))
		require.Empty(t, out.GetOkResponse().GetHeaders())
	})
}

func BenchmarkCheck(b *testing.B) {
	s := newService(b, `{"id": "free", "throttle": "1000000000/s burst 1000000", "quotas": ["1000000000/day"]}`, ration.Config{})
	a := s.authorizer(b, envoy.AuthorizerConfig{})
	in := new(authv3.CheckRequest)
	recorded(b, "check.json", string(s.secret), in)
	delete(in.Attributes.Request.Http.Headers, "authorization")
	b.ReportAllocs()
	for b.Loop() {
		if out, err := a.Check(b.Context(), in); err != nil || statusOf(out) != 200 {
			b.Fatal(out, err)
		}
	}
}

func BenchmarkShouldRateLimit(b *testing.B) {
	s := newService(b, `{"id": "free", "throttle": "1000000000/s burst 1000000", "quotas": ["1000000000/day"]}`, ration.Config{})
	l := s.limiter(b, envoy.LimiterConfig{})
	in := call("api_key", string(s.secret), "route", "GET /reports")
	b.ReportAllocs()
	for b.Loop() {
		if out, err := l.ShouldRateLimit(b.Context(), in); err != nil || out.GetOverallCode().String() != "OK" {
			b.Fatal(out, err)
		}
	}
}
