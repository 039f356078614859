package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

func failed(status int) bool { return status >= 500 }

// TestRefund checks for which statuses the charge is refunded. Each case has a quota of
// 1, so the next request shows it.
func TestRefund(t *testing.T) {
	for _, c := range []struct {
		what    string
		handler http.HandlerFunc
		refunds bool
		panics  any
	}{
		{"nothing is sent", func(http.ResponseWriter, *http.Request) {}, false, nil},
		{"404", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, false, nil},
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, true, nil},
		{"500 after a body", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")); w.WriteHeader(500) }, false, nil},
		{"500 after a string", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.(interface{ WriteString(string) (int, error) }).WriteString("x")
			w.WriteHeader(500)
		}, false, nil},
		{"502 after a copy that failed at its first byte", func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.Copy(w, iotest.ErrReader(errBroken)); err != nil {
				http.Error(w, "bad gateway", http.StatusBadGateway)
			}
		}, true, nil},
		{"502 after a copy that failed later", func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.Copy(w, io.MultiReader(strings.NewReader("x"), iotest.ErrReader(errBroken))); err != nil {
				http.Error(w, "bad gateway", http.StatusBadGateway)
			}
		}, false, nil},
		{"nothing is copied", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, strings.NewReader("")) }, false, nil},
		{"500 after a flush", func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); w.WriteHeader(500) }, false, nil},
		{"500 after 103", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(500) }, true, nil},
		{"200 after 100", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(100); w.WriteHeader(200) }, false, nil},
		{"500, then 200", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); w.WriteHeader(200) }, true, nil},
		{"101", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(101); w.WriteHeader(500) }, false, nil},
		{"panic", func(http.ResponseWriter, *http.Request) { panic("broken") }, true, "broken"},
		{"panic after 200", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); panic("broken") }, true, "broken"},
		{"abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true, http.ErrAbortHandler},
	} {
		h := newFixture(t)
		_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
		protected := h.middleware(middleware.Config{Refund: failed}).Handler(c.handler)
		for range 3 { // all are admitted if each is refunded
			func() {
				defer func() { require.Equal(t, c.panics, recover(), c.what) }()
				protected.ServeHTTP(&discard{http.Header{}}, with(secret))
			}()
			want := 429
			if c.refunds {
				want = 200
			}
			require.Equal(t, want, status(h.middleware(middleware.Config{Refund: func(int) bool { return true }}).Handler(ok), with(secret)), c.what)
			if !c.refunds {
				break
			}
		}
	}
}

// TestRefundOnce checks that a quota that others have charged, too, gets back only what
// the request was charged.
func TestRefundOnce(t *testing.T) {
	h := newFixture(t, inTokens)
	_, secret := h.key(&usageplan.Plan{Quotas: append(perDay(9), tokensPerDay(9)...)})
	require.Equal(t, 200, status(h.middleware(middleware.Config{Costs: using(2)}).Handler(ok), with(secret)))
	cfg := middleware.Config{Refund: failed, Costs: using(3)}
	require.Equal(t, 500, status(h.middleware(cfg).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, _ := middleware.DecisionFromContext(r.Context())
		require.NoError(t, h.gate.Refund(r.Context(), d), "the handler may do it itself")
		w.WriteHeader(500)
	})), with(secret)))
	d, err := h.gate.Peek(t.Context(), gate.Request{Secret: apikey.Secret(secret)})
	require.NoError(t, err)
	require.EqualValues(t, 1, d.Level(0).Used, "requests")
	require.EqualValues(t, 2, d.Level(1).Used, "tokens")
}

// TestRefundGoexit checks that a handler that never returns counts as 500.
func TestRefundGoexit(t *testing.T) {
	h := newFixture(t)
	_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
	mw := h.middleware(middleware.Config{Refund: failed})
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(mw.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { runtime.Goexit() })), with(secret))
	}()
	<-done
	require.Equal(t, 200, status(mw.Handler(ok), with(secret)))
}

// TestRefundFails checks that a failed refund is logged, even after the deadline of the
// request.
func TestRefundFails(t *testing.T) {
	for _, broken := range []error{errors.New("broken"), context.DeadlineExceeded} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			h := newFixture(t, func(cfg *parts) {
				cfg.Counter = storetest.Faulty(cfg.Counter, storetest.Fault{Take: 2, Err: broken})
			})
			_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
			cfg := middleware.Config{Refund: failed, Logger: slog.New(slog.NewTextHandler(&log, nil))}
			protected := h.middleware(cfg).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
				w.WriteHeader(504)
			}))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			require.Equal(t, 504, status(protected, with(secret).WithContext(ctx)))
			require.Contains(t, log.String(), "refund failed")
			require.Contains(t, log.String(), broken.Error())
		})
	}
}

// TestRefundDisconnect checks that a client that disconnects while it is served gets no
// refund, since it could take all but the end of every answer for nothing. A client whose
// deadline has passed has not disconnected.
func TestRefundDisconnect(t *testing.T) {
	handlers := map[string]http.HandlerFunc{
		"502": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) },
		"abort": func(w http.ResponseWriter, _ *http.Request) { // as httputil.ReverseProxy does
			w.WriteHeader(200)
			panic(http.ErrAbortHandler)
		},
	}
	for what, handler := range handlers {
		for _, gone := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				h := newFixture(t)
				_, secret := h.key(&usageplan.Plan{Quotas: perDay(1)})
				ctx, hangUp := context.WithTimeout(t.Context(), time.Second)
				defer hangUp()
				reached := false
				protected := h.middleware(middleware.Config{Refund: failed}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					reached = true
					if gone {
						hangUp()
					}
					<-r.Context().Done()
					handler(w, r)
				}))
				func() {
					defer func() { _ = recover() }()
					protected.ServeHTTP(&discard{http.Header{}}, with(secret).WithContext(ctx))
				}()
				require.True(t, reached)
				want := 200
				if gone {
					want = 429
				}
				require.Equal(t, want, status(h.middleware(middleware.Config{}).Handler(ok), with(secret)), "%s, gone: %v", what, gone)
			})
		}
	}
}
