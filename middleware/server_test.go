package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// served tests a handler behind the middleware on a real server, over HTTP/1.1 and
// HTTP/2, with and without a wrapped writer.
func served(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, h *fixture, get func(secret string) (*http.Response, error), cfg middleware.Config)) {
	for name, cfg := range map[string]middleware.Config{"plain": {}, "refunding": {Refund: failed}} {
		for _, http2 := range []bool{false, true} {
			t.Run(name+map[bool]string{false: ", HTTP/1.1", true: ", HTTP/2"}[http2], func(t *testing.T) {
				h := newFixture(t)
				srv := httptest.NewUnstartedServer(h.middleware(cfg).Handler(handler))
				srv.EnableHTTP2 = http2
				srv.Config.ErrorLog = log.New(io.Discard, "", 0) // the panics are intended
				srv.StartTLS()
				defer srv.Close()
				test(t, h, func(secret string) (*http.Response, error) {
					r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
					require.NoError(t, err)
					r.Header.Set("Authorization", "Bearer "+secret)
					res, err := srv.Client().Do(r)
					if err == nil {
						require.Equal(t, http2, res.ProtoMajor == 2)
						t.Cleanup(func() { _ = res.Body.Close() })
					}
					return res, err
				}, cfg)
			})
		}
	}
}

// TestStreaming reads each line before the next one is sent.
func TestStreaming(t *testing.T) {
	next := make(chan bool)
	served(t, func(w http.ResponseWriter, r *http.Request) {
		flusher, direct := w.(http.Flusher)
		for more := range next {
			if !more {
				return
			}
			_, _ = io.WriteString(w, "line\n")
			if direct {
				flusher.Flush()
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				panic(err)
			}
		}
	}, func(t *testing.T, h *fixture, get func(string) (*http.Response, error), _ middleware.Config) {
		_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
		go func() { next <- true }()
		res, err := get(secret)
		require.NoError(t, err)
		require.Equal(t, `"day";q=1;w=86400`, res.Header.Get("RateLimit-Policy"))
		lines := bufio.NewReader(res.Body)
		for i := range 3 {
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "line\n", line)
			next <- i < 2
		}
		_, err = lines.ReadString('\n')
		require.ErrorIs(t, err, io.EOF)
		refused, err := get(secret)
		require.NoError(t, err)
		require.Equal(t, 429, refused.StatusCode)
	})
}

// TestPanic checks that a panic reaches the server, which ends the connection or stream,
// and that the charge is refunded if Config.Refund says so.
func TestPanic(t *testing.T) {
	served(t, func(w http.ResponseWriter, r *http.Request) {
		panic(http.ErrAbortHandler)
	}, func(t *testing.T, h *fixture, get func(string) (*http.Response, error), cfg middleware.Config) {
		_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
		_, err := get(secret)
		require.Error(t, err)
		res, err := get(secret)
		if cfg.Refund == nil {
			require.NoError(t, err)
			require.Equal(t, 429, res.StatusCode)
		} else {
			require.Error(t, err, "admitted, and so panics again")
		}
	})
}

// TestReadFrom sends a file by io.Copy. It finds the io.ReaderFrom of the server outside
// the middleware or through the wrapped writer.
func TestReadFrom(t *testing.T) {
	content := strings.Repeat("0123456789", 100_000)
	name := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	served(t, func(w http.ResponseWriter, r *http.Request) {
		file, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		defer func() { _ = file.Close() }()
		_, _ = io.Copy(w, file)
	}, func(t *testing.T, h *fixture, get func(string) (*http.Response, error), cfg middleware.Config) {
		_, secret := h.key(&usageplan.Plan{})
		res, err := get(secret)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, content, string(body))
	})
}

// readerFrom records that its ReadFrom was called.
type readerFrom struct {
	http.ResponseWriter
	asked bool
}

func (rf *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	rf.asked = true
	return io.Copy(rf.ResponseWriter, src)
}

// TestReadFromUnderlying checks that the wrapped writer does not hide the server's own
// way to send a file.
func TestReadFromUnderlying(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	w := &readerFrom{ResponseWriter: &discard{http.Header{}}}
	h.middleware(middleware.Config{Refund: failed}).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(strings.NewReader("content"), 100))
	})).ServeHTTP(w, with(secret))
	require.True(t, w.asked)
}

// deadlines is a writer with methods that only http.ResponseController looks for.
type deadlines struct {
	http.ResponseWriter
	set time.Time
}

func (d *deadlines) SetWriteDeadline(t time.Time) error { d.set = t; return nil }

// TestUnwrap checks methods that the underlying writer has and the recorder does not
// know.
func TestUnwrap(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	w, want := &deadlines{ResponseWriter: &discard{http.Header{}}}, time.Unix(1, 0)
	h.middleware(middleware.Config{Refund: failed}).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		require.NoError(t, http.NewResponseController(w).SetWriteDeadline(want))
	})).ServeHTTP(w, with(secret))
	require.Equal(t, want, w.set)
}

// TestHijack takes over the connection by the interface and by the controller. The charge
// stands.
func TestHijack(t *testing.T) {
	for _, direct := range []bool{true, false} {
		var statuses []int
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
		cfg := middleware.Config{Refund: func(status int) bool { statuses = append(statuses, status); return status != 101 }}
		protected := h.middleware(cfg).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			hijack := http.NewResponseController(w).Hijack
			if direct {
				hijack = w.(http.Hijacker).Hijack
			}
			conn, rw, err := hijack()
			if err != nil {
				panic(err)
			}
			_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhello")
			_ = rw.Flush()
			_ = conn.Close()
		}))
		over := make(chan struct{})
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(over)
			protected.ServeHTTP(w, r)
		}))
		defer srv.Close()
		r, err := http.NewRequestWithContext(t.Context(), "GET", srv.URL, nil)
		require.NoError(t, err)
		r.Header = http.Header{"X-Api-Key": {secret}, "Connection": {"Upgrade"}, "Upgrade": {"echo"}}
		res, err := srv.Client().Do(r)
		require.NoError(t, err)
		require.Equal(t, 101, res.StatusCode)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, "hello", string(body))
		_ = res.Body.Close()
		<-over
		require.Equal(t, []int{101}, statuses)
	}
}

// TestNotSupported checks the error of a writer that cannot flush or hijack.
func TestNotSupported(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
	statuses := []int{}
	cfg := middleware.Config{Refund: func(status int) bool { statuses = append(statuses, status); return false }}
	h.middleware(cfg).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _, err := http.NewResponseController(w).Hijack()
		require.ErrorIs(t, err, http.ErrNotSupported)
		require.ErrorIs(t, http.NewResponseController(w).Flush(), http.ErrNotSupported)
		w.WriteHeader(418)
	})).ServeHTTP(struct{ http.ResponseWriter }{&discard{http.Header{}}}, with(secret))
	require.Equal(t, []int{418}, statuses, "neither was sent")
}

// TestUpload checks that no temporary file of an upload remains, whichever request the
// handler has parsed.
func TestUpload(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	parsed := 0
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(_ http.ResponseWriter, r *http.Request) {
		require.NoError(t, r.ParseMultipartForm(1))
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		parsed += len(files)
	})
	srv := httptest.NewServer(h.middleware(middleware.Config{Public: []string{"POST /"}, StripCredential: true}).Handler(mux))
	defer srv.Close()
	keyed := httptest.NewServer(h.middleware(middleware.Config{}).Handler(mux))
	defer keyed.Close()
	for _, url := range []string{srv.URL, keyed.URL} {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		file, err := form.CreateFormFile("file", "file")
		require.NoError(t, err)
		_, err = file.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		require.NoError(t, form.Close())
		r, err := http.NewRequestWithContext(t.Context(), "POST", url, &body)
		require.NoError(t, err)
		r.Header = http.Header{"X-Api-Key": {secret}, "Content-Type": {form.FormDataContentType()}}
		res, err := srv.Client().Do(r)
		require.NoError(t, err)
		_ = res.Body.Close()
		require.Equal(t, 200, res.StatusCode)
	}
	require.Equal(t, 2, parsed)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}

// TestCloseNotify checks handlers that assert http.CloseNotifier without a check.
func TestCloseNotify(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{})
	told := make(chan bool, 1)
	told <- true
	protected := h.middleware(middleware.Config{Refund: failed}).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-w.(interface{ CloseNotify() <-chan bool }).CloseNotify():
		default:
			w.WriteHeader(418)
		}
	}))
	require.Equal(t, 418, status(protected, with(secret)))
	w := &notifier{*httptest.NewRecorder(), told}
	protected.ServeHTTP(w, with(secret))
	require.Equal(t, 200, w.Code)
}

// notifier is a writer that predates contexts.
type notifier struct {
	httptest.ResponseRecorder
	told chan bool
}

func (n *notifier) CloseNotify() <-chan bool { return n.told }

// TestDisconnectInHandler disconnects the client while the handler works. The charge
// stands.
func TestDisconnectInHandler(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
	began, over := make(chan struct{}), make(chan error, 1)
	protected := h.middleware(middleware.Config{Refund: failed}).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		over <- r.Context().Err()
	}))
	srv := httptest.NewServer(protected)
	defer srv.Close()
	ctx, hangUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	require.NoError(t, err)
	r.Header.Set("X-API-Key", secret)
	go func() { <-began; hangUp() }()
	_, err = srv.Client().Do(r)
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, errors.Is(<-over, context.Canceled))
	require.Equal(t, 429, status(protected, with(secret)))
}

// TestHead checks that the answer to HEAD has no body, and the same header otherwise.
func TestHead(t *testing.T) {
	h := newFixture(t)
	srv := httptest.NewServer(h.middleware(middleware.Config{}).Handler(ok))
	defer srv.Close()
	get, err := srv.Client().Get(srv.URL)
	require.NoError(t, err)
	_ = get.Body.Close()
	head, err := srv.Client().Head(srv.URL)
	require.NoError(t, err)
	_ = head.Body.Close()
	require.Equal(t, 401, head.StatusCode)
	get.Header.Del("Date")
	head.Header.Del("Date")
	require.Equal(t, get.Header, head.Header)
	require.Equal(t, get.ContentLength, head.ContentLength)
}
