package middleware

import (
	"net/http"
	"net/netip"
	"strings"
)

// trustedProxies are the addresses that are believed when they name the address that
// called them.
type trustedProxies []netip.Prefix

func proxies(trusted []netip.Prefix) (t trustedProxies) {
	for _, p := range trusted {
		if p.Addr().Is4In6() && p.Bits() >= 96 { // parseAddr unmaps addresses, too
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		t = append(t, p)
	}
	return t
}

func (t trustedProxies) contain(addr netip.Addr) bool {
	for _, p := range t {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// key returns a key function that follows the hops of a request, from the connection's
// address back to the client's. The function hops calls hop with each address that a
// header names, the latest first, until hop returns false.
func (t trustedProxies) key(hops func(h http.Header, hop func(string) bool)) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) {
		addr, ok := parseAddr(r.RemoteAddr)
		if !ok {
			return "", errRemoteAddr
		}
		if t.contain(addr) {
			hops(r.Header, func(node string) bool {
				next, ok := parseAddr(node)
				if ok {
					addr = next
				}
				return ok && t.contain(next) // else earlier hops are not believed
			})
		}
		return clientOf(addr), nil
	}
}

// parseAddr parses an address. The address may be in brackets and may have a port, which
// may be obfuscated (RFC 7239 section 6.3). The zone is removed.
func parseAddr(s string) (netip.Addr, bool) {
	host, port := s, ""
	bracketed := strings.HasPrefix(s, "[")
	if bracketed {
		host, port, bracketed = strings.Cut(s[1:], "]")
		if !bracketed || port != "" && port[0] != ':' {
			return netip.Addr{}, false
		}
	} else if strings.Count(s, ":") == 1 {
		host, port = s[:strings.IndexByte(s, ':')], s[strings.IndexByte(s, ':'):]
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || bracketed && !addr.Is6() || port != "" && !isPort(port[1:]) {
		return netip.Addr{}, false
	}
	return addr.Unmap().WithZone(""), true
}

// isPort reports whether s is a port number or an obfuscated port.
func isPort(s string) bool {
	if name, ok := strings.CutPrefix(s, "_"); ok {
		return name != ""
	}
	return s != "" && len(s) <= 5 && strings.Trim(s, "0123456789") == ""
}

// These IPv6 networks hold IPv4 addresses. The comments say which bytes.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052: the last four bytes
	translated = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765: the last four
	teredo     = netip.MustParsePrefix("2001::/32")       // RFC 4380: the last 4, inverted
	sixToFour  = netip.MustParsePrefix("2002::/16")       // RFC 3056: the third to the sixth
	localNAT64 = netip.MustParsePrefix("64:ff9b:1::/48")  // RFC 8215: each network chooses
)

// clientOf returns the address or the network that one client has to itself.
func clientOf(addr netip.Addr) string {
	if addr.Is4() || localNAT64.Contains(addr) {
		return addr.String()
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr), translated.Contains(addr):
		return netip.AddrFrom4([4]byte(b[12:])).String()
	case teredo.Contains(addr):
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}).String()
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])).String()
	}
	return netip.PrefixFrom(addr, 64).Masked().String()
}
