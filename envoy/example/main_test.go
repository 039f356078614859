package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	ratelimitv3 "github.com/envoyproxy/go-control-plane/envoy/service/ratelimit/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/envoy/internal/standin"
	"github.com/ration-go/ration/gate"
)

// TestStandIn plays the example with a stand-in that does what envoy.yaml says.
func TestStandIn(t *testing.T) {
	play(t, func(t *testing.T, config, asked, _ string) string {
		b, err := standin.Read(config)
		require.NoError(t, err)
		p, err := standin.New(b)
		require.NoError(t, err)
		conn, err := grpc.NewClient(asked, grpc.WithTransportCredentials(insecure.NewCredentials()))
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		p.Upstream, p.Auth, p.Limits = newService(), authv3.NewAuthorizationClient(conn), ratelimitv3.NewRateLimitServiceClient(conn)
		server := httptest.NewServer(p)
		t.Cleanup(server.Close)
		return server.Listener.Addr().String()
	})
}

// TestEnvoy plays the example with a real Envoy, if there is one.
func TestEnvoy(t *testing.T) {
	program := standin.Installed(t)
	if program == "" {
		t.Skip("no envoy on the PATH, and the variable ENVOY is not set")
	}
	play(t, func(t *testing.T, config, _, public string) string {
		standin.Start(t, program, config, public)
		return public
	})
}

// play starts the parts of the example, and sends requests through an Envoy that front
// starts. front returns the address of the Envoy, which is public if it can choose.
func play(t *testing.T, front func(t *testing.T, config, asked, public string) string) {
	r, secret, err := keys(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	asked, public := start(t, r), freeAddr(t)
	behind := httptest.NewServer(newService())
	t.Cleanup(behind.Close)
	base := "http://" + front(t, configured(t, public, asked, behind.Listener.Addr().String()), asked, public)
	key := string(secret)

	used := func() string {
		d, err := r.Gate.Peek(context.WithoutCancel(t.Context()), gate.Request{Secret: secret})
		require.NoError(t, err)
		var text []string
		for l := range d.Levels() {
			if l.IsQuota() {
				text = append(text, fmt.Sprint(l.Used))
			}
		}
		return strings.Join(text, " requests, ") + " tokens"
	}
	for i, step := range []struct {
		method, path, key string
		status            int
		body, used        string
	}{
		{"GET", "/health", "", 200, "well\n", "0 requests, 0 tokens"},
		{"GET", "/pets", "", 401, `"status":401`, "0 requests, 0 tokens"},
		{"GET", "/pets", "garbage", 401, `"status":401`, "0 requests, 0 tokens"},
		{"GET", "/pets", key, 200, `of plan "free", credential ""`, "1 requests, 0 tokens"},
		{"POST", "/chat", key, 200, "hello\n", "2 requests, 301 tokens"},
		{"POST", "/chat", key, 200, "hello\n", "3 requests, 602 tokens"},
		{"POST", "/chat", key, 429, `"violated-policies":["tokens/day"]`, "3 requests, 602 tokens"},
		{"GET", "/pets", key, 200, "key", "4 requests, 602 tokens"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), step.method, base+step.path, nil)
		require.NoError(t, err)
		req.Header.Set("X-Ration-Plan-Id", "forged")
		if step.key != "" {
			req.Header.Set("X-API-Key", step.key)
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, step.status, resp.StatusCode, "step %d: %s", i, body)
		require.Contains(t, string(body), step.body, "step %d", i)
		require.Empty(t, resp.Header.Get("X-Tokens"))
		require.Equal(t, step.key != "" && step.key != "garbage", resp.Header.Get("RateLimit") != "", "step %d", i)
		require.Eventually(t, func() bool { return used() == step.used }, 5*time.Second, 5*time.Millisecond, "step %d: %s: want %s", i, used(), step.used)
	}
}

// start starts a server that Envoy asks, and returns its address.
func start(t *testing.T, r *ration.Ration) string {
	s, err := newServer(r)
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = s.Serve(listener) }()
	t.Cleanup(s.Stop)
	return listener.Addr().String()
}

// configured returns envoy.yaml with other addresses.
func configured(t *testing.T, public, asked, service string) string {
	text, err := os.ReadFile("envoy.yaml")
	require.NoError(t, err)
	config := string(text)
	for was, addr := range map[string]string{"10000": public, "9001": asked, "9002": service} {
		_, port, err := net.SplitHostPort(addr)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(config, "port_value: "+was+"}"))
		config = strings.Replace(config, "port_value: "+was+"}", "port_value: "+port+"}", 1)
	}
	return config
}

// freeAddr returns an address on which nothing listens.
func freeAddr(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return listener.Addr().String()
}
