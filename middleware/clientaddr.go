package middleware

import (
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/ration-go/ration/gate"
)

// clientAddr returns the address of the client: that of the connection, or behind
// Config.Trusted proxies the rightmost one that is not theirs. It is invalid if it is not
// known, also because a hop is malformed.
//
// Security: a client behind a proxy can send a malformed hop. So a limiter that counts by
// the address counts such a request by m.proxies.find instead.
func (m *Middleware) clientAddr(r *http.Request) netip.Addr {
	if addr, whole := m.proxies.find(r); whole {
		return addr
	}
	return netip.Addr{}
}

// locate sets the client's address in req. Without proxies, the Gate parses the address
// of the connection, and only for a key that has Networks.
func (m *Middleware) locate(r *http.Request, req *gate.Request) {
	if len(m.proxies.trusted) == 0 {
		req.RemoteAddr = r.RemoteAddr
		return
	}
	req.Addr = m.clientAddr(r)
}

// These are the lines of warnOfProxy.
const (
	proxyUnnamed  = "ration: a key was refused for the address of a proxy, or for guesses from there: name the proxy in Config.Trusted"
	proxyMistaken = "ration: a key was refused for the address of a proxy, or for guesses from there, since Config.Forwarded does not fit the field that the proxy writes"
)

// warnOfProxy warns once, and counts a Mistake, if a key was refused for its address or
// for the guesses from it, and that address is probably of a proxy: it is private, and
// the request has what proxies write.
func (m *Middleware) warnOfProxy(r *http.Request, why gate.Reason) {
	if why != gate.AddressRefused && why != gate.NotCached || m.proxied.Load() {
		return
	}
	written := r.Header["X-Forwarded-For"] != nil || r.Header["Forwarded"] != nil
	addr, whole := m.proxies.find(r)
	if !written || !whole || !addr.IsPrivate() && !addr.IsLoopback() || m.proxied.Swap(true) {
		return
	}
	m.gate.NoteMistake(gate.UnnamedProxy)
	if m.cfg.Logger == nil {
		return
	}
	what := proxyUnnamed
	if m.proxies.trusted.contain(addr) {
		what = proxyMistaken
	}
	m.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, what, slog.String("address", addr.String()))
}
