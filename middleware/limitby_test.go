package middleware_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/store/storetest"
)

func newLimiter(t *testing.T, c store.Counter, l limiter.Limit) *limiter.Limiter {
	lim, err := limiter.New(c, l, limiter.Config{})
	require.NoError(t, err)
	return lim
}

// from returns a GET request from an address, with a value of X-Forwarded-For.
func from(addr string, forwarded ...string) *http.Request {
	r := request("GET", "/")
	r.RemoteAddr = addr
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

// TestLimitBy checks that each address has a limit of its own.
func TestLimitBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lim := newLimiter(t, memory.New(memory.Config{}), limiter.Limit{Rate: 0.4, Burst: 1})
		limited := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{}))(ok)
		for _, step := range []struct {
			after  time.Duration
			addr   string
			status int
			retry  string
		}{
			{0, "192.0.2.1:80", 200, ""},
			{0, "192.0.2.1:81", 429, "3"},
			{0, "192.0.2.2:80", 200, ""},
			{2 * time.Second, "192.0.2.1:80", 429, "1"},
			{time.Second, "192.0.2.1:80", 200, ""},
			{0, "[2001:db8::1]:80", 200, ""},
			{0, "[2001:db8::ffff:1]:80", 429, "3"},
			{0, "@", 500, ""},
			{0, "", 500, ""},
		} {
			time.Sleep(step.after)
			w := serve(limited, from(step.addr, "198.51.100.7"))
			require.Equal(t, step.status, w.Code, "%+v", step)
			require.Equal(t, step.retry, w.Header().Get("Retry-After"), "%+v", step)
			if step.status != 200 {
				require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
				require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
			}
		}
	})
}

// TestLimitByFails checks that LimitBy refuses requests if something fails.
func TestLimitByFails(t *testing.T) {
	key := func(*http.Request) (string, error) { return "somebody", nil }
	working := memory.New(memory.Config{})
	for _, c := range []struct {
		what    string
		counter store.Counter
		limit   limiter.Limit
		key     func(*http.Request) (string, error)
		status  int
	}{
		{"none", working, limiter.PerSecond(1), key, 200},
		{"no key", working, limiter.PerSecond(1), func(*http.Request) (string, error) { return "", nil }, 400},
		{"long key", working, limiter.PerSecond(1), func(*http.Request) (string, error) { return strings.Repeat("x", store.MaxSubject+1), nil }, 400},
		{"bad request", working, limiter.PerSecond(1), func(*http.Request) (string, error) {
			return "", fmt.Errorf("%w: no tenant", middleware.ErrBadRequest)
		}, 400},
		{"bad credential", working, limiter.PerSecond(1), func(*http.Request) (string, error) {
			return "", fmt.Errorf("%w: broken", middleware.ErrCredential)
		}, 401},
		{"bad key", working, limiter.PerSecond(1), func(*http.Request) (string, error) { return "x", errors.New("broken") }, 500},
		{"counter", storetest.Faulty(working, storetest.Fault{Err: errBroken}), limiter.PerSecond(1), key, 503},
		{"blocked", working, limiter.Limit{}, key, 403},
	} {
		w := serve(must(middleware.LimitBy(newLimiter(t, c.counter, c.limit), c.key, middleware.LimitConfig{}))(ok), request("GET", "/"))
		require.Equal(t, c.status, w.Code, c.what)
		require.Equal(t, c.status == 503, w.Header().Get("Retry-After") != "", c.what)
		require.Equal(t, c.status == 401, w.Header().Get("WWW-Authenticate") != "", c.what)
		require.NotContains(t, w.Body.String(), "broken", c.what)
	}
}

// TestByIP checks that X-Forwarded-For is believed only as far as trusted proxies have
// written it.
func TestByIP(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	mapped := []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104"), proxies[1]}
	for _, c := range []struct {
		r              *http.Request
		alone, trusted string
	}{
		{from("192.0.2.1:80"), "192.0.2.1", "192.0.2.1"},
		{from("192.0.2.1"), "192.0.2.1", "192.0.2.1"},
		{from("[::ffff:192.0.2.1]:80"), "192.0.2.1", "192.0.2.1"},
		{from("[fe80::1%eth0]:80"), "fe80::/64", "fe80::/64"},
		{from("192.0.2.1:80", "198.51.100.7"), "192.0.2.1", "192.0.2.1"},
		{from("10.0.0.1:80", "198.51.100.7"), "10.0.0.1", "198.51.100.7"},
		{from("10.0.0.1:80", "6.6.6.6, 198.51.100.7"), "10.0.0.1", "198.51.100.7"},
		{from("10.0.0.1:80", "6.6.6.6, 198.51.100.7,10.0.0.2"), "10.0.0.1", "198.51.100.7"},
		{from("10.0.0.1:80", "6.6.6.6", "198.51.100.7", "10.0.0.2"), "10.0.0.1", "198.51.100.7"},
		{from("10.0.0.1:80", "198.51.100.7:4711"), "10.0.0.1", "198.51.100.7"},
		{from("10.0.0.1:80", "[2001:db8:1:2:3::4]:4711"), "10.0.0.1", "2001:db8:1:2::/64"},
		{from("[fd00::1]:80", "2001:db8:1:2:3::4"), "fd00::/64", "2001:db8:1:2::/64"},
		{from("[fd00::1%eth0]:80", "198.51.100.7"), "fd00::/64", "198.51.100.7"},
		{from("10.0.0.1:80", "10.0.0.3, 10.0.0.2"), "10.0.0.1", "10.0.0.3"},
		{from("10.0.0.1:80", "198.51.100.7, unknown, 10.0.0.2"), "10.0.0.1", "10.0.0.2"},
		{from("10.0.0.1:80", "198.51.100.7,"), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", ""), "10.0.0.1", "10.0.0.1"},
		{from("10.255.0.1:80", "198.51.100.7"), "10.255.0.1", "198.51.100.7"},
		{from("11.0.0.1:80", "198.51.100.7"), "11.0.0.1", "11.0.0.1"},
		{from("10.0.0.1:80", "[2001:db8:1:2:3::4]"), "10.0.0.1", "2001:db8:1:2::/64"},
		{from("10.0.0.1:80", `"[2001:db8:1:2:3::4]"`), "10.0.0.1", "2001:db8:1:2::/64"},
		{from("10.0.0.1:80", "[2001:db8:1:2:3::4%eth0]:80"), "10.0.0.1", "2001:db8:1:2::/64"},
		{from("10.0.0.1:80", "2001:db8:1:2:3::4%eth0"), "10.0.0.1", "2001:db8:1:2::/64"},
		{from("10.0.0.1:80", "[fd00::2]:1, 10.0.0.2:2"), "10.0.0.1", "fd00::/64"},
		{from("10.0.0.1:80", "::ffff:198.51.100.7"), "10.0.0.1", "198.51.100.7"},
		{from("10.0.0.1:80", "[::ffff:198.51.100.7]:80"), "10.0.0.1", "198.51.100.7"},
		{from("10.0.0.1:80", "  198.51.100.7\t"), "10.0.0.1", "198.51.100.7"},
		{from("10.0.0.1:80", "6.6.6.6, _hidden"), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", "6.6.6.6, unix:"), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", "6.6.6.6, [198.51.100.7]"), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", "6.6.6.6, [2001:db8::1"), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", "6.6.6.6, [2001:db8::1]x"), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", "6.6.6.6, 198.51.100.7:x"), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", "6.6.6.6, 198.51.100.7:"), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", "6.6.6.6, 010.0.0.9"), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", "6.6.6.6, , "), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", "6.6.6.6", ""), "10.0.0.1", "10.0.0.1"},
		{from("10.0.0.1:80", strings.Repeat("10.0.0.1,", 10_000)+"6.6.6.6"), "10.0.0.1", "6.6.6.6"},
	} {
		alone, err := middleware.ByIP()(c.r)
		require.NoError(t, err)
		require.Equal(t, c.alone, alone, "%s %.50q", c.r.RemoteAddr, c.r.Header)
		for _, prefixes := range [][]netip.Prefix{proxies, mapped} {
			trusted, err := middleware.ByIP(prefixes...)(c.r)
			require.NoError(t, err)
			require.Equal(t, c.trusted, trusted, "%s %.50q", c.r.RemoteAddr, c.r.Header)
		}
	}
}

// TestLimitByTwice checks that a limiter takes one token for a request, however often the
// request passes through it with the same key. Another limiter or another key takes a
// token of its own.
func TestLimitByTwice(t *testing.T) {
	limit := func(l *limiter.Limiter, key string) func(http.Handler) http.Handler {
		return must(middleware.LimitBy(l, func(*http.Request) (string, error) { return key, nil }, middleware.LimitConfig{}))
	}
	for what, c := range map[string]struct {
		handler func(one, other *limiter.Limiter) http.Handler
		taken   int64 // of the first limiter, for the key ip
	}{
		"once": {func(one, _ *limiter.Limiter) http.Handler { return limit(one, "ip")(ok) }, 1},
		"twice": {func(one, _ *limiter.Limiter) http.Handler {
			byIP := limit(one, "ip")
			return byIP(http.StripPrefix("/pets", byIP(byIP(ok))))
		}, 1},
		"made twice": {func(one, _ *limiter.Limiter) http.Handler { return limit(one, "ip")(limit(one, "ip")(ok)) }, 1},
		"another limiter between": {func(one, other *limiter.Limiter) http.Handler {
			return limit(one, "ip")(limit(other, "ip")(limit(one, "ip")(ok)))
		}, 1},
		"another limiter outside": {func(one, other *limiter.Limiter) http.Handler { return limit(other, "ip")(limit(one, "ip")(ok)) }, 1},
		"another key outside":     {func(one, _ *limiter.Limiter) http.Handler { return limit(one, "user")(limit(one, "ip")(ok)) }, 1},
		"a part of a batch": {func(one, _ *limiter.Limiter) http.Handler {
			return limit(one, "ip")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				part, err := http.NewRequestWithContext(r.Context(), "GET", "/pets/1", nil)
				require.NoError(t, err)
				limit(one, "ip")(ok).ServeHTTP(w, part)
			}))
		}, 2},
		"a cloned part of a batch": {func(one, _ *limiter.Limiter) http.Handler {
			return limit(one, "ip")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				part := r.Clone(r.Context())
				part.URL.Path = "/pets/2"
				limit(one, "ip")(ok).ServeHTTP(w, part)
			}))
		}, 2},
	} {
		one, other := newLimiter(t, memory.New(memory.Config{}), limiter.PerMinute(5)), newLimiter(t, memory.New(memory.Config{}), limiter.PerMinute(5))
		require.Equal(t, 200, status(c.handler(one, other), request("GET", "/pets/1")), what)
		res, err := one.Peek(t.Context(), "ip")
		require.NoError(t, err)
		require.Equal(t, c.taken, 5-res.Remaining, what)
	}
}

// TestLimitByTwiceIsLogged checks that the Logger is warned once that the inner one of
// two has no effect.
func TestLimitByTwiceIsLogged(t *testing.T) {
	var log bytes.Buffer
	lim := newLimiter(t, memory.New(memory.Config{}), limiter.PerMinute(5))
	byIP := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	require.Equal(t, 200, status(byIP(ok), request("GET", "/pets/1")))
	require.Empty(t, log.String())
	for range 3 {
		w := serve(byIP(byIP(ok)), request("GET", "/pets/1"))
		require.Len(t, w.Header()["Ratelimit"], 1)
	}
	require.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
	require.Contains(t, log.String(), "twice")
}

// TestLimitByKeepsPattern checks that outer handlers see the pattern that an inner mux
// has set.
func TestLimitByKeepsPattern(t *testing.T) {
	lim := newLimiter(t, memory.New(memory.Config{}), limiter.PerMinute(5))
	r := request("GET", "/pets/1")
	h := must(middleware.LimitBy(lim, middleware.ByIP(), middleware.LimitConfig{}))(muxOf("GET /pets/{id}"))
	require.Equal(t, 200, status(h, r))
	require.Equal(t, "GET /pets/{id}", r.Pattern)
}

// TestByIPWithinIPv6 checks that clients with different IPv4 addresses within IPv6 have
// different keys, and that one client has only one.
func TestByIPWithinIPv6(t *testing.T) {
	for addr, want := range map[string]string{
		"[64:ff9b::c633:6407]:80":                   "198.51.100.7",
		"[64:ff9b::198.51.100.8]:80":                "198.51.100.8",
		"[64:ff9b:1::198.51.100.7]:80":              "64:ff9b:1::c633:6407",
		"[64:ff9b:1:fffe::198.51.100.7]:80":         "64:ff9b:1:fffe::c633:6407",
		"[64:ff9b:2::1]:80":                         "64:ff9b:2::/64",
		"[::ffff:0:198.51.100.7]:80":                "198.51.100.7",
		"[2002:c633:6407::1]:80":                    "198.51.100.7",
		"[2002:c633:6407:ffff::1]:80":               "198.51.100.7",
		"[2001:0:4136:e378:8000:63bf:39cc:9bf8]:80": "198.51.100.7",
		"[2001:0:4136:e378:8000:63bf:3fff:fdd2]:80": "192.0.2.45",
		"[2001:1:4136:e378:8000:63bf:3fff:fdd2]:80": "2001:1:4136:e378::/64",
		"[::1]:80": "::/64",
	} {
		got, err := middleware.ByIP()(from(addr))
		require.NoError(t, err)
		require.Equal(t, want, got, addr)
	}
	trusted := middleware.ByIP(netip.MustParsePrefix("10.0.0.0/8"))
	got, err := trusted(from("[2002:0a00:0001::1]:80", "198.51.100.7"))
	require.NoError(t, err)
	require.Equal(t, "10.0.0.1", got, "an address that only looks like the proxy's is not trusted")
}

// TestByForwarded checks that Forwarded is believed only as far as trusted proxies have
// written it, and X-Forwarded-For not at all.
func TestByForwarded(t *testing.T) {
	for _, c := range []struct {
		want  string
		lines []string
	}{
		{"10.0.0.1", nil},
		{"198.51.100.7", []string{"for=198.51.100.7"}},
		{"198.51.100.7", []string{"For=198.51.100.7;proto=https;by=10.0.0.9"}},
		{"198.51.100.7", []string{`proto=https ; for="198.51.100.7:4711"`}},
		{"198.51.100.7", []string{`for="198.51.100.7:_hidden"`}},
		{"198.51.100.7", []string{`for="198.51\.100.7"`}},
		{"2001:db8:1:2::/64", []string{`for="[2001:db8:1:2:3::4]:4711"`}},
		{"2001:db8:1:2::/64", []string{`for="[2001:db8:1:2:3::4]"`}},
		{"198.51.100.7", []string{"for=6.6.6.6, for=198.51.100.7, for=10.0.0.2"}},
		{"198.51.100.7", []string{"for=6.6.6.6", "for=198.51.100.7,for=10.0.0.2"}},
		{"198.51.100.7", []string{`for="6.6.6.6`, "for=198.51.100.7"}},
		{"198.51.100.7", []string{`for=6.6.6.6;host="a,for=10.0.0.3", for=198.51.100.7;host="b;for=6.6.6.6"`}},
		{"198.51.100.7", []string{`host="\",for=10.0.0.3", for=198.51.100.7`}},
		{"10.0.0.1", []string{`for=6.6.6.6, for="6.6.6.6, for=198.51.100.7`}},
		{"10.0.0.1", []string{"for=6.6.6.6, for=unknown"}},
		{"10.0.0.1", []string{"for=6.6.6.6, for=_hidden"}},
		{"10.0.0.1", []string{"for=6.6.6.6, proto=https"}},
		{"10.0.0.1", []string{"for=6.6.6.6, "}},
		{"10.0.0.1", []string{""}},
		{"10.0.0.1", []string{"for"}},
		{"10.0.0.1", []string{`for="`}},
		{"198.51.100.7", []string{`for = "198.51.100.7" ; host="a" `}},
		{"198.51.100.7", []string{`,,for=6.6.6.6,,for=198.51.100.7`}},

		// A client leaves a quoted string open, so as to hide what the proxy appends.
		{"10.0.0.1", []string{`for=6.6.6.6;x=", for=198.51.100.7`}},
		{"10.0.0.1", []string{`for=6.6.6.6;x="\, for=198.51.100.7;proto=http`}},
		{"10.0.0.1", []string{`for=6.6.6.6;x=", for="[2001:db8::1]:80";proto=http`}},
		{"10.0.0.1", []string{`for=6.6.6.6;x=", for=198.51.100.7;host="a\"b"`}},
		{"10.0.0.1", []string{`for=6.6.6.6;x=a", for=198.51.100.7;host="b"`}},
	} {
		r := from("10.0.0.1:80", "6.6.6.6")
		r.Header["Forwarded"] = c.lines
		got, err := middleware.ByForwarded(netip.MustParsePrefix("10.0.0.0/8"))(r)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%q", c.lines)
		got, err = middleware.ByForwarded()(r)
		require.NoError(t, err)
		require.Equal(t, "10.0.0.1", got, "%q", c.lines)
		r.RemoteAddr = "@"
		_, err = middleware.ByForwarded()(r)
		require.Error(t, err)
	}
}
