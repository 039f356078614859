package middleware_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/pipeserver"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// refusers returns all ways in which this package refuses a request.
func refusers(t *testing.T) map[string]http.Handler {
	h := newFixture(t)
	blocked := newLimiter(t, memory.New(memory.Config{}), limiter.Limit{})
	checked := h.middleware(middleware.Config{})
	return map[string]http.Handler{
		"problem": h.middleware(middleware.Config{}).Handler(ok),
		"AWS": h.middleware(middleware.Config{Refuse: func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) {
			res.WriteAWS(w)
		}}).Handler(ok),
		"own": h.middleware(middleware.Config{Refuse: func(w http.ResponseWriter, _ *http.Request, res *middleware.Result) {
			http.Error(w, "no", res.Status)
		}}).Handler(ok),
		"check": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { checked.Check(r).WriteProblem(w) }),
		"limit": must(middleware.LimitBy(blocked, middleware.ByIP(), middleware.LimitConfig{}))(ok),
	}
}

// dial returns a raw connection on which no call waits for more than 5s.
func dial(t *testing.T, srv *httptest.Server) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
	return conn, bufio.NewReader(conn)
}

// TestRefusalWaitsForNoBody checks that a request that announces a body and does not send
// it is answered, and that its connection is closed.
func TestRefusalWaitsForNoBody(t *testing.T) {
	t.Parallel()
	for front, handler := range refusers(t) {
		srv := httptest.NewServer(handler)
		t.Cleanup(srv.Close)
		for what, header := range map[string]string{
			"length":         "Content-Length: 10\r\n\r\n",
			"a part":         "Content-Length: 10\r\n\r\n12345",
			"a large length": "Content-Length: 1000000\r\n\r\n",
			"chunked":        "Transfer-Encoding: chunked\r\n\r\n",
			"a chunk":        "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
			"expect":         "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n",
		} {
			t.Run(front+", "+what, func(t *testing.T) {
				t.Parallel()
				conn, answers := dial(t, srv)
				_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+header)
				require.NoError(t, err)
				res, err := http.ReadResponse(answers, nil)
				require.NoError(t, err, "an answer")
				require.GreaterOrEqual(t, res.StatusCode, 401)
				require.True(t, res.Close, "says that it closes")
				_, err = io.Copy(io.Discard, res.Body)
				require.NoError(t, err)
				_, err = answers.ReadByte()
				require.ErrorIs(t, err, io.EOF, "closes")
			})
		}
	}
}

// TestRefusalKeepsConnection checks that a body that does arrive is read, and that the
// connection serves the next request.
func TestRefusalKeepsConnection(t *testing.T) {
	for front, handler := range refusers(t) {
		srv := httptest.NewServer(handler)
		t.Cleanup(srv.Close)
		for what, body := range map[string]string{
			"none":    "\r\n",
			"length":  "Content-Length: 10\r\n\r\n1234567890",
			"100 kB":  "Content-Length: 100000\r\n\r\n" + strings.Repeat("x", 100_000),
			"chunked": "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n",
		} {
			t.Run(front+", "+what, func(t *testing.T) {
				conn, answers := dial(t, srv)
				for range 3 {
					_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+body)
					require.NoError(t, err)
					res, err := http.ReadResponse(answers, nil)
					require.NoError(t, err)
					require.GreaterOrEqual(t, res.StatusCode, 401)
					require.False(t, res.Close)
					_, err = io.Copy(io.Discard, res.Body)
					require.NoError(t, err)
				}
			})
		}
	}
}

// TestRefusalOfUpload checks that the refusal reaches a client that is still sending.
func TestRefusalOfUpload(t *testing.T) {
	t.Parallel()
	for front, handler := range refusers(t) {
		srv := httptest.NewServer(handler)
		t.Cleanup(srv.Close)
		for _, size := range []int{300_000, 5_000_000} {
			t.Run(fmt.Sprint(front, ", ", size), func(t *testing.T) {
				r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL, bytes.NewReader(make([]byte, size)))
				require.NoError(t, err)
				res, err := srv.Client().Do(r)
				require.NoError(t, err)
				defer func() { _ = res.Body.Close() }()
				require.GreaterOrEqual(t, res.StatusCode, 401)
			})
		}
	}
}

// TestRefusalReads checks that Config.Refuse can read the body, and repeat it in the
// answer.
func TestRefusalReads(t *testing.T) {
	h := newFixture(t)
	srv := httptest.NewServer(h.middleware(middleware.Config{Refuse: func(w http.ResponseWriter, r *http.Request, res *middleware.Result) {
		body, _ := io.ReadAll(r.Body)
		http.Error(w, string(body), res.Status)
	}}).Handler(ok))
	t.Cleanup(srv.Close)
	conn, answers := dial(t, srv)
	for range 2 {
		_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345")
		require.NoError(t, err)
		res, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, "12345\n", string(body))
	}
}

// TestRefusalOverHTTP2 checks that a refusal does not wait for a body over HTTP/2 either.
func TestRefusalOverHTTP2(t *testing.T) {
	for front, handler := range refusers(t) {
		srv := httptest.NewUnstartedServer(handler)
		srv.EnableHTTP2 = true
		srv.StartTLS()
		t.Cleanup(srv.Close)
		body, never := io.Pipe()
		t.Cleanup(func() { _ = never.Close() })
		r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL, body)
		require.NoError(t, err)
		res, err := srv.Client().Do(r)
		require.NoError(t, err, front)
		require.Equal(t, 2, res.ProtoMajor)
		require.GreaterOrEqual(t, res.StatusCode, 401, front)
		require.NoError(t, res.Body.Close())
	}
}

// TestBodyTimeout checks that each function that may read a body has a bounded time for
// it.
func TestBodyTimeout(t *testing.T) {
	t.Parallel()
	const soon = 50 * time.Millisecond
	h := newFixture(t)
	read := func(r *http.Request) string {
		body, _ := io.ReadAll(r.Body)
		return string(body)
	}
	lim := newLimiter(t, memory.New(memory.Config{}), limiter.PerSecond(1))
	for what, handler := range map[string]http.Handler{
		"costs": h.middleware(middleware.Config{BodyTimeout: soon, Costs: func(r *http.Request) usageplan.Costs {
			return usageplan.Costs{int64(len(read(r)))}
		}}).Handler(ok),
		"free": h.middleware(middleware.Config{BodyTimeout: soon, Free: func(r *http.Request) bool { return read(r) == "" }}).Handler(ok),
		"ID":   h.middleware(middleware.Config{BodyTimeout: soon, ID: read}).Handler(ok),
		"credential": h.middleware(middleware.Config{BodyTimeout: soon, Credential: func(r *http.Request) (middleware.Credential, error) {
			return middleware.Credential{KeyID: read(r)}, nil
		}}).Handler(ok),
		"refuse": h.middleware(middleware.Config{BodyTimeout: soon, Refuse: func(w http.ResponseWriter, r *http.Request, res *middleware.Result) {
			_ = read(r)
			res.WriteProblem(w)
		}}).Handler(ok),
		"limit": must(middleware.LimitBy(lim, func(r *http.Request) (string, error) {
			_, err := io.ReadAll(r.Body)
			return "", fmt.Errorf("%w: %w", middleware.ErrBadRequest, err)
		}, middleware.LimitConfig{BodyTimeout: soon}))(ok),
	} {
		for _, http2 := range []bool{false, true} {
			srv := httptest.NewUnstartedServer(handler)
			srv.EnableHTTP2 = http2
			srv.StartTLS()
			t.Cleanup(srv.Close)
			body, never := io.Pipe()
			t.Cleanup(func() { _ = never.Close() })
			r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL, body)
			require.NoError(t, err)
			res, err := srv.Client().Do(r)
			require.NoError(t, err, what)
			require.GreaterOrEqual(t, res.StatusCode, 400, what)
			require.NoError(t, res.Body.Close())
		}
	}
}

// TestBodyTimeoutIsOver checks that the bound does not apply to the next handler.
func TestBodyTimeoutIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{})
		cfg := middleware.Config{Costs: using(0)}
		client, stop := pipeserver.Serve(t, &http.Server{Handler: h.middleware(cfg).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			_, _ = fmt.Fprint(w, string(body), err)
		}))})
		_, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nX-Api-Key: "+secret+"\r\nContent-Length: 1\r\n\r\n")
		require.NoError(t, err)
		time.Sleep(time.Hour)
		_, err = io.WriteString(client, "x")
		require.NoError(t, err)
		res, err := http.ReadResponse(bufio.NewReader(client), nil)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, "x<nil>", string(body))
		stop()
	})
}
