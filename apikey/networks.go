package apikey

import (
	"fmt"
	"net/netip"
)

const maxNetworks = 50

// AcceptsAddr reports whether the key may be used from an address: whether it has no
// Networks, or one that contains the address. An IPv4 address within IPv6
// (::ffff:0:0/96) counts as that IPv4 address, and a zone counts for nothing. A key with
// Networks accepts no invalid address.
func (k *Key) AcceptsAddr(addr netip.Addr) bool {
	if len(k.Networks) == 0 {
		return true
	}
	addr = addr.Unmap().WithZone("")
	for _, p := range k.Networks {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// networkFaults returns the rules that the Networks break.
func (k *Key) networkFaults() (errs []error) {
	if n := len(k.Networks); n > maxNetworks {
		errs = append(errs, fmt.Errorf("networks: %d of them: want at most %d", n, maxNetworks))
	}
	seen := map[netip.Prefix]bool{}
	for i, p := range k.Networks {
		switch {
		case !p.IsValid():
			errs = append(errs, fmt.Errorf("networks[%d]: %q: want a prefix such as 192.0.2.0/24", i, p))
		case p != p.Masked():
			errs = append(errs, fmt.Errorf("networks[%d]: %v: want no bits after the prefix, as in %v or %v", i, p, p.Masked(), netip.PrefixFrom(p.Addr(), p.Addr().BitLen())))
		case p.Addr().Is4In6():
			errs = append(errs, fmt.Errorf("networks[%d]: %v: want a prefix of IPv4 itself", i, p))
		case seen[p]:
			errs = append(errs, fmt.Errorf("networks[%d]: %v: want each prefix once", i, p))
		}
		seen[p] = true
	}
	return errs
}
