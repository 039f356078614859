package middleware

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
)

var errRemoteAddr = errors.New("middleware: request without a remote IP address")

// ByIP returns a key function for LimitBy that counts by the client's address. A
// forwarding field is believed only if trusted proxies have written it. Without trusted
// proxies, the address is that of the connection, whatever the request says.
//
// From a trusted proxy, the address is the rightmost one in X-Forwarded-For that does not
// belong to a trusted proxy. Each proxy appends the address that called it. If your
// proxies write Forwarded instead, use ByForwarded.
//
// An address in the field may have a port, brackets or quotes. At anything else, such as
// "unknown" or an empty element, the search ends, and the proxy that wrote it counts as
// the client.
//
// The key is the address or network that one client has to itself:
//
//   - For IPv4, the address. For IPv6, the /64.
//   - For an IPv4 address within IPv6, that IPv4 address: mapped (::ffff:0:0/96),
//     translated (64:ff9b::/96, ::ffff:0:0:0/96), 6to4 (2002::/16) and Teredo
//     (2001::/32). A /64 there would hold many clients, or a part of one.
//   - For 64:ff9b:1::/48, which networks divide as they like, the whole address.
//
// ByAddress has more choices.
func ByIP(trusted ...netip.Prefix) func(*http.Request) (string, error) {
	return (&addressKey{newProxies(trusted, false), nil, ipv4Bits, ipv6Bits}).of
}

// ByForwarded returns a key function like that of ByIP, for proxies that write Forwarded
// (RFC 7239) and not X-Forwarded-For. It reads the for parameter.
//
// Security: a proxy that writes one of the two fields often passes the other on as the
// client sent it. So use the function for the field that your proxies write.
func ByForwarded(trusted ...netip.Prefix) func(*http.Request) (string, error) {
	return (&addressKey{newProxies(trusted, true), nil, ipv4Bits, ipv6Bits}).of
}

// forwardedForHops are the hops in X-Forwarded-For.
func forwardedForHops(h http.Header, hop func(string) bool) {
	lines := h["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for line, more := lines[i], true; more; {
			comma := strings.LastIndexByte(line, ',')
			if !hop(strings.Trim(strings.TrimSpace(line[comma+1:]), `"`)) {
				return
			}
			if more = comma >= 0; more {
				line = line[:comma]
			}
		}
	}
}
