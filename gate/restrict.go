package gate

import (
	"context"
	"log/slog"
	"net/netip"
)

// restrict returns zero, or the reason why a usable key may not be used for a request.
// The address comes first, so that a stolen key learns nothing of its scopes.
func (g *Gate) restrict(ctx context.Context, e *entry, req *Request) Reason {
	if e.networked && !e.key.AcceptsAddr(req.addr()) {
		g.warnOfNoAddr(ctx, e, req)
		return AddressRefused
	}
	if !e.key.HasScope(req.Scope) {
		return ScopeMissing
	}
	return 0
}

// addr returns the address of the client. It is invalid if it is not known.
func (req *Request) addr() netip.Addr {
	if req.Addr.IsValid() || req.RemoteAddr == "" {
		return req.Addr
	}
	if a, err := netip.ParseAddrPort(req.RemoteAddr); err == nil {
		return a.Addr()
	}
	a, _ := netip.ParseAddr(req.RemoteAddr)
	return a
}

// warnOfNoAddr warns once of a request without an address, and counts that as a Mistake.
// A caller that never gives one refuses every key that has Networks.
func (g *Gate) warnOfNoAddr(ctx context.Context, e *entry, req *Request) {
	if req.addr().IsValid() || g.unaddressed.Swap(true) {
		return
	}
	g.NoteMistake(NoAddress)
	if g.cfg.Logger == nil {
		return
	}
	g.cfg.Logger.LogAttrs(ctx, slog.LevelWarn,
		"ration: a key that has Networks was refused, since the client's address is not known: Request has none, or a proxy wrote a malformed one",
		slog.String("key", e.key.ID))
}

// ScopesSeen reports whether this Gate has read a key that has Scopes. A service whose
// requests never need a scope can tell by it that it does not check what its keys have.
func (g *Gate) ScopesSeen() bool { return g.resolver.scoped.Load() }
