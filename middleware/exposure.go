package middleware

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/ration-go/ration/gate"
)

// exposes reports whether r has come over plain HTTP, so that others may have read its
// key: see Insecure.
func (p *proxies) exposes(r *http.Request) bool {
	if r.TLS != nil && len(p.trusted) == 0 {
		return false
	}
	addr, known := parseAddr(r.RemoteAddr)
	if known && p.trusted.contain(addr) {
		if https, said := p.saysHTTPS(r.Header); said {
			return !https
		}
	}
	return r.TLS == nil && !addr.IsLoopback() && (known || !overUnix(r))
}

// overUnix reports whether r has come over a Unix socket, which does not leave the
// machine.
func overUnix(r *http.Request) bool {
	_, unix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr)
	return unix
}

// saysHTTPS reports whether a trusted proxy says that the client has used HTTPS, and
// whether it says anything.
//
// Security: a client can send X-Forwarded-Proto, too. A proxy that adds to it, and does
// not replace it, adds what it has seen. So each of several values has to be https.
func (p *proxies) saysHTTPS(h http.Header) (https, said bool) {
	if p.forwarded {
		return isHTTPS(p.forwardedProto(h)), len(h["Forwarded"]) > 0
	}
	lines := h["X-Forwarded-Proto"]
	for _, line := range lines {
		for proto := range strings.SplitSeq(line, ",") {
			if !isHTTPS(strings.TrimSpace(proto)) {
				return false, true
			}
		}
	}
	return true, len(lines) > 0
}

// isHTTPS reports whether a proxy has written a scheme with TLS. Traefik writes wss for
// WebSockets.
func isHTTPS(proto string) bool {
	return strings.EqualFold(proto, "https") || strings.EqualFold(proto, "wss")
}

// forwardedProto returns the proto parameter for the connection of the client: that of
// the rightmost element that a trusted proxy has written about a client that is no
// trusted proxy. It is empty if that element has none, or is malformed.
func (p *proxies) forwardedProto(h http.Header) (proto string) {
	for _, line := range slices.Backward(h["Forwarded"]) {
		protos := forwardedParam(line, "proto")
		for _, node := range slices.Backward(forwardedParam(line, "for")) {
			proto = ""
			if last := len(protos) - 1; last >= 0 {
				proto, protos = protos[last], protos[:last]
			}
			if addr, ok := parseAddr(node); !ok || !p.trusted.contain(addr) {
				return proto
			}
		}
	}
	return proto
}

const (
	// exposuresLooked bounds the requests that an exposureWatch looks at.
	exposuresLooked = 1000

	// exposuresWarned is how many of them have to be insecure. A few may be tests.
	exposuresWarned = 100

	exposureOpen  = "ration: keys come over plain HTTP: use TLS, name the proxy that does in Config.Trusted, or set Config.Insecure"
	exposureProxy = "ration: a proxy in Config.Trusted does not say that clients use HTTPS: let it set X-Forwarded-Proto, or Forwarded with Config.Forwarded"
)

// An exposureWatch warns if keys come over plain HTTP and Config.Insecure does not say
// what is to become of them. It is nil without a Logger, and if Config.Insecure does say
// it. Then observe does nothing.
type exposureWatch struct {
	log     *slog.Logger
	mistake func(gate.Mistake) // counts one
	looked  atomic.Int64
	exposed atomic.Int64
}

func newExposureWatch(cfg *Config, mistake func(gate.Mistake)) *exposureWatch {
	if cfg.Logger == nil || cfg.Insecure.Refuse || cfg.Insecure.Allow {
		return nil
	}
	return &exposureWatch{log: cfg.Logger, mistake: mistake}
}

// observe looks at a request with a key that exists. It is small enough to be inlined.
func (w *exposureWatch) observe(r *http.Request, p *proxies) {
	if w != nil && w.looked.Load() < exposuresLooked {
		w.examine(r, p)
	}
}

func (w *exposureWatch) examine(r *http.Request, p *proxies) {
	w.looked.Add(1)
	if p.exposes(r) && w.exposed.Add(1) == exposuresWarned {
		w.looked.Store(exposuresLooked)
		w.warn(r.Context(), r, p)
	}
}

func (w *exposureWatch) warn(ctx context.Context, r *http.Request, p *proxies) {
	text := exposureOpen
	if addr, ok := parseAddr(r.RemoteAddr); ok && p.trusted.contain(addr) {
		text = exposureProxy
	}
	w.mistake(gate.PlainHTTP)
	w.log.LogAttrs(ctx, slog.LevelWarn, text)
}
