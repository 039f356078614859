package envoy_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/envoy"
	"github.com/ration-go/ration/envoy/internal/standin"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/fronttest"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// serve starts a gRPC server on a free port, and returns a connection to it and its
// health service.
func serve(t testing.TB, a *envoy.Authorizer, l *envoy.Limiter) (*grpc.ClientConn, *health.Server) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer()
	h := envoy.Register(s, a, l)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn, h
}

var (
	routes  = map[fronttest.Route]string{fronttest.Reports: "GET /api/reports/{id}", fronttest.Pets: "GET /pets/{n}", fronttest.Health: "GET /api/health"}
	targets = map[fronttest.Route]string{fronttest.Reports: "/api/reports/7?year=2026", fronttest.Pets: "/pets/1", fronttest.Health: "/api/health"}
)

// TestFront runs the table of all fronts against a stand-in for Envoy, with real calls to
// an Authorizer. The service behind learns the key from the fields of the Authorizer. It
// cannot correct a charge, so the cases that do are left out.
func TestFront(t *testing.T) {
	for _, raw := range []bool{false, true} {
		t.Run("raw="+strconv.FormatBool(raw), func(t *testing.T) {
			fronttest.Run(t, fronttest.Front{Names: routes, Shows: true, Recovers: true, Start: func(t *testing.T, s *fronttest.Service, o fronttest.Options) func(*testing.T, fronttest.Call) fronttest.Answer {
				return startFront(t, s, o, raw)
			}})
		})
	}
}

func startFront(t *testing.T, s *fronttest.Service, o fronttest.Options, raw bool) func(*testing.T, fronttest.Call) fronttest.Answer {
	mux := http.NewServeMux()
	for route, pattern := range routes {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if s.Serve(handled(t, s, route, r)) != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
	}
	a, err := envoy.NewAuthorizer(s.Gate, envoy.AuthorizerConfig{KeepCredential: !o.StripCredential, Middleware: middleware.Config{
		Mux: mux, Public: []string{routes[fronttest.Health]}, Logger: s.Logger,
		Costs: func(*http.Request) usageplan.Costs { return s.Costs() },
		ID:    func(*http.Request) string { return s.ID() },
		Class: func(*http.Request) string { return s.Class() },
	}})
	require.NoError(t, err)
	conn, _ := serve(t, a, nil)
	proxy := httptest.NewServer(&standin.Proxy{Upstream: mux, Auth: authv3.NewAuthorizationClient(conn), RawHeaders: raw})
	t.Cleanup(proxy.Close)

	return func(t *testing.T, c fronttest.Call) fronttest.Answer {
		if c.Do.Settles || c.Do.Refund || o.Refund && (c.Do.Fail || c.Do.Panic) {
			t.Skip("a service behind Envoy cannot correct a charge")
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, proxy.URL+targets[c.Route], nil)
		require.NoError(t, err)
		r.Header.Set("X-Ration-Key-Id", "forged")
		if c.Key != "" {
			r.Header.Set("X-API-Key", s.Secret(c.Key))
		}
		if c.Also != "" {
			r.Header.Set("Authorization", "Bearer "+s.Secret(c.Also))
		}
		resp, err := proxy.Client().Do(r)
		if err != nil {
			require.True(t, c.Do.Panic, "%v", err)
			return fronttest.Answer{Kind: fronttest.Failed}
		}
		return answerOf(t, resp)
	}
}

// handled returns what the service behind Envoy knows of a request.
func handled(t *testing.T, s *fronttest.Service, route fronttest.Route, r *http.Request) fronttest.Handled {
	h := fronttest.Handled{Route: route, Credential: r.Header.Get("X-API-Key")}
	if id := r.Header.Get("X-Ration-Key-Id"); id != "" {
		o, err := s.Gate.Identify(r.Context(), gate.Request{KeyID: id})
		require.NoError(t, err)
		h.Decision = &gate.Decision{Outcome: o}
	}
	return h
}

func answerOf(t *testing.T, resp *http.Response) fronttest.Answer {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	a := fronttest.Answer{Remaining: fronttest.RemainingOf(resp.Header["Ratelimit"])}
	seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	a.Wait = time.Duration(seconds) * time.Second
	if resp.StatusCode != http.StatusTooManyRequests {
		a.Kind = map[int]fronttest.Kind{
			200: fronttest.Admitted, 400: fronttest.Ambiguous, 401: fronttest.Unauthenticated, 403: fronttest.Forbidden,
			500: fronttest.Failed, 503: fronttest.Unavailable,
		}[resp.StatusCode]
		return a
	}
	var problem struct{ Limits []struct{ Limit string } }
	require.NoError(t, json.Unmarshal(body, &problem))
	a.Kind = fronttest.LimitKind(problem.Limits[0].Limit)
	return a
}

// TestHealth asks the health service for each service, and after Shutdown.
func TestHealth(t *testing.T) {
	s := newService(t, `{"id": "free"}`, ration.Config{})
	conn, server := serve(t, s.authorizer(t, envoy.AuthorizerConfig{}), nil)
	client := grpc_health_v1.NewHealthClient(conn)
	for name, want := range map[string]string{
		"": "SERVING", "envoy.service.auth.v3.Authorization": "SERVING", "envoy.service.ratelimit.v3.RateLimitService": "NotFound",
	} {
		out, err := client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: name})
		if err != nil {
			require.ErrorContains(t, err, want)
			continue
		}
		require.Equal(t, want, out.GetStatus().String(), name)
	}
	server.Shutdown()
	out, err := client.Check(t.Context(), new(grpc_health_v1.HealthCheckRequest))
	require.NoError(t, err)
	require.Equal(t, "NOT_SERVING", out.GetStatus().String())
}
