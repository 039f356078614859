package middleware

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/ration-go/ration/internal/fault"
)

// ErrExempt is wrapped by the error of a LimitBy's key function for a request that the
// limit does not apply to, such as one of a health check. The request is not counted by
// that limit.
var ErrExempt = errors.New("middleware: exempt from the limit")

// The defaults of AddressConfig.
const (
	ipv4Bits = 32
	ipv6Bits = 64
)

// AddressConfig configures ByAddress. The zero AddressConfig does what ByIP() does.
type AddressConfig struct {
	// Trusted are the networks of the proxies that are believed. See ByIP.
	//
	// Security: name only networks in which every machine is a proxy of yours.
	Trusted []netip.Prefix

	// Forwarded says that the proxies write Forwarded (RFC 7239). By default they write
	// X-Forwarded-For. Only one of the fields is read: see ByForwarded.
	Forwarded bool

	// IPv4Bits and IPv6Bits are the lengths of the networks that are counted together. The
	// defaults are 32, which is one address, and 64, which is the least that one customer
	// of a provider has. Many have a /56 or a /48, and so 256 or 65,536 times a limit.
	IPv4Bits, IPv6Bits int

	// Exempt are the networks of clients that are not limited. Where a proxy's field is
	// malformed, the client is not known, and no exemption applies.
	Exempt []netip.Prefix
}

// ByAddress returns a key function like that of ByIP, with the choices of cfg. Its error
// wraps ErrExempt for an exempt address. The error of ByAddress itself wraps ErrInvalid
// and reports every fault at once.
func ByAddress(cfg AddressConfig) (func(*http.Request) (string, error), error) {
	if err := fault.Report(ErrInvalid, "address", cfg.faults()...); err != nil {
		return nil, err
	}
	k := &addressKey{
		proxies:  newProxies(cfg.Trusted, cfg.Forwarded),
		exempt:   networksOf(cfg.Exempt),
		ipv4Bits: cmp.Or(cfg.IPv4Bits, ipv4Bits),
		ipv6Bits: cmp.Or(cfg.IPv6Bits, ipv6Bits),
	}
	return k.of, nil
}

func (cfg *AddressConfig) faults() (errs []error) {
	errs = append(prefixFaults("trusted", cfg.Trusted), prefixFaults("exempt", cfg.Exempt)...)
	if cfg.IPv4Bits < 0 || cfg.IPv4Bits > 32 {
		errs = append(errs, fmt.Errorf("ipv4Bits: %d: want 1 to 32", cfg.IPv4Bits))
	}
	if cfg.IPv6Bits < 0 || cfg.IPv6Bits > 128 {
		errs = append(errs, fmt.Errorf("ipv6Bits: %d: want 1 to 128", cfg.IPv6Bits))
	}
	return errs
}

func prefixFaults(field string, prefixes []netip.Prefix) (errs []error) {
	for i, p := range prefixes {
		if !p.IsValid() {
			errs = append(errs, fmt.Errorf("%s[%d]: %v: want a prefix", field, i, p))
		}
	}
	return errs
}
