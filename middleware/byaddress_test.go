package middleware_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/store/memory"
)

// TestByAddress checks the networks that are counted together, and the exempt addresses.
func TestByAddress(t *testing.T) {
	prefix := netip.MustParsePrefix
	proxies := []netip.Prefix{prefix("10.0.0.0/8")}
	exempt := []netip.Prefix{prefix("198.51.100.0/24"), prefix("2001:db8:1::/48"), prefix("10.0.0.0/8")}
	forwarded := func(field, value string) *http.Request {
		r := from("10.0.0.1:80")
		r.Header.Set(field, value)
		return r
	}
	for _, c := range []struct {
		cfg  middleware.AddressConfig
		r    *http.Request
		want string // "" if the address is exempt
	}{
		{middleware.AddressConfig{}, from("192.0.2.1:80", "6.6.6.6"), "192.0.2.1"},
		{middleware.AddressConfig{}, from("[2001:db8:2:3::4]:80"), "2001:db8:2:3::/64"},
		{middleware.AddressConfig{IPv4Bits: 24, IPv6Bits: 48}, from("192.0.2.1:80"), "192.0.2.0/24"},
		{middleware.AddressConfig{IPv4Bits: 24, IPv6Bits: 48}, from("[2001:db8:2:3::4]:80"), "2001:db8:2::/48"},
		{middleware.AddressConfig{IPv4Bits: 24, IPv6Bits: 48}, from("[2002:c000:0207::1]:80"), "192.0.2.0/24"},
		{middleware.AddressConfig{IPv6Bits: 48}, from("[64:ff9b:1::c633:6407]:80"), "64:ff9b:1::c633:6407"},
		{middleware.AddressConfig{IPv6Bits: 128}, from("[2001:db8:2:3::4]:80"), "2001:db8:2:3::4"},
		{middleware.AddressConfig{Trusted: proxies}, forwarded("X-Forwarded-For", "192.0.2.1"), "192.0.2.1"},
		{middleware.AddressConfig{Trusted: proxies}, forwarded("Forwarded", "for=192.0.2.1"), "10.0.0.1"},
		{middleware.AddressConfig{Trusted: proxies, Forwarded: true}, forwarded("Forwarded", "for=192.0.2.1;by=_hidden"), "192.0.2.1"},
		{middleware.AddressConfig{Trusted: proxies, Forwarded: true}, forwarded("Forwarded", `by="_a.b-c_d:_e" ;for="[2001:db8:2:3::4]:47011"`), "2001:db8:2:3::/64"},
		{middleware.AddressConfig{Trusted: proxies, Forwarded: true}, forwarded("Forwarded", `for=192.0.2.1;for=192.0.2.2`), "10.0.0.1"},
		{middleware.AddressConfig{Trusted: proxies, Forwarded: true}, forwarded("X-Forwarded-For", "192.0.2.1"), "10.0.0.1"},

		{middleware.AddressConfig{Exempt: exempt}, from("198.51.100.7:80"), ""},
		{middleware.AddressConfig{Exempt: exempt}, from("[::ffff:198.51.100.7]:80"), ""},
		{middleware.AddressConfig{Exempt: exempt}, from("[2001:db8:1:2::3]:80"), ""},
		{middleware.AddressConfig{Exempt: exempt}, from("192.0.2.1:80", "198.51.100.7"), "192.0.2.1"},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80", "198.51.100.7"), ""},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80", "198.51.100.7, 192.0.2.1"), "192.0.2.1"},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80"), ""}, // the proxy itself
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80", "10.0.0.2"), ""},

		// The client is not known, so the exempt address of the proxy does not help it.
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80", "unknown"), "10.0.0.1"},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies}, from("10.0.0.1:80", "198.51.100.7,"), "10.0.0.1"},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies, Forwarded: true}, forwarded("Forwarded", `for=198.51.100.7;x=", for=192.0.2.1`), "10.0.0.1"},
		{middleware.AddressConfig{Exempt: exempt, Trusted: proxies, Forwarded: true}, forwarded("Forwarded", "for=198.51.100.7, for=_hidden"), "10.0.0.1"},
	} {
		got, err := must(middleware.ByAddress(c.cfg))(c.r)
		what := fmt.Sprintf("%+v %s %v", c.cfg, c.r.RemoteAddr, c.r.Header)
		if c.want == "" {
			require.ErrorIs(t, err, middleware.ErrExempt, what)
			continue
		}
		require.NoError(t, err, what)
		require.Equal(t, c.want, got, what)
	}
	_, err := middleware.ByAddress(middleware.AddressConfig{IPv4Bits: 33, IPv6Bits: -1, Trusted: make([]netip.Prefix, 1), Exempt: make([]netip.Prefix, 1)})
	require.ErrorIs(t, err, middleware.ErrInvalid)
	for _, fault := range []string{"ipv4Bits: 33: want 1 to 32", "ipv6Bits: -1: want 1 to 128", "trusted[0]:", "exempt[0]:"} {
		require.ErrorContains(t, err, fault)
	}
}

// TestLimitByExempt checks that an exempt request is not counted by the limit of
// addresses. It still has the limit of its account.
func TestLimitByExempt(t *testing.T) {
	st := memory.New(memory.Config{})
	byAddress, byAccount := named(t, st, "address", limiter.Limit{Rate: 0.001, Burst: 1}), named(t, st, "account", limiter.Limit{Rate: 0.001, Burst: 2})
	key := must(middleware.ByAddress(middleware.AddressConfig{Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}))
	alone := must(middleware.LimitBy(byAddress, key, middleware.LimitConfig{}))(ok)
	both := must(middleware.LimitBy(byAddress, key, middleware.LimitConfig{Also: []middleware.KeyedLimit{{Limiter: byAccount, Key: accountOf}}}))(ok)
	for range 3 {
		w := serve(alone, from("192.0.2.1:80"))
		require.Equal(t, 200, w.Code)
		require.Empty(t, w.Header())
	}
	for _, want := range []int{200, 200, 429} {
		w := serve(both, attempt("192.0.2.1", "ann", 200))
		require.Equal(t, want, w.Code)
		require.Len(t, w.Header()["Ratelimit"], 1)
	}
}

// FuzzForwarded lets a client send any Forwarded lines. A trusted proxy then appends the
// client's address, in its own line or in the client's last one. The client is counted by
// that address, or by the proxy's, and is not exempt.
func FuzzForwarded(f *testing.F) {
	for _, s := range []string{"", "for=203.0.113.9", `for=203.0.113.9;x="`, `for="203.0.113.9:80";by=_x, `, `x="\`, `for="[2001:db8::1]", for=10.0.0.2`, `;,=`, `for=1;for=2`} {
		f.Add(s, true)
		f.Add(s, false)
	}
	key := must(middleware.ByAddress(middleware.AddressConfig{
		Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Forwarded: true,
		Exempt: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("10.0.0.0/8")},
	}))
	f.Fuzz(func(t *testing.T, sent string, ownLine bool) {
		const client = `for="198.51.100.7:4711";by=_proxy`
		r := from("10.0.0.1:80")
		r.Header["Forwarded"] = []string{sent + ", " + client}
		if ownLine {
			r.Header["Forwarded"] = []string{sent, client}
		}
		got, err := key(r)
		require.NoError(t, err, "%q", r.Header)
		if got != "198.51.100.7" {
			require.Equal(t, "10.0.0.1", got, "%q", r.Header)
			require.False(t, ownLine, "a line of the proxy's own cannot be hidden: %q", r.Header)
		}
	})
}
