package middleware

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
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

// ByForwarded returns a key function like that of ByIP, for proxies that write Forwarded
// (RFC 7239) and not X-Forwarded-For. It reads the for parameter.
//
// Security: a proxy that writes one of the two fields often passes the other on as the
// client sent it. So use the function for the field that your proxies write.
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

// forwardedFor returns the for parameter of each element of a Forwarded line. It is empty
// for an element without one.
//
// Security: a proxy appends its element to what the client has sent. With a quote that it
// does not close, a client could hide that element in a quoted string of its own. So a
// line of which any part is malformed says nothing at all.
//
// An element without a for parameter ends the search, so those before it are dropped. A
// line of commas takes no memory.
func forwardedFor(line string) (nodes []string) {
	node, more := "", true
	for more {
		var param string
		var sep byte
		if param, sep, line, more = nextParam(line); sep == malformed {
			return []string{""}
		}
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "for") {
			node = unquote(strings.TrimSpace(value))
		}
		if sep == ',' {
			if node == "" {
				nodes = nodes[:0]
			}
			nodes, node = append(nodes, node), ""
		}
	}
	return nodes
}

// malformed is what nextParam returns in place of a separator.
const malformed = '"'

// nextParam cuts the first parameter off a Forwarded line. It returns what separates that
// from the rest: ';', or ',' after the last parameter of an element and at the end of the
// line. A value is a token or a quoted string (RFC 9110 section 5.6.4), and no part of it
// may be quoted only.
func nextParam(line string) (param string, sep byte, rest string, more bool) {
	end := strings.IndexAny(line, `,;"`)
	if end >= 0 && line[end] == '"' {
		if before := strings.TrimRight(line[:end], " \t"); before == "" || before[len(before)-1] != '=' {
			return "", malformed, "", false
		}
		for end++; end < len(line) && line[end] != '"'; end++ {
			if line[end] == '\\' {
				end++
			}
		}
		if end >= len(line) {
			return "", malformed, "", false
		}
		for end++; end < len(line) && (line[end] == ' ' || line[end] == '\t'); end++ {
		}
		if end == len(line) {
			end = -1
		} else if line[end] != ',' && line[end] != ';' {
			return "", malformed, "", false
		}
	}
	if end < 0 {
		return line, ',', "", false
	}
	return line[:end], line[end], line[end+1:], true
}

// unquote returns the content of a quoted string, or s if s is not one.
func unquote(s string) string {
	if inner, ok := strings.CutPrefix(s, `"`); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `\`, "")
	}
	return s
}
