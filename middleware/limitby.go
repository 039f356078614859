package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ration-go/ration/internal/nilcheck"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
)

// LimitBy holds requests to a limit by a key of their own, such as ByIP, without API keys: for routes that everybody may
// call, and in front of a Middleware against floods of requests whose keys are refused. Above the limit the answer is 429
// with Retry-After. It fails closed: an error of the key function, or a key that is empty or longer than store.MaxSubject, is
// 500, one of the limiter's Counter 503.
//
// A request is charged once for each key of a limiter, also where the limiter stands in its way twice. Different limiters may
// be stacked.
//
// LimitBy panics if l or key is nil, and so does what it returns for a nil handler.
func LimitBy(l *limiter.Limiter, key func(*http.Request) (string, error)) func(http.Handler) http.Handler {
	nilcheck.Must("middleware: LimitBy", errors.Join(
		nilcheck.Required("limiter", l, "a limiter.Limiter"), nilcheck.Required("key", key, "a function, such as ByIP()")))
	return func(next http.Handler) http.Handler {
		nilcheck.Must("middleware: LimitBy", nilcheck.Required("next", next, "an http.Handler"))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mark := newLimited(l, r)
			if p := limitBy(l, key, w.Header(), r, mark); p != nil {
				w.Header().Set("Cache-Control", "no-store")
				p.write(w)
				return
			}
			inner := r.WithContext(mark)
			next.ServeHTTP(w, inner)
			r.Pattern = inner.Pattern
			tidy(inner, r)
		})
	}
}

// limitBy is nil if r may go on.
func limitBy(l *limiter.Limiter, key func(*http.Request) (string, error), h http.Header, r *http.Request, mark *limited) *problem {
	fail := func(status int, detail string) *problem {
		return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
	}
	k, err := key(r)
	if err != nil || k == "" || len(k) > store.MaxSubject {
		return fail(http.StatusInternalServerError, "The service could not tell who makes the request.")
	}
	if mark.before(k) {
		return nil
	}
	res, err := l.Allow(r.Context(), k)
	switch {
	case err != nil:
		h.Set("Retry-After", "1")
		return fail(http.StatusServiceUnavailable, "The limit could not be checked.")
	case res.Allowed:
		return nil
	case res.RetryAfter == store.Never:
		return fail(http.StatusForbidden, "This is blocked.")
	}
	wait := seconds(res.RetryAfter)
	h.Set("Retry-After", strconv.FormatInt(wait, 10))
	return &problem{Type: quotaExceeded, Title: "Quota exceeded", Status: http.StatusTooManyRequests,
		Detail: fmt.Sprintf("The limit is reached. Try again in %d s.", wait)}
}

var errRemoteAddr = errors.New("middleware: request without a remote IP address")

// ByIP is a client's address for LimitBy: of IPv6 the /64, since that is what one client has to itself. It is that of the
// connection, whatever the request says, unless the connection comes from a trusted proxy: then it is the rightmost address
// of X-Forwarded-For that is not a trusted proxy's, each of which appends who called it.
func ByIP(trusted ...netip.Prefix) func(*http.Request) (string, error) {
	trusted = slices.Clone(trusted)
	for i, p := range trusted {
		if p.Addr().Is4In6() && p.Bits() >= 96 { // as an address of a request is written
			trusted[i] = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
	}
	isTrusted := func(addr netip.Addr) bool {
		for _, p := range trusted {
			if p.Contains(addr) {
				return true
			}
		}
		return false
	}
	return func(r *http.Request) (string, error) {
		addr, ok := parseAddr(r.RemoteAddr)
		if !ok {
			return "", errRemoteAddr
		}
		chain := strings.Join(r.Header["X-Forwarded-For"], ",")
		for chain != "" && isTrusted(addr) {
			comma := strings.LastIndexByte(chain, ',')
			hop, ok := parseAddr(strings.TrimSpace(chain[comma+1:]))
			if !ok {
				break // who wrote this is the last that is known
			}
			addr, chain = hop, chain[:max(comma, 0)]
		}
		if addr.Is6() {
			return netip.PrefixFrom(addr, 64).Masked().String(), nil
		}
		return addr.String(), nil
	}
}

// parseAddr reads an address with or without a port.
func parseAddr(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(s)
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), err == nil
}
