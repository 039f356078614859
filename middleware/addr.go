package middleware

import (
	"net/http"
	"net/netip"
	"strings"
)

// networks are prefixes of addresses.
type networks []netip.Prefix

// networksOf returns prefixes that parseAddr's addresses can be in.
func networksOf(prefixes []netip.Prefix) (n networks) {
	for _, p := range prefixes {
		if p.Addr().Is4In6() && p.Bits() >= 96 { // parseAddr unmaps addresses, too
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		n = append(n, p)
	}
	return n
}

func (n networks) contain(addr netip.Addr) bool {
	for _, p := range n {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// proxies finds the client of a request that may have come through proxies.
type proxies struct {
	trusted   networks // believed when they name their caller
	hops      hops
	forwarded bool // they write Forwarded
}

// A hops calls hop with each address that a header names, the latest first, until hop
// returns false.
type hops func(h http.Header, hop func(string) bool)

func newProxies(trusted []netip.Prefix, forwarded bool) proxies {
	if forwarded {
		return proxies{networksOf(trusted), forwardedHops, true}
	}
	return proxies{networksOf(trusted), forwardedForHops, false}
}

// find follows the hops of a request, from the connection's address back to the client's.
// The address is invalid if that of the connection is not known. Where a hop is
// malformed, whole is false, and the address is that of the proxy that wrote the hop.
//
// Security: any client behind that proxy may have caused this. So the address may serve
// to limit, but not to let anybody in.
func (p *proxies) find(r *http.Request) (addr netip.Addr, whole bool) {
	addr, whole = parseAddr(r.RemoteAddr)
	if whole && p.trusted.contain(addr) {
		return p.follow(r.Header, addr)
	}
	return addr, whole
}

// follow returns the client of a trusted proxy, and false if a hop on the way to it is
// malformed. It is apart from find because its variables are allocated.
func (p *proxies) follow(h http.Header, proxy netip.Addr) (addr netip.Addr, whole bool) {
	addr, whole = proxy, true
	p.hops(h, func(node string) bool {
		next, ok := parseAddr(node)
		if !ok {
			whole = false
			return false
		}
		addr = next
		return p.trusted.contain(next) // else earlier hops are not believed
	})
	return addr, whole
}

// An addressKey finds what a request from an address is counted by.
type addressKey struct {
	proxies
	exempt             networks
	ipv4Bits, ipv6Bits int
}

// of is the key function. The address of a proxy that wrote a malformed hop is not
// exempt.
func (k *addressKey) of(r *http.Request) (string, error) {
	addr, whole := k.find(r)
	if !addr.IsValid() {
		return "", errRemoteAddr
	}
	if whole && k.exempt.contain(addr) {
		return "", ErrExempt
	}
	return k.clientOf(addr), nil
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
func (k *addressKey) clientOf(addr netip.Addr) string {
	if addr.Is4() {
		return network(addr, k.ipv4Bits)
	}
	if localNAT64.Contains(addr) {
		return addr.String()
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr), translated.Contains(addr):
		return network(netip.AddrFrom4([4]byte(b[12:])), k.ipv4Bits)
	case teredo.Contains(addr):
		return network(netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), k.ipv4Bits)
	case sixToFour.Contains(addr):
		return network(netip.AddrFrom4([4]byte(b[2:6])), k.ipv4Bits)
	}
	return network(addr, k.ipv6Bits)
}

// network returns the network of an address. A network of one address is that address.
func network(addr netip.Addr, bits int) string {
	if bits == addr.BitLen() {
		return addr.String()
	}
	return netip.PrefixFrom(addr, bits).Masked().String()
}
