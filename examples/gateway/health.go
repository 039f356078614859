package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ration-go/ration/examples/gateway/internal/stores"
)

const healthHelp = `listen ` + "`address`" + ` for /healthz, /readyz and /metrics, which need no signature, or off to serve none of them;
if empty, they are on the control plane's address`

const leaveHelp = `how long to go on serving after SIGTERM, while /readyz says that the gateway is not ready and each answer closes
its connection, so that load balancers send new requests elsewhere`

// checkHealth returns an error if -health or -leave cannot be meant.
func (cfg *config) checkHealth() error {
	var errs []error
	if _, _, err := net.SplitHostPort(cfg.health); err != nil && cfg.health != "" && cfg.health != noHealth {
		errs = append(errs, fmt.Errorf("-health %q: want HOST:PORT or off", cfg.health))
	}
	if cfg.leave < 0 {
		errs = append(errs, fmt.Errorf("-leave: %v: want 0 or more", cfg.leave))
	}
	return errors.Join(errs...)
}

const noHealth = "off"

// health answers whether the gateway runs and whether it is ready for requests. The
// answers need no signature, so they contain nothing secret: the cause of a failure is
// only logged.
type health struct {
	store    *readiness
	draining atomic.Bool
	http.Handler
}

// addHealth adds what answers about the gateway's state: beside the control plane, unless
// -health says otherwise.
func (gw *gateway) addHealth(cfg config, m metrics, st *stores.Opened, log *slog.Logger) error {
	if err := m.watch(gw.gate, st); err != nil {
		return err
	}
	var check func(context.Context) error
	if c, ok := st.Backend.(interface{ Check(context.Context) error }); ok {
		check = c.Check
	}
	gw.health = newHealth(check, m.handler(log), log)
	gw.data = gw.health.leaving(gw.data)
	if cfg.health == "" {
		gw.control = gw.health.beside(gw.control)
	}
	return nil
}

// newHealth returns the handlers of /healthz, /readyz and /metrics. If check is nil, the
// store is always ready.
func newHealth(check func(context.Context) error, metrics http.Handler, log *slog.Logger) *health {
	h := &health{store: &readiness{check: check, log: log}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", h.ready)
	mux.Handle("GET /metrics", metrics)
	h.Handler = mux
	return h
}

// ready answers 503 while the gateway drains and while the store does not answer.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	switch {
	case h.draining.Load():
		answer(w, http.StatusServiceUnavailable, "draining")
	case !h.store.ask(r.Context()):
		answer(w, http.StatusServiceUnavailable, "the store does not answer")
	default:
		answer(w, http.StatusOK, "ready")
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // fails only if the client has disconnected
}

// beside returns a handler that answers the paths of h, and leaves all others to next.
func (h *health) beside(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/readyz", "/metrics":
			h.ServeHTTP(w, r)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// leaving returns a handler that closes each connection after its answer once the gateway
// drains. So clients go elsewhere with their next request, and none is on its way when
// the idle connections are closed.
func (h *health) leaving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// leave says that the gateway is not ready, and gives load balancers time to notice. It
// returns early if a server ends.
func (h *health) leave(delay time.Duration, ended chan error) {
	h.draining.Store(true)
	if delay == 0 {
		return
	}
	select {
	case <-time.After(delay):
	case err := <-ended:
		ended <- err // put back for the caller
	}
}
