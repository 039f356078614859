package gate_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

var (
	home = netip.MustParseAddr("192.0.2.7")
	away = netip.MustParseAddr("198.51.100.7")
)

// restricted returns a key with a quota of 10 a day that reads orders, writes them with
// any scope, and is used from two networks.
func (h *fixture) restricted() (apikey.Key, apikey.Secret) {
	k, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(10)})
	k, err := h.keys.Update(h.t.Context(), k.ID, func(k *apikey.Key) error {
		k.Scopes = []string{"read", "orders:*"}
		k.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}
		return nil
	})
	require.NoError(h.t, err)
	return k, secret
}

// TestRestrictions checks which requests of a key are refused for its Scopes and its
// Networks, in the same way by Admit, Peek, Identify and Usage, and that a refusal
// charges nothing.
func TestRestrictions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		k, secret := h.restricted()
		used := int64(0)
		for _, step := range []struct {
			what string
			req  gate.Request
			want gate.Reason
		}{
			{"no scope is needed", gate.Request{Addr: home}, gate.Admitted},
			{"a scope of the key", gate.Request{Addr: home, Scope: "read"}, gate.Admitted},
			{"another scope", gate.Request{Addr: home, Scope: "write"}, gate.ScopeMissing},
			{"one that begins like a scope of the key", gate.Request{Addr: home, Scope: "reader"}, gate.ScopeMissing},
			{"of many by one", gate.Request{Addr: home, Scope: "orders:write:all"}, gate.Admitted},
			{"what stands before the colon", gate.Request{Addr: home, Scope: "orders"}, gate.ScopeMissing},
			{"an address elsewhere", gate.Request{Addr: away}, gate.AddressRefused},
			{"elsewhere, and another scope", gate.Request{Addr: away, Scope: "write"}, gate.AddressRefused},
			{"no address", gate.Request{Scope: "read"}, gate.AddressRefused},
			{"IPv6", gate.Request{Addr: netip.MustParseAddr("2001:db8::1%eth0")}, gate.Admitted},
			{"IPv6 elsewhere", gate.Request{Addr: netip.MustParseAddr("2001:db9::1")}, gate.AddressRefused},
			{"IPv4 within IPv6", gate.Request{Addr: netip.MustParseAddr("::ffff:192.0.2.9")}, gate.Admitted},
			{"an address in text", gate.Request{RemoteAddr: "192.0.2.9:80"}, gate.Admitted},
			{"without a port", gate.Request{RemoteAddr: "2001:db8::1"}, gate.Admitted},
			{"elsewhere, in text", gate.Request{RemoteAddr: "198.51.100.7:80"}, gate.AddressRefused},
			{"a socket without an address", gate.Request{RemoteAddr: "@"}, gate.AddressRefused},
			{"Addr counts before RemoteAddr", gate.Request{Addr: away, RemoteAddr: "192.0.2.9:80"}, gate.AddressRefused},
		} {
			for _, by := range []string{"secret", "ID"} {
				req := step.req
				if req.KeyID = k.ID; by == "secret" {
					req.Secret, req.KeyID = secret, ""
				}
				peeked, err := h.gate.Peek(t.Context(), req)
				require.NoError(t, err, step.what)
				require.Equal(t, step.want, peeked.Reason, "peek: %s by %s", step.what, by)

				usage, err := h.gate.Usage(t.Context(), req, gate.UsageQuery{})
				require.NoError(t, err, step.what)
				require.Equal(t, step.want, usage.Outcome.Reason, "usage: %s by %s", step.what, by)

				known, err := h.gate.Identify(t.Context(), req)
				require.NoError(t, err, step.what)
				require.Equal(t, step.want == gate.Admitted, known.Allowed, "identify: %s by %s", step.what, by)

				req.Costs, req.ID = usageplan.Costs{}, ""
				d := h.admit(req)
				require.Equal(t, step.want, d.Reason, "%s by %s", step.what, by)
				require.Equal(t, k.ID, d.Key.ID)
				require.Equal(t, d.Allowed, d.Charged)
				if d.Allowed && used < 10 {
					used++
				}
			}
			if used > 6 {
				time.Sleep(24 * time.Hour) // another allowance
				used = 0
			}
		}
		require.Equal(t, used, h.usedToday(k, secret))
	})
}

// usedToday returns what a key has used of its quota.
func (h *fixture) usedToday(k apikey.Key, secret apikey.Secret) int64 {
	h.t.Helper()
	d, err := h.gate.Peek(h.t.Context(), gate.Request{Secret: secret, Addr: home})
	require.NoError(h.t, err)
	return d.Level(0).Used
}

// TestRefusalIsNoUse checks that a refused scope or address does not count as the last
// use.
func TestRefusalIsNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newFixture(t)
		k, secret := h.restricted()
		lastUse := func() time.Time { return must(h.gate.LastUsed(t.Context(), k.ID))[0].At }

		require.Equal(t, gate.AddressRefused, h.admit(gate.Request{Secret: secret, Addr: away}).Reason)
		require.Equal(t, gate.ScopeMissing, h.admit(gate.Request{Secret: secret, Addr: home, Scope: "admin"}).Reason)
		require.Zero(t, lastUse())

		require.Equal(t, gate.Admitted, h.admit(gate.Request{Secret: secret, Addr: home}).Reason)
		require.False(t, lastUse().IsZero())
	})
}

// TestRestrictionsHold checks what does not lift a restriction, and that a change of the
// key is in force at once.
func TestRestrictionsHold(t *testing.T) {
	t.Run("a failing Counter", func(t *testing.T) {
		h := newFixture(t, func(cfg *parts) {
			cfg.Counter = storetest.Faulty(cfg.Counter, storetest.Fault{Err: errors.New("broken")})
			cfg.OnFailure = gate.FailurePolicy{Quota: gate.FailOpen}
		})
		_, secret := h.restricted()
		require.Equal(t, gate.AddressRefused, h.admit(gate.Request{Secret: secret, Addr: away}).Reason)
		require.Equal(t, gate.ScopeMissing, h.admit(gate.Request{Secret: secret, Addr: home, Scope: "admin"}).Reason)
	})
	t.Run("limits that are off", func(t *testing.T) {
		h := newFixture(t)
		_, secret := h.restricted()
		h.gate.Enforce(false)
		require.Equal(t, gate.AddressRefused, h.admit(gate.Request{Secret: secret, Addr: away}).Reason)
		require.Equal(t, gate.ScopeMissing, h.admit(gate.Request{Secret: secret, Addr: home, Scope: "admin"}).Reason)
	})
	t.Run("no plan is needed", func(t *testing.T) {
		h := newFixture(t, func(cfg *parts) { cfg.InsecureAllowNoPlan = true })
		_, secret := h.key("key")
		require.Equal(t, gate.ScopeMissing, h.admit(gate.Request{Secret: secret, Scope: "admin"}).Reason)
		require.Equal(t, gate.Admitted, h.reason(secret))
	})
	t.Run("no scopes and no networks", func(t *testing.T) {
		h := newFixture(t)
		_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(10)})
		require.Equal(t, gate.ScopeMissing, h.admit(gate.Request{Secret: secret, Scope: "read"}).Reason)
		require.Equal(t, gate.Admitted, h.admit(gate.Request{Secret: secret, Addr: away}).Reason)
		require.Equal(t, gate.Admitted, h.reason(secret))
	})
	t.Run("a disabled key", func(t *testing.T) {
		h := newFixture(t)
		k, secret := h.restricted()
		must(h.keys.Disable(t.Context(), k.ID))
		require.Equal(t, gate.Disabled, h.admit(gate.Request{Secret: secret, Addr: away, Scope: "admin"}).Reason)
	})
	t.Run("a retiring secret", func(t *testing.T) {
		h := newFixture(t)
		k, secret := h.restricted()
		_, next, err := h.keys.Rotate(t.Context(), k.ID, time.Hour)
		require.NoError(t, err)
		for _, s := range []apikey.Secret{secret, next} {
			require.Equal(t, gate.AddressRefused, h.admit(gate.Request{Secret: s, Addr: away}).Reason)
			require.Equal(t, gate.ScopeMissing, h.admit(gate.Request{Secret: s, Addr: home, Scope: "admin"}).Reason)
			require.Equal(t, gate.Admitted, h.admit(gate.Request{Secret: s, Addr: home, Scope: "read"}).Reason)
		}
	})
	t.Run("a change", func(t *testing.T) {
		h := newFixture(t)
		k, secret := h.restricted()
		for _, step := range []struct {
			change func(*apikey.Key)
			req    gate.Request
			want   gate.Reason
		}{
			{func(*apikey.Key) {}, gate.Request{Addr: away, Scope: "admin"}, gate.AddressRefused},
			{func(k *apikey.Key) { k.Networks = nil }, gate.Request{Addr: away, Scope: "admin"}, gate.ScopeMissing},
			{func(k *apikey.Key) { k.Scopes = []string{"*"} }, gate.Request{Addr: away, Scope: "admin"}, gate.Admitted},
			{func(k *apikey.Key) { k.Scopes = nil }, gate.Request{Addr: away, Scope: "read"}, gate.ScopeMissing},
			{func(k *apikey.Key) { k.Networks = []netip.Prefix{netip.PrefixFrom(home, 32)} }, gate.Request{Addr: away}, gate.AddressRefused},
		} {
			must(h.keys.Update(t.Context(), k.ID, func(k *apikey.Key) error { step.change(k); return nil }))
			step.req.Secret = secret
			require.Equal(t, step.want, h.admit(step.req).Reason)
		}
	})
}

// TestScopeFaults checks that a scope that no key can have is a mistake of the service,
// for every key.
func TestScopeFaults(t *testing.T) {
	h := newFixture(t)
	k, _, _ := h.linked(usageplan.Plan{Quotas: perDay(10)})
	must(h.keys.Update(t.Context(), k.ID, func(k *apikey.Key) error { k.Scopes = []string{"*"}; return nil }))
	for _, scope := range []string{"orders:*", "*", "a b", `a"b`, `a\b`, "é", strings.Repeat("x", 129)} {
		d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: k.ID, Scope: scope})
		require.ErrorIs(t, err, gate.ErrInvalid, scope)
		require.ErrorIs(t, err, apikey.ErrInvalid, scope)
		require.ErrorContains(t, err, "scope: ")
		require.Equal(t, gate.Invalid, d.Reason)
	}
	require.Equal(t, gate.Admitted, h.admit(gate.Request{KeyID: k.ID, Scope: strings.Repeat("x", 128)}).Reason)
}

// TestNoAddressIsLogged checks that a caller that gives no address is warned, once.
func TestNoAddressIsLogged(t *testing.T) {
	var log bytes.Buffer
	h := newFixture(t, func(cfg *parts) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	_, secret := h.restricted()
	require.False(t, h.gate.ScopesSeen())

	require.Equal(t, gate.AddressRefused, h.admit(gate.Request{Secret: secret, Addr: away}).Reason)
	require.Empty(t, log.String())
	require.True(t, h.gate.ScopesSeen())
	for range 3 {
		require.Equal(t, gate.AddressRefused, h.reason(secret))
	}
	require.Equal(t, 1, strings.Count(log.String(), "client's address is not known"), log.String())
}

// TestRestrictionsAllocateNothing checks that neither scopes nor networks allocate.
func TestRestrictionsAllocateNothing(t *testing.T) {
	h := newFixture(t)
	_, secret := h.restricted()
	for _, req := range []gate.Request{
		{Secret: secret, Addr: home, Scope: "orders:read"},
		{Secret: secret, RemoteAddr: "192.0.2.7:80", Scope: "read"},
		{Secret: secret, Addr: away},
		{Secret: secret, Addr: home, Scope: "admin"},
	} {
		allocs := testing.AllocsPerRun(100, func() {
			if _, err := h.gate.Peek(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		})
		require.Zero(t, allocs, "%+v", req.Scope)
	}
}
