package middleware_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

var proxiesOf10 = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8")}

// TestInsecure sends requests in all ways that a server sees, with Insecure.Refuse.
func TestInsecure(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	refuse := middleware.Insecure{Refuse: true}
	open := h.middleware(middleware.Config{Insecure: refuse}).Handler(ok)
	behind := h.middleware(middleware.Config{Insecure: refuse, Trusted: proxiesOf10}).Handler(ok)
	forwarded := h.middleware(middleware.Config{Insecure: refuse, Trusted: proxiesOf10, Forwarded: true}).Handler(ok)
	const xfp, fwd = "X-Forwarded-Proto", "Forwarded"
	for _, c := range []struct {
		what   string
		h      http.Handler
		addr   string
		tls    bool
		header []string
		secure bool
	}{
		{"TLS", open, "192.0.2.1:1", true, nil, true},
		{"plain", open, "192.0.2.1:1", false, nil, false},
		{"loopback", open, "127.0.0.1:1", false, nil, true},
		{"loopback of IPv6", open, "[::1]:1", false, nil, true},
		{"mapped loopback", open, "[::ffff:127.0.0.9]:1", false, nil, true},
		{"a private network", open, "10.0.0.1:1", false, nil, false},
		{"nobody is believed", open, "10.0.0.1:1", false, []string{xfp, "https", fwd, "for=192.0.2.1;proto=https"}, false},
		{"the loopback is not believed either", open, "127.0.0.1:1", false, []string{xfp, "http"}, true},
		{"no address", open, "", false, nil, false},

		{"a proxy says https", behind, "10.0.0.1:1", false, []string{xfp, "https"}, true},
		{"in capitals", behind, "10.0.0.1:1", false, []string{xfp, "HTTPS"}, true},
		{"WebSockets", behind, "10.0.0.1:1", false, []string{xfp, "wss"}, true},
		{"a proxy says http", behind, "10.0.0.1:1", false, []string{xfp, "http"}, false},
		{"a proxy says http over TLS", behind, "10.0.0.1:1", true, []string{xfp, "http"}, false},
		{"a proxy says nothing over TLS", behind, "10.0.0.1:1", true, nil, true},
		{"a proxy says nothing", behind, "10.0.0.1:1", false, nil, false},
		{"a proxy writes the other field", behind, "10.0.0.1:1", false, []string{fwd, "for=192.0.2.1;proto=https"}, false},
		{"the client had written https", behind, "10.0.0.1:1", false, []string{xfp, "https, http"}, false},
		{"in two lines", behind, "10.0.0.1:1", false, []string{xfp, "https", xfp, "http"}, false},
		{"two proxies say https", behind, "10.0.0.1:1", false, []string{xfp, "https,https"}, true},
		{"an empty value", behind, "10.0.0.1:1", false, []string{xfp, ""}, false},
		{"an empty element", behind, "10.0.0.1:1", false, []string{xfp, "https,"}, false},
		{"a scheme that begins so", behind, "10.0.0.1:1", false, []string{xfp, "httpsx"}, false},
		{"another machine says https", behind, "192.0.2.1:1", false, []string{xfp, "https"}, false},
		{"a client over TLS", behind, "192.0.2.1:1", true, []string{xfp, "http"}, true},
		{"a proxy on the loopback says http", behind, "127.0.0.1:1", false, []string{xfp, "http"}, false},
		{"a proxy on the loopback says https", behind, "127.0.0.1:1", false, []string{xfp, "https"}, true},
		{"a client on the loopback", behind, "127.0.0.1:1", false, nil, true},

		{"Forwarded: https", forwarded, "10.0.0.1:1", false, []string{fwd, "for=192.0.2.1;proto=https"}, true},
		{"quoted", forwarded, "10.0.0.1:1", false, []string{fwd, `for="192.0.2.1:80"; Proto="https"`}, true},
		{"Forwarded: http", forwarded, "10.0.0.1:1", false, []string{fwd, "for=192.0.2.1;proto=http"}, false},
		{"without proto", forwarded, "10.0.0.1:1", false, []string{fwd, "for=192.0.2.1"}, false},
		{"X-Forwarded-Proto alone", forwarded, "10.0.0.1:1", false, []string{xfp, "https"}, false},
		{"the client's own element", forwarded, "10.0.0.1:1", false, []string{fwd, "for=198.51.100.1;proto=https, for=192.0.2.1;proto=http"}, false},
		{"the client's own line", forwarded, "10.0.0.1:1", false, []string{fwd, "for=198.51.100.1;proto=https", fwd, "for=192.0.2.1"}, false},
		{"the client's own http", forwarded, "10.0.0.1:1", false, []string{fwd, "for=198.51.100.1;proto=http, for=192.0.2.1;proto=https"}, true},
		{"an inner proxy by http", forwarded, "10.0.0.1:1", false, []string{fwd, "for=192.0.2.1;proto=https, for=10.0.0.2;proto=http"}, true},
		{"in two lines", forwarded, "10.0.0.1:1", false, []string{fwd, "for=192.0.2.1;proto=https", fwd, "for=10.0.0.2;proto=http"}, true},
		{"an outer proxy by http", forwarded, "10.0.0.1:1", false, []string{fwd, "for=192.0.2.1;proto=http, for=10.0.0.2;proto=https"}, false},
		{"an open quote", forwarded, "10.0.0.1:1", false, []string{fwd, `for="192.0.2.1, for=10.0.0.2;proto=https`}, false},
		{"a client that is not named", forwarded, "10.0.0.1:1", false, []string{fwd, "for=unknown;proto=https"}, true},
		{"from a proxy alone", forwarded, "10.0.0.1:1", false, []string{fwd, "for=10.0.0.2;proto=https"}, true},
	} {
		r := request("GET", "/", append(c.header, "X-API-Key", secret)...)
		if r.RemoteAddr = c.addr; c.tls {
			r.TLS = new(tls.ConnectionState)
		}
		want := http.StatusForbidden
		if c.secure {
			want = http.StatusOK
		}
		w := serve(c.h, r)
		require.Equal(t, want, w.Code, c.what)
		require.Equal(t, !c.secure, strings.Contains(w.Body.String(), "HTTPS"), c.what)
	}
}

// TestInsecureIsTheSame checks that good, bad and no keys get one answer, and no header
// field tells them apart.
func TestInsecureIsTheSame(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	_, good := h.key(&usageplan.Plan{})
	dead, disabled := h.key(nil)
	_, err := h.keys.Disable(t.Context(), dead.ID)
	require.NoError(t, err)
	for name, cfg := range map[string]middleware.Config{
		"problem": {}, "aws": {Refuse: func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) { res.WriteAWS(w) }},
		"revoking": {Insecure: middleware.Insecure{Revoke: never}},
	} {
		cfg.Insecure.Refuse = true
		m := h.middleware(cfg)
		usage := must(m.Usage(middleware.UsageConfig{}))
		for _, handler := range []http.Handler{m.Handler(ok), usage} {
			answers := map[string]bool{}
			for _, header := range [][]string{
				nil, {"X-API-Key", good}, {"X-API-Key", disabled}, {"X-API-Key", "garbage"}, {"X-API-Key", ""}, {"Authorization", "Bearer " + good},
				{"Authorization", "Bearer " + good, "X-API-Key", good}, {"Authorization", "Basic xyz"}, {"X-API-Key", good, "X-API-Key", good},
			} {
				w := serve(handler, request("GET", "/", header...))
				require.Equal(t, http.StatusForbidden, w.Code)
				w.Header().Del("X-Amzn-Requestid") // random
				var text bytes.Buffer
				require.NoError(t, w.Header().Write(&text))
				answers[text.String()+w.Body.String()] = true
			}
			require.Len(t, answers, 1, name)
			for answer := range answers {
				require.NotContains(t, answer, "Location")
				require.Contains(t, answer, "no-store")
			}
		}
	}
	res := h.middleware(middleware.Config{Insecure: middleware.Insecure{Refuse: true}}).Check(with(good))
	require.True(t, res.Insecure)
	require.Equal(t, http.StatusForbidden, res.Status)
	require.NoError(t, res.Err)
	require.Nil(t, res.Decision.Key)
}

func never(context.Context, apikey.Digest) (apikey.Key, bool, error) {
	return apikey.Key{}, false, apikey.ErrNotFound
}

// TestInsecurePublic checks that routes which need no key are served over plain HTTP.
func TestInsecurePublic(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	mux := http.NewServeMux()
	mux.Handle("GET /health", ok)
	mux.Handle("GET /pets", ok)
	handler := h.middleware(middleware.Config{Public: []string{"GET /health"}, Insecure: middleware.Insecure{Refuse: true}}).Handler(mux)
	require.Equal(t, 200, status(handler, request("GET", "/health")))
	require.Equal(t, 403, status(handler, request("GET", "/pets")))
	preflight := request("OPTIONS", "/pets", "Origin", "https://example.com", "Access-Control-Request-Method", "GET")
	require.NotEqual(t, 403, status(handler, preflight))
}

// TestRevokeInsecure sends keys over plain HTTP, and looks at what becomes of them.
func TestRevokeInsecure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		k, secret := h.key(&usageplan.Plan{})
		_, other := h.key(nil)
		var actors []history.Actor
		log := new(bytes.Buffer)
		handler := h.middleware(middleware.Config{
			Logger: slog.New(slog.NewTextHandler(log, nil)),
			Insecure: middleware.Insecure{Refuse: true, Revoke: func(ctx context.Context, d apikey.Digest) (apikey.Key, bool, error) {
				actors = append(actors, history.ActorOf(ctx))
				return h.keys.Revoke(ctx, d)
			}},
		}).Handler(ok)

		secure := with(secret)
		secure.TLS = new(tls.ConnectionState)
		require.Equal(t, 200, status(handler, secure))
		require.Equal(t, 403, status(handler, with(secret)))
		synctest.Wait()
		got, err := h.keys.Get(t.Context(), k.ID)
		require.NoError(t, err)
		require.False(t, got.Enabled)
		require.Equal(t, []history.Actor{{Kind: history.ActorService, Name: "plain-http"}}, actors)
		require.Contains(t, log.String(), "came over plain HTTP and was revoked")
		require.Contains(t, log.String(), k.ID)
		require.NotContains(t, log.String(), secret[10:30])

		for _, r := range []*http.Request{
			request("GET", "/"), with("garbage"), with(other[:len(other)-1] + "-"), request("GET", "/", "X-API-Key", other, "X-API-Key", other),
		} {
			require.Equal(t, 403, status(handler, r))
		}
		synctest.Wait()
		require.Len(t, actors, 1, "malformed secrets cost nothing")
	})
}

// TestRevokeInsecureIsBounded floods a service with well-formed secrets over plain HTTP
// for ten seconds, while the store is slow.
func TestRevokeInsecureIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		var calls, running, most atomic.Int64
		log := new(bytes.Buffer)
		handler := h.middleware(middleware.Config{
			Logger: slog.New(slog.NewTextHandler(log, nil)),
			Insecure: middleware.Insecure{Refuse: true, Revoke: func(context.Context, apikey.Digest) (apikey.Key, bool, error) {
				calls.Add(1)
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(10 * time.Millisecond)
				running.Add(-1)
				return apikey.Key{}, false, apikey.ErrNotFound
			}},
		}).Handler(ok)
		began := time.Now()
		for time.Since(began) < 10*time.Second {
			for range 10 {
				require.Equal(t, 403, status(handler, with(string(must(apikey.Format{Prefix: "acme"}.New())))))
			}
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		require.LessOrEqual(t, calls.Load(), int64(200), "100, and 10 a second")
		require.GreaterOrEqual(t, calls.Load(), int64(190))
		require.LessOrEqual(t, most.Load(), int64(16))
		require.Equal(t, 1, strings.Count(log.String(), "too many keys come over plain HTTP"), log)

		require.Equal(t, 403, status(handler, with(string(must(apikey.Format{Prefix: "acme"}.New())))))
		synctest.Wait()
		require.Greater(t, calls.Load(), int64(190), "and it goes on afterwards")
		time.Sleep(time.Minute)
	})
}

// TestRevokeInsecureAtATime sends secrets at one instant, while the store does not
// answer.
func TestRevokeInsecureAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		var calls atomic.Int64
		handler := h.middleware(middleware.Config{Insecure: middleware.Insecure{Refuse: true, Revoke: func(context.Context, apikey.Digest) (apikey.Key, bool, error) {
			calls.Add(1)
			time.Sleep(time.Second)
			return apikey.Key{}, false, apikey.ErrNotFound
		}}}).Handler(ok)
		for want := int64(16); want < 50; want += 16 {
			for range 50 {
				require.Equal(t, 403, status(handler, with(string(must(apikey.Format{Prefix: "acme"}.New())))))
			}
			time.Sleep(2 * time.Second)
			require.Equal(t, want, calls.Load())
		}
	})
}

// TestRevokeInsecureHasATimeout checks that a call ends, also if the client is gone.
func TestRevokeInsecureHasATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, secret := h.key(nil)
		began, ended := time.Now(), time.Duration(0)
		handler := h.middleware(middleware.Config{Insecure: middleware.Insecure{Refuse: true, Revoke: func(ctx context.Context, _ apikey.Digest) (apikey.Key, bool, error) {
			<-ctx.Done()
			ended = time.Since(began)
			return apikey.Key{}, false, ctx.Err()
		}}}).Handler(ok)
		ctx, gone := context.WithCancel(t.Context())
		require.Equal(t, 403, status(handler, with(secret).WithContext(ctx)))
		require.Zero(t, time.Since(began), "the answer does not wait")
		gone()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 10*time.Second, ended)
	})
}

// TestInsecureOverUnix serves requests over a Unix socket.
func TestInsecureOverUnix(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	listener, err := net.Listen("unix", t.TempDir()+"/s")
	if err != nil {
		t.Skip("no Unix sockets here")
	}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h.middleware(middleware.Config{Insecure: middleware.Insecure{Refuse: true}}).Handler(ok)}}
	server.Start()
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", listener.Addr().String())
	}}}
	defer client.CloseIdleConnections()
	r := must(http.NewRequest("GET", "http://example.com/", nil))
	r.Header.Set("X-API-Key", secret)
	res, err := client.Do(r)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 200, res.StatusCode)
}

// TestInsecureWarning says when the Logger is warned of keys over plain HTTP.
func TestInsecureWarning(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	for _, c := range []struct {
		what   string
		cfg    middleware.Config
		n      int
		change func(*http.Request)
		want   string
	}{
		{"many", middleware.Config{}, 5000, func(*http.Request) {}, "keys come over plain HTTP"},
		{"a few, such as tests", middleware.Config{}, 99, func(*http.Request) {}, ""},
		{"without keys", middleware.Config{}, 500, func(r *http.Request) { r.Header.Del("Authorization") }, ""},
		{"TLS", middleware.Config{}, 500, func(r *http.Request) { r.TLS = new(tls.ConnectionState) }, ""},
		{"loopback", middleware.Config{}, 500, func(r *http.Request) { r.RemoteAddr = "127.0.0.1:1" }, ""},
		{"allowed", middleware.Config{Insecure: middleware.Insecure{Allow: true}}, 500, func(*http.Request) {}, ""},
		{"a proxy with https", middleware.Config{Trusted: proxiesOf10}, 500, func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1"; r.Header.Set("X-Forwarded-Proto", "https") }, ""},
		{"a proxy that says nothing", middleware.Config{Trusted: proxiesOf10}, 500, func(r *http.Request) { r.RemoteAddr = "10.0.0.1:1" }, "does not say that clients use HTTPS"},
	} {
		log := new(bytes.Buffer)
		c.cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
		handler := h.middleware(c.cfg).Handler(ok)
		for range c.n {
			r := with(secret)
			c.change(r)
			serve(handler, r)
		}
		if c.want == "" {
			require.Empty(t, log.String(), c.what)
			continue
		}
		require.Equal(t, 1, strings.Count(log.String(), "\n"), c.what)
		require.Contains(t, log.String(), c.want, c.what)
	}
}

// TestInsecureConfig lists settings that contradict each other.
func TestInsecureConfig(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	for want, insecure := range map[string]middleware.Insecure{
		"insecure: allow, refuse":           {Allow: true, Refuse: true},
		"insecure.revoke: set: want refuse": {Revoke: never},
	} {
		_, err := middleware.New(h.gate, middleware.Config{Insecure: insecure})
		require.ErrorIs(t, err, middleware.ErrInvalid)
		require.ErrorContains(t, err, want, fmt.Sprint(insecure.Refuse))
	}
}

// TestRevokeInsecurePanics checks that a Revoke that panics does not end the process, and
// that the Logger is told.
func TestRevokeInsecurePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, secret := h.key(nil)
		log := new(bytes.Buffer)
		handler := h.middleware(middleware.Config{
			Logger: slog.New(slog.NewTextHandler(log, nil)),
			Insecure: middleware.Insecure{Refuse: true, Revoke: func(context.Context, apikey.Digest) (apikey.Key, bool, error) {
				panic("no mailer")
			}},
		}).Handler(ok)
		require.Equal(t, 403, status(handler, with(secret)))
		synctest.Wait()
		require.Contains(t, log.String(), "keys that came over plain HTTP cannot be revoked")
		require.Contains(t, log.String(), "no mailer")
		require.NotContains(t, log.String(), secret)
	})
}

// TestInsecureInside refuses plain HTTP in an inner Middleware alone. The outer one has
// admitted the request before, for the same Gate.
func TestInsecureInside(t *testing.T) {
	t.Parallel()
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	inner := h.middleware(middleware.Config{Insecure: middleware.Insecure{Refuse: true}})
	handler := h.middleware(middleware.Config{}).Handler(inner.Handler(ok))
	require.Equal(t, http.StatusForbidden, status(handler, with(secret)))
	secure := with(secret)
	secure.TLS = new(tls.ConnectionState)
	require.Equal(t, http.StatusOK, status(handler, secure))
}
