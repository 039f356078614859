package middleware

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

var errRemoteAddr = errors.New("middleware: request without a remote IP address")

// ByIP returns a key function for LimitBy: the client's address. A forwarding field is
// believed only where trusted proxies have written it. Without any, the address is that
// of the connection, whatever the request says. From a trusted proxy, it is the rightmost
// address of X-Forwarded-For that is not a trusted proxy's: each proxy appends the
// address that called it. Where proxies write Forwarded instead, use ByForwarded.
//
// An address may come with a port, in brackets or in quotes. At anything else, such as
// "unknown" or an empty element, the search ends, and the proxy that wrote it counts as
// the client.
//
// One client has to itself, and is counted by:
//
//   - of IPv4, the address; of IPv6, the /64;
//   - an IPv4 address within IPv6, as that IPv4 address: mapped (::ffff:0:0/96),
//     translated (64:ff9b::/96, ::ffff:0:0:0/96),
//     6to4 (2002::/16) and Teredo (2001::/32), where a /64 would be of many clients, or of a part of one;
//   - of 64:ff9b:1::/48, which networks divide as they like, the whole address.
func ByIP(trusted ...netip.Prefix) func(*http.Request) (string, error) {
	return proxies(trusted).key(func(h http.Header, hop func(string) bool) {
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
	})
}

// ByForwarded is ByIP for proxies that write Forwarded (RFC 7239) and not
// X-Forwarded-For. It reads the for parameter. A proxy that writes the one often passes
// the other on as the client sent it, so that only one of them is to be believed.
func ByForwarded(trusted ...netip.Prefix) func(*http.Request) (string, error) {
	return proxies(trusted).key(func(h http.Header, hop func(string) bool) {
		lines := h["Forwarded"]
		for i := len(lines) - 1; i >= 0; i-- {
			for _, node := range slices.Backward(forwardedFor(lines[i])) {
				if !hop(node) {
					return
				}
			}
		}
	})
}

// forwardedFor returns the for parameter of each element of a Forwarded line, empty where
// there is none to believe.
func forwardedFor(line string) (nodes []string) {
	for _, element := range splitQuoted(line, ',') {
		node := ""
		for _, param := range splitQuoted(element, ';') {
			name, value, _ := strings.Cut(param, "=")
			if strings.EqualFold(strings.TrimSpace(name), "for") {
				node = unquote(strings.TrimSpace(value))
			}
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// splitQuoted splits s where sep is outside of quoted strings (RFC 9110 section 5.6.4).
func splitQuoted(s string, sep byte) (parts []string) {
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts, start = append(parts, s[start:i]), i+1
		}
	}
	return append(parts, s[start:])
}

// unquote returns what a quoted string says, or s where it is none.
func unquote(s string) string {
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `\`, "")
	}
	return s
}
