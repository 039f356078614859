package envoy_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/envoy"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// TestAsMiddleware asks an Authorizer and a Middleware of equal services the same
// questions. The answers have the same status, fields and body.
func TestAsMiddleware(t *testing.T) {
	const plan = `{"id": "free", "throttle": "1/s burst 2", "quotas": ["4/day"], "routes": {"GET /slow": "1/m", "GET /blocked": "0/s"}}`
	type step struct {
		at      time.Duration
		target  string
		header  []string // SECRET stands for the key
		status  int
		code    codes.Code
		waits   string
		changed func(*service) error
	}
	unlink := func(s *service) error { return s.Plans.Unlink(t.Context(), "free", s.key.ID) }
	disable := func(s *service) error { _, err := s.Keys.Disable(t.Context(), s.key.ID); return err }
	good := []string{"X-API-Key", "SECRET"}
	steps := []step{
		{at: 0, target: "/a", status: 401, code: codes.Unauthenticated},
		{at: 0, target: "/a", header: []string{"X-API-Key", "garbage"}, status: 401, code: codes.Unauthenticated},
		{at: 0, target: "/a", header: []string{"X-API-Key", "SECRET", "Authorization", "Bearer SECRET"}, status: 400, code: codes.InvalidArgument},
		{at: 0, target: "/health", status: 200}, // public
		{at: 0, target: "/a?b=c", header: good, status: 200},
		{at: 0, target: "/a", header: []string{"Authorization", "bearer SECRET"}, status: 200},
		{at: 0, target: "/a", header: good, status: 429, code: codes.ResourceExhausted, waits: "1"},
		{at: 0, target: "/slow", header: good, status: 200}, // has a bucket of its own
		{at: time.Second, target: "/slow", header: good, status: 429, code: codes.ResourceExhausted, waits: "59"},
		{at: time.Second, target: "/a", header: good, status: 200},
		{at: time.Minute, target: "/a", header: good, status: 429, code: codes.ResourceExhausted, waits: "86340"},
		{at: time.Minute, target: "/blocked", header: good, status: 403, code: codes.PermissionDenied},
		{at: time.Minute, target: "/a", header: good, status: 403, code: codes.PermissionDenied, changed: unlink},
		{at: time.Minute, target: "/a", header: good, status: 401, code: codes.Unauthenticated, changed: disable},
	}
	mux := http.NewServeMux()
	for _, pattern := range []string{"GET /a", "GET /slow", "GET /health", "GET /blocked"} {
		mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
	}
	for name, refuse := range map[string]func(http.ResponseWriter, *http.Request, *middleware.Result){
		"problem": nil,
		"aws":     func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) { res.WriteAWS(w) },
		"own": func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) {
			w.Header().Set("Content-Type", "text/plain")
			if wait := res.Decision.RetryAfter; wait > 0 && res.Status == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", fmt.Sprint(int(wait.Seconds())))
			}
			w.WriteHeader(res.Status)
			fmt.Fprint(w, "no")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := middleware.Config{Mux: mux, Public: []string{"GET /health"}, XRateLimit: middleware.XRateLimitUnix, Refuse: refuse}
				one, other := newService(t, plan, ration.Config{}), newService(t, plan, ration.Config{})
				a := one.authorizer(t, envoy.AuthorizerConfig{Middleware: cfg})
				mw, err := middleware.New(other.Gate, cfg)
				require.NoError(t, err)
				began := time.Now()
				for i, s := range steps {
					time.Sleep(time.Until(began.Add(s.at)))
					if s.changed != nil {
						require.NoError(t, errors.Join(s.changed(one), s.changed(other)))
					}
					out, err := a.Check(t.Context(), asked(request("GET", s.target, filled(s.header, one.secret)...)))
					require.NoError(t, err)
					w := httptest.NewRecorder()
					mw.Handler(mux).ServeHTTP(w, request("GET", s.target, filled(s.header, other.secret)...))

					require.Equal(t, w.Code, statusOf(out), "step %d", i)
					answer := valuesOf(out.GetDeniedResponse().GetHeaders())
					if s.status == 200 {
						answer = valuesOf(out.GetOkResponse().GetResponseHeadersToAdd())
					}
					delete(answer, "x-amzn-requestid") // is random
					require.Equal(t, fieldsOf(w.Header()), answer, "step %d", i)
					require.Equal(t, w.Body.String(), out.GetDeniedResponse().GetBody(), "step %d", i)
					require.Equal(t, s.waits, strings.Join(answer["retry-after"], ""), "step %d", i)
					if refuse == nil {
						require.Equal(t, s.status, statusOf(out), "step %d", i)
						require.Equal(t, s.code, codes.Code(out.GetStatus().GetCode()), "step %d", i)
					}
				}
			})
		})
	}
}

// filled returns the pairs of a header with the secret in its place.
func filled(header []string, secret apikey.Secret) (all []string) {
	for _, v := range header {
		all = append(all, strings.ReplaceAll(v, "SECRET", string(secret)))
	}
	return all
}

// fieldsOf returns the fields that a filter of Envoy adds of an answer.
func fieldsOf(h http.Header) map[string][]string {
	all := map[string][]string{}
	for name, values := range h {
		if name != "Content-Length" && name != "X-Amzn-Requestid" {
			all[strings.ToLower(name)] = values
		}
	}
	return all
}

// TestRecorded asks what a real Envoy has asked. The service does not see the key, and
// the client cannot say who it is.
func TestRecorded(t *testing.T) {
	for _, file := range []string{"check.json", "check-raw.json"} {
		t.Run(file, func(t *testing.T) {
			s := newService(t, `{"id": "free", "throttle": "5/s", "routes": {"GET /api/v1/products": "1/s burst 7"}}`, ration.Config{})
			var saw *http.Request
			a := s.authorizer(t, envoy.AuthorizerConfig{Middleware: middleware.Config{
				Credential: middleware.Header("X-API-Key"),
				XRateLimit: middleware.XRateLimitSeconds,
				Free:       func(r *http.Request) bool { saw = r; return false },
			}})
			in := new(authv3.CheckRequest)
			recorded(t, file, string(s.secret), in)

			out, err := a.Check(t.Context(), in)

			require.NoError(t, err)
			require.Equal(t, 200, statusOf(out))
			ok := out.GetOkResponse()
			require.Equal(t, map[string][]string{
				"x-ration-key-id":      {s.key.ID},
				"x-ration-customer-id": {"M%C3%BCller%20&%20S%C3%B6hne"},
				"x-ration-plan-id":     {"free"},
			}, valuesOf(ok.GetHeaders()))
			for _, o := range ok.GetHeaders() {
				require.Equal(t, "OVERWRITE_IF_EXISTS_OR_ADD", o.GetAppendAction().String())
			}
			require.Equal(t, []string{"x-api-key", "x-ration-group-id", "x_ration_plan_id"}, ok.GetHeadersToRemove())
			for _, o := range ok.GetResponseHeadersToAdd() { // only lists are continued
				list := strings.HasPrefix(o.GetHeader().GetKey(), "ratelimit")
				require.Equal(t, list, o.GetAppendAction() == corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD, o)
			}
			require.Equal(t, []string{`"throttle GET /api/v1/products";q=7;w=7`}, valuesOf(ok.GetResponseHeadersToAdd())["ratelimit-policy"])
			require.Equal(t, map[string]any{
				"reason": "admitted", "key_id": s.key.ID, "customer_id": "Müller & Söhne", "plan_id": "free",
			}, out.GetDynamicMetadata().AsMap())

			require.Equal(t, "172.17.0.10:36472", saw.RemoteAddr)
			require.Equal(t, "192.168.99.100:31380", saw.Host)
			require.Equal(t, "/api/v1/products", saw.URL.Path)
			require.Equal(t, "en", saw.URL.Query().Get("lang"))
			require.Equal(t, "curl/7.54.0", saw.UserAgent())
			require.Empty(t, saw.Header[":path"])
			require.Equal(t, file == "check-raw.json", saw.TLS != nil)
			require.Equal(t, file == "check-raw.json", saw.ProtoAtLeast(2, 0))
			require.NotNil(t, envoy.AttributesFromContext(saw.Context()))
		})
	}
}

// TestStrip lists what Envoy removes. A public route loses credentials as well.
func TestStrip(t *testing.T) {
	s := newService(t, `{"id": "free", "throttle": "1000/s"}`, ration.Config{})
	secret := string(s.secret)
	both := middleware.OneOf(middleware.Bearer(), middleware.Header("X-API-Key"), middleware.Query("key"))
	for _, c := range []struct {
		name    string
		keep    bool
		target  string
		header  []string
		headers string
		query   string
	}{
		{name: "a field", target: "/a", header: []string{"X-API-Key", secret}, headers: "x-api-key"},
		{name: "a token beside another login", target: "/a", header: []string{"X-API-Key", secret, "Authorization", "Basic YTpi"}, headers: "x-api-key"},
		{name: "a token", target: "/a", header: []string{"Authorization", "Bearer " + secret}, headers: "authorization"},
		{name: "a parameter", target: "/a?key=" + secret + "&q=1", query: "key"},
		{name: "kept", keep: true, target: "/a", header: []string{"X-API-Key", secret}},
		{name: "public", target: "/public?key=x", header: []string{"X-API-Key", "x", "Authorization", "Bearer y"}, headers: "x-api-key authorization", query: "key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.authorizer(t, envoy.AuthorizerConfig{KeepCredential: c.keep, Middleware: middleware.Config{
				Credential: both, Public: []string{"GET /public"}, Route: func(r *http.Request) string { return "GET " + r.URL.Path },
			}})
			out, err := a.Check(t.Context(), asked(request("GET", c.target, c.header...)))
			require.NoError(t, err)
			require.Equal(t, 200, statusOf(out))
			var removed []string
			for _, name := range out.GetOkResponse().GetHeadersToRemove() {
				if !strings.HasPrefix(name, "x-ration-") {
					removed = append(removed, name)
				}
			}
			require.Equal(t, c.headers, strings.Join(removed, " "))
			require.Equal(t, c.query, strings.Join(out.GetOkResponse().GetQueryParametersToRemove(), " "))
		})
	}
}

// TestForged sends every field about the caller to a public route, in several spellings.
// Envoy removes all of them.
func TestForged(t *testing.T) {
	s := newService(t, `{"id": "free"}`, ration.Config{})
	a := s.authorizer(t, envoy.AuthorizerConfig{IdentityPrefix: "x-me-", Middleware: middleware.Config{
		Public: []string{"/"}, Route: func(*http.Request) string { return "/" },
	}})
	out, err := a.Check(t.Context(), asked(request("GET", "/", "X-Me-Key-Id", "k", "X_Me_Plan_Id", "p", "X-Me-Other", "o", "X-Meander", "stays")))
	require.NoError(t, err)
	require.Empty(t, out.GetOkResponse().GetHeaders())
	require.Empty(t, out.GetOkResponse().GetResponseHeadersToAdd())
	require.Equal(t, []string{"x-me-key-id", "x-me-customer-id", "x-me-group-id", "x-me-plan-id", "x-me-other", "x_me_plan_id"},
		out.GetOkResponse().GetHeadersToRemove())
	require.Nil(t, out.GetDynamicMetadata())
}

// TestExtensions routes and classes requests by the context extensions of Envoy's routes.
func TestExtensions(t *testing.T) {
	s := newService(t, `{"id": "free", "routes": {"POST /chat": "1/s"}, "for": {"opus": {"quotas": ["1/day"]}}}`, ration.Config{Classes: usageplan.Classes{"opus"}})
	a := s.authorizer(t, envoy.AuthorizerConfig{Middleware: middleware.Config{Class: envoy.Extension("class"), Scope: envoy.Extension("scope")}})
	for _, c := range []struct {
		extensions map[string]string
		policy     string
	}{
		{nil, ``},
		{map[string]string{"scope": "orders:read"}, "insufficient_scope"},
		{map[string]string{"route": "POST /chat"}, `"throttle POST /chat";q=1;w=1`},
		{map[string]string{"class": "opus"}, `"opus day";q=1;w=86400`},
	} {
		in := asked(request("GET", "/v1", "X-API-Key", string(s.secret)))
		in.Attributes.ContextExtensions = c.extensions
		out, err := a.Check(t.Context(), in)
		require.NoError(t, err)
		if c.policy == "insufficient_scope" {
			require.Equal(t, 403, statusOf(out))
			require.Contains(t, valuesOf(out.GetDeniedResponse().GetHeaders())["www-authenticate"][0], c.policy)
			continue
		}
		require.Equal(t, 200, statusOf(out))
		require.Equal(t, c.policy, strings.Join(valuesOf(out.GetOkResponse().GetResponseHeadersToAdd())["ratelimit-policy"], ""))
	}
}

// TestAddress lets a key be used from its networks alone. The address is that which has
// connected to Envoy, or behind a trusted proxy what that one says.
func TestAddress(t *testing.T) {
	s := newService(t, `{"id": "free"}`, ration.Config{})
	key, secret, err := s.Keys.Create(t.Context(), apikey.Key{Enabled: true, Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}})
	require.NoError(t, err)
	require.NoError(t, s.Plans.Link(t.Context(), "free", key.ID))
	trusted := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
	for i, c := range []struct {
		trusted       []netip.Prefix
		from, through string
		want          int
	}{
		{nil, "203.0.113.9:1234", "", 200},
		{nil, "192.0.2.1:1234", "203.0.113.9", 403},
		{trusted, "198.51.100.1:1234", "203.0.113.9", 200},
		{trusted, "198.51.100.1:1234", "203.0.113.9, 192.0.2.1", 403},
		{trusted, "192.0.2.1:1234", "203.0.113.9", 403},
	} {
		a := s.authorizer(t, envoy.AuthorizerConfig{Middleware: middleware.Config{Trusted: c.trusted}})
		r := request("GET", "/", "X-API-Key", string(secret))
		r.RemoteAddr = c.from
		if c.through != "" {
			r.Header.Set("X-Forwarded-For", c.through)
		}
		// The stand-in adds the peer to X-Forwarded-For, as Envoy does.
		out, err := a.Check(t.Context(), asked(r))
		require.NoError(t, err)
		require.Equal(t, c.want, statusOf(out), "step %d", i)
	}
	l := s.limiter(t, envoy.LimiterConfig{})
	for address, want := range map[string]string{"203.0.113.9": "OK", "192.0.2.1": "OVER_LIMIT", "": "OVER_LIMIT"} {
		in := call("api_key", string(secret))
		if address != "" {
			in = call("api_key", string(secret), "remote_address", address)
		}
		out, err := l.ShouldRateLimit(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, want, out.GetOverallCode().String(), address)
	}
}

// TestBody gives functions of the Config the body that Envoy sends, whole or in part.
func TestBody(t *testing.T) {
	s := newService(t, `{"id": "free"}`, ration.Config{})
	var got string
	a := s.authorizer(t, envoy.AuthorizerConfig{Middleware: middleware.Config{Free: func(r *http.Request) bool {
		body := make([]byte, 100)
		n, _ := r.Body.Read(body)
		got = fmt.Sprintf("%s of %d", body[:n], r.ContentLength)
		return false
	}}})
	for _, c := range []struct {
		set  func(*authv3.AttributeContext_HttpRequest)
		want string
	}{
		{func(in *authv3.AttributeContext_HttpRequest) { in.Size = -1 }, " of 0"},
		{func(in *authv3.AttributeContext_HttpRequest) { in.Body = "text" }, "text of 4"},
		{func(in *authv3.AttributeContext_HttpRequest) { in.RawBody = []byte("by\xff") }, "by\xff of 3"},
		{func(in *authv3.AttributeContext_HttpRequest) { in.Body = "part"; in.Headers["content-length"] = "1000" }, "part of 1000"},
		{func(in *authv3.AttributeContext_HttpRequest) { in.Headers["content-length"] = "1000" }, " of 1000"},
	} {
		in := asked(request("POST", "/", "X-API-Key", string(s.secret)))
		c.set(in.Attributes.Request.Http)
		out, err := a.Check(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, 200, statusOf(out))
		require.Equal(t, c.want, got)
	}
	in := asked(request("POST", "/"))
	in.Attributes.Request.Http.Body = "a body of a request that is refused"
	out, err := a.Check(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 401, statusOf(out))
	require.NotContains(t, valuesOf(out.GetDeniedResponse().GetHeaders()), "connection")
}

// TestBadRequest refuses what is no HTTP request. An error of the call could open the
// service.
func TestBadRequest(t *testing.T) {
	s := newService(t, `{"id": "free"}`, ration.Config{})
	a := s.authorizer(t, envoy.AuthorizerConfig{})
	for name, in := range map[string]*authv3.CheckRequest{
		"nothing": nil,
		"TCP":     {Attributes: &authv3.AttributeContext{Source: &authv3.AttributeContext_Peer{}}},
		"no path": {Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Method: "GET"}}}},
	} {
		out, err := a.Check(t.Context(), in)
		require.NoError(t, err, name)
		require.Equal(t, 400, statusOf(out), name)
		require.EqualValues(t, codes.InvalidArgument, out.GetStatus().GetCode(), name)
		require.JSONEq(t, `{"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "The target of the request cannot be read."}`,
			out.GetDeniedResponse().GetBody(), name)
	}
	connect := asked(request("GET", "/"))
	connect.Attributes.Request.Http.Method, connect.Attributes.Request.Http.Path = "CONNECT", ""
	out, err := a.Check(t.Context(), connect)
	require.NoError(t, err)
	require.Equal(t, 401, statusOf(out))
}

// TestFailures lets stores fail. The policy of the Gate decides, and Envoy's does not.
func TestFailures(t *testing.T) {
	broken := []storetest.Fault{{Err: errors.New("broken")}}
	for _, c := range []struct {
		name, plan string
		policy     gate.FailurePolicy
		want       []int
		code       codes.Code
	}{
		{"a quota closes", `{"id": "free", "quotas": ["5/day"]}`, gate.FailurePolicy{}, []int{503, 503}, codes.Unavailable},
		{"a throttle is local", `{"id": "free", "throttle": "1/s"}`, gate.FailurePolicy{}, []int{200, 429}, codes.ResourceExhausted},
		{"open", `{"id": "free", "quotas": ["1/day"]}`, gate.FailurePolicy{Quota: gate.FailOpen}, []int{200, 200}, codes.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, c.plan, ration.Config{
					Counter: storetest.Faulty(memory.New(memory.Config{}), broken...), Gate: gate.Config{OnFailure: c.policy},
				})
				a := s.authorizer(t, envoy.AuthorizerConfig{})
				for i, want := range c.want {
					out, err := a.Check(t.Context(), asked(request("GET", "/", "X-API-Key", string(s.secret))))
					require.NoError(t, err)
					require.Equal(t, want, statusOf(out))
					if i == 1 {
						require.EqualValues(t, c.code, out.GetStatus().GetCode())
					}
				}
			})
		})
	}
}

// TestGone lets Envoy leave before the decision. The error is that of the call.
func TestGone(t *testing.T) {
	s := newService(t, `{"id": "free", "quotas": ["5/day"]}`, ration.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.authorizer(t, envoy.AuthorizerConfig{}).Check(ctx, asked(request("GET", "/", "X-API-Key", string(s.secret))))
	require.Equal(t, codes.Canceled, status.Code(err))
}

// TestFlood sends requests without a key and with malformed ones. None costs a look-up.
func TestFlood(t *testing.T) {
	s := newService(t, `{"id": "free", "throttle": "1/s"}`, ration.Config{})
	a := s.authorizer(t, envoy.AuthorizerConfig{})
	l := s.limiter(t, envoy.LimiterConfig{})
	for i := range 1000 {
		malformed := fmt.Sprintf("%.20s%d", s.secret, i)
		for _, header := range [][]string{nil, {"X-API-Key", malformed}, {"Authorization", "Bearer " + malformed}} {
			out, err := a.Check(t.Context(), asked(request("GET", "/", header...)))
			require.NoError(t, err)
			require.Equal(t, 401, statusOf(out))
		}
		limited, err := l.ShouldRateLimit(t.Context(), call("api_key", malformed))
		require.NoError(t, err)
		require.Equal(t, "OVER_LIMIT", limited.GetOverallCode().String())
	}
	require.Zero(t, s.store.lookups.Load())

	out, err := a.Check(t.Context(), asked(request("GET", "/", "X-API-Key", string(s.secret))))
	require.NoError(t, err)
	require.Equal(t, 200, statusOf(out))
	require.EqualValues(t, 1, s.store.lookups.Load())
}

// TestNoSecret looks for the key in what is answered.
func TestNoSecret(t *testing.T) {
	s := newService(t, `{"id": "free", "throttle": "1/s"}`, ration.Config{})
	a, l := s.authorizer(t, envoy.AuthorizerConfig{}), s.limiter(t, envoy.LimiterConfig{})
	for range 2 {
		out, err := a.Check(t.Context(), asked(request("GET", "/", "X-API-Key", string(s.secret))))
		require.NoError(t, err)
		require.NotContains(t, protojson.Format(out), string(s.secret))
		limited, err := l.ShouldRateLimit(t.Context(), call("api_key", string(s.secret)))
		require.NoError(t, err)
		require.NotContains(t, protojson.Format(limited), string(s.secret))
	}
}

// TestSharedThrottle answers a refusal by a limit that all clients share with the status
// that the Config says.
func TestSharedThrottle(t *testing.T) {
	s := newService(t, `{"id": "free"}`, ration.Config{Gate: gate.Config{Account: &limiter.Limit{Rate: 1, Burst: 1}}})
	a := s.authorizer(t, envoy.AuthorizerConfig{Middleware: middleware.Config{SharedStatus: 503}})
	for _, want := range []int{200, 503} {
		out, err := a.Check(t.Context(), asked(request("GET", "/", "X-API-Key", string(s.secret))))
		require.NoError(t, err)
		require.Equal(t, want, statusOf(out))
	}
}

// TestAuthorizerConfig reports every fault at once.
func TestAuthorizerConfig(t *testing.T) {
	_, err := envoy.NewAuthorizer(nil, envoy.AuthorizerConfig{
		KeepCredential: true, IdentityPrefix: "X_",
		Middleware: middleware.Config{StripCredential: true, Refund: func(int) bool { return true }},
	})
	require.ErrorIs(t, err, envoy.ErrInvalid)
	for _, fault := range []string{"middleware.refund: ", "middleware.stripCredential, keepCredential: ", `identityPrefix: "X_": `, "gate: nil: "} {
		require.ErrorContains(t, err, fault)
	}
}

// TestReplicas lets two servers over one store decide at once. Together they admit as
// much as the limit.
func TestReplicas(t *testing.T) {
	s := newService(t, `{"id": "free", "quotas": ["100/day"]}`, ration.Config{})
	again, err := ration.New(s.store, ration.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, again.Close()) })
	a := s.authorizer(t, envoy.AuthorizerConfig{})
	b, err := envoy.NewAuthorizer(again.Gate, envoy.AuthorizerConfig{})
	require.NoError(t, err)
	c, err := envoy.NewLimiter(again.Gate, envoy.LimiterConfig{})
	require.NoError(t, err)
	admitted := make(chan bool, 300)
	for _, ask := range []func() bool{
		func() bool { return s.admits(t, a) },
		func() bool { return s.admits(t, b) },
		func() bool {
			out, err := c.ShouldRateLimit(t.Context(), call("api_key", string(s.secret)))
			return err == nil && out.GetOverallCode().String() == "OK"
		},
	} {
		for range 100 {
			go func() { admitted <- ask() }()
		}
	}
	n := 0
	for range 300 {
		if <-admitted {
			n++
		}
	}
	require.Equal(t, 100, n)
}

func (s *service) admits(t *testing.T, a *envoy.Authorizer) bool {
	out, err := a.Check(t.Context(), asked(request("GET", "/", "X-API-Key", string(s.secret))))
	return err == nil && statusOf(out) == 200
}
