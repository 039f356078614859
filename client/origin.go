package client

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// origin is the host that is sent the key.
type origin struct {
	name, port string // an empty port is the default port of the scheme
	plain      bool   // plain HTTP is allowed
}

func newOrigin(host string, insecure bool) origin {
	name, port, _ := splitHost(host)
	return origin{name, port, insecure || loopback(name)}
}

// allows reports whether the key may be sent to u.
func (o origin) allows(u *url.URL) bool {
	port := ""
	switch u.Scheme {
	case "https":
		port = "443"
	case "http":
		port = "80"
		if !o.plain {
			return false
		}
	default:
		return false
	}
	name, own, ok := splitHost(u.Host)
	if !ok || name != o.name {
		return false
	}
	if own == "" {
		own = port
	}
	return own == o.port || o.port == "" && own == port
}

// splitHost splits "host", "host:port", "[IPv6]" or "[IPv6]:port". The name is in lower
// case and has no dot at its end.
func splitHost(s string) (name, port string, ok bool) {
	if strings.ContainsAny(s, "/?#@\\ \t%") {
		return "", "", false
	}
	name = s
	if strings.HasSuffix(s, "]") && strings.HasPrefix(s, "[") {
		name = s[1 : len(s)-1]
	} else if strings.Contains(s, ":") {
		var err error
		if name, port, err = net.SplitHostPort(s); err != nil {
			return "", "", false
		}
	}
	if strings.Trim(port, "0123456789") != "" {
		return "", "", false
	}
	if strings.Contains(name, ":") {
		addr, err := netip.ParseAddr(name)
		return addr.String(), port, err == nil
	}
	return strings.TrimSuffix(strings.ToLower(name), "."), port, true
}

// loopback reports whether name is this machine.
func loopback(name string) bool {
	addr, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && addr.IsLoopback()
}
