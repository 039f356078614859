package middleware_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestPatternOutside checks that handlers outside the middleware, such as metrics, see
// the route, whatever the answer is.
func TestPatternOutside(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pets/{id}", func(_ http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "panic" {
			panic(http.ErrAbortHandler)
		}
	})
	for name, cfg := range map[string]middleware.Config{
		"plain":     {},
		"refunding": {Refund: failed},
		"stripping": {StripCredential: true},
		"public":    {Public: []string{"GET /pets/{id}"}, StripCredential: true},
		"wrapped":   {Mux: mux},
	} {
		for _, target := range []string{"/pets/7", "/pets/panic"} {
			r := request("GET", target, "Authorization", "Bearer "+secret)
			func() {
				defer func() { _ = recover() }()
				serve(h.middleware(cfg).Handler(mux), r)
			}()
			require.Equal(t, "GET /pets/{id}", r.Pattern, "%s %s", name, target)
			require.Equal(t, "Bearer "+secret, r.Header.Get("Authorization"), name)
			_, found := middleware.DecisionFromContext(r.Context())
			require.False(t, found, "%s: the decision is the next handler's", name)
		}
	}
}

// TestFormOutside checks that handlers outside the middleware, such as logs, see a form
// that the next handler has parsed.
func TestFormOutside(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	for name, cfg := range map[string]middleware.Config{"plain": {}, "refunding": {Refund: failed}} {
		r := request("POST", "/?a=1", "X-API-Key", secret, "Content-Type", "application/x-www-form-urlencoded")
		r.Body = readCloser{strings.NewReader("b=2")}
		require.Equal(t, 200, status(h.middleware(cfg).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			require.NoError(t, r.ParseForm())
		})), r))
		require.Equal(t, url.Values{"a": {"1"}, "b": {"2"}}, r.Form, name)
		require.Equal(t, url.Values{"b": {"2"}}, r.PostForm, name)
	}
}

// TestTrailer checks that the next handler sees a trailer field that the client did not
// announce.
func TestTrailer(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	var got http.Header
	srv := httptest.NewServer(h.middleware(middleware.Config{}).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		require.NoError(t, err)
		got = r.Trailer
	})))
	t.Cleanup(srv.Close)
	conn, answers := dial(t, srv)
	_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nX-Api-Key: "+secret+"\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 7\r\n\r\n")
	require.NoError(t, err)
	res, err := http.ReadResponse(answers, nil)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "7", got.Get("X-Sum"))
}

// TestEarlyHints checks that the final answer has the RateLimit fields, although a proxy
// empties the header after an interim response.
func TestEarlyHints(t *testing.T) {
	for _, status := range []int{200, 502} {
		upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(status)
		}))
		t.Cleanup(upstream.Close)
		to, err := url.Parse(upstream.URL)
		require.NoError(t, err)
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
		served(t, proxy.ServeHTTP, func(t *testing.T, h *fixture, get func(string) (*http.Response, error), cfg middleware.Config) {
			_, secret := h.key(&usageplan.Plan{Quotas: perDay(9)})
			res, err := get(secret)
			require.NoError(t, err)
			require.Equal(t, status, res.StatusCode)
			require.Equal(t, []string{`"day";q=9;w=86400`}, res.Header.Values("RateLimit-Policy"))
			require.Len(t, res.Header.Values("RateLimit"), 1)
			require.Contains(t, res.Header.Get("RateLimit"), `"day";r=8`)
		})
	}
}

// TestEarlyHintsByHand sends early hints from the handler itself. The final answer has
// the fields once, and none that the handler has removed.
func TestEarlyHintsByHand(t *testing.T) {
	for _, hide := range []bool{false, true} {
		served(t, func(w http.ResponseWriter, _ *http.Request) {
			if hide {
				w.Header().Del("RateLimit")
				w.Header().Del("RateLimit-Policy")
			} else {
				w.WriteHeader(http.StatusEarlyHints)
			}
			_, _ = io.WriteString(w, "x")
		}, func(t *testing.T, h *fixture, get func(string) (*http.Response, error), cfg middleware.Config) {
			_, secret := h.key(&usageplan.Plan{Quotas: perDay(9)})
			res, err := get(secret)
			require.NoError(t, err)
			want := 1
			if hide {
				want = 0
			}
			require.Len(t, res.Header.Values("RateLimit"), want)
		})
	}
}

// TestMaxBytesReader checks that the connection is closed if a body is too large, as it
// is without the middleware.
func TestMaxBytesReader(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]middleware.Config{"plain": {}, "refunding": {Refund: failed}} {
		for _, status := range []int{413, 400} {
			h := newFixture(t)
			_, secret := h.key(&usageplan.Plan{})
			srv := httptest.NewServer(h.middleware(cfg).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10)); err != nil {
					http.Error(w, err.Error(), status)
				}
			})))
			t.Cleanup(srv.Close)
			for size, want := range map[int]int{10: 200, 100_000: status} {
				conn, answers := dial(t, srv)
				_, err := fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nX-Api-Key: %s\r\nContent-Length: %d\r\n\r\n%s",
					secret, size, strings.Repeat("x", min(size, 1000))) // the rest is never sent
				require.NoError(t, err)
				res, err := http.ReadResponse(answers, nil)
				require.NoError(t, err, name)
				require.Equal(t, want, res.StatusCode, name)
				require.Equal(t, want != 200, res.Close, name)
			}
		}
	}
}

// TestWriterKeeps checks what a handler finds in the writer by type assertions and by
// http.ResponseController.
func TestWriterKeeps(t *testing.T) {
	served(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		for what, err := range map[string]error{
			"read deadline":  control.SetReadDeadline(time.Now().Add(time.Minute)),
			"write deadline": control.SetWriteDeadline(time.Now().Add(time.Minute)),
			"full duplex":    control.EnableFullDuplex(),
		} {
			require.NoError(t, err, what)
		}
		require.Implements(t, (*http.Flusher)(nil), w)
		require.Implements(t, (*io.StringWriter)(nil), w)
		require.Implements(t, (*interface{ CloseNotify() <-chan bool })(nil), w)
		if r.ProtoMajor == 1 {
			require.Implements(t, (*http.Hijacker)(nil), w)
			require.Implements(t, (*io.ReaderFrom)(nil), w)
			return
		}
		push, is := w.(http.Pusher)
		require.True(t, is)
		require.ErrorIs(t, push.Push("/style.css", nil), http.ErrNotSupported, "the client's word")
	}, func(t *testing.T, h *fixture, get func(string) (*http.Response, error), _ middleware.Config) {
		_, secret := h.key(&usageplan.Plan{})
		res, err := get(secret)
		require.NoError(t, err)
		require.Equal(t, 200, res.StatusCode)
	})
}

// TestWriterClaims checks that the writer is no http.Flusher if the underlying writer is
// none, such as that of http.TimeoutHandler.
func TestWriterClaims(t *testing.T) {
	for name, cfg := range map[string]middleware.Config{"plain": {}, "refunding": {Refund: failed}} {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{})
		handler := h.middleware(cfg).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, claims := w.(http.Flusher); claims {
				w.WriteHeader(500)
			}
			require.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrNotSupported)
		}))
		require.Equal(t, 200, status(http.TimeoutHandler(handler, time.Minute, ""), with(secret)), name)
	}
}

// TestRefundTimeout checks that Config.Refund gets the status that the client got. That
// is 503 if http.TimeoutHandler has answered before the handler.
func TestRefundTimeout(t *testing.T) {
	for what, c := range map[string]struct {
		late    func(http.ResponseWriter)
		timeout time.Duration
		seen    int
	}{
		"a body":   {func(w http.ResponseWriter) { _, _ = io.WriteString(w, "x") }, time.Second, 503},
		"a status": {func(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated) }, time.Second, 503},
		"a copy":   {func(w http.ResponseWriter) { _, _ = io.Copy(w, strings.NewReader("x")) }, time.Second, 503},
		"nothing":  {func(http.ResponseWriter) {}, time.Second, 503},
		"in time":  {func(w http.ResponseWriter) { w.WriteHeader(http.StatusCreated) }, time.Hour, 201},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newFixture(t)
			_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
			asked := make(chan int, 1)
			cfg := middleware.Config{Refund: func(status int) bool { asked <- status; return failed(status) }}
			protected := h.middleware(cfg).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				time.Sleep(time.Minute)
				c.late(w)
			}))
			require.Equal(t, c.seen, status(http.TimeoutHandler(protected, c.timeout, ""), with(secret)), what)
			require.Equal(t, c.seen, <-asked, what)
			synctest.Wait() // the refund follows the question
			want := 200
			if c.seen == 201 {
				want = 429
			}
			require.Equal(t, want, status(h.middleware(middleware.Config{}).Handler(ok), with(secret)), what)
		})
	}
}

// TestRefundDeadline checks that Config.Refund gets the status that was sent if the
// deadline passes after that, and no outer handler has answered.
func TestRefundDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var asked []int
		protected := h.middleware(middleware.Config{Refund: func(status int) bool {
			asked = append(asked, status)
			return failed(status)
		}}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "a long answer")
			<-r.Context().Done()
		}))
		require.Equal(t, 200, status(protected, with(secret).WithContext(ctx)))
		require.Equal(t, []int{200}, asked)
	})
}
