package gate_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestRequestID is a timeline of requests with IDs, against a quota of 3.
func TestRequestID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, ctx := newFixture(t), t.Context()
		k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(3), Throttle: throttle(100, 100)})
		for i, step := range []struct {
			after    time.Duration
			id       string
			peek     bool
			want     gate.Reason
			repeated bool
			used     int64
		}{
			{id: "a", peek: true, want: gate.Admitted},
			{id: "a", want: gate.Admitted, used: 1},
			{id: "a", want: gate.Admitted, repeated: true, used: 1},
			{id: "a", peek: true, want: gate.Admitted, repeated: true, used: 1},
			{id: "b", want: gate.Admitted, used: 2},
			{id: "", want: gate.Admitted, used: 3},
			{id: "c", want: gate.QuotaExceeded, used: 3},
			{id: "c", want: gate.QuotaExceeded, used: 3}, // nothing was charged before
			{id: "c", peek: true, want: gate.QuotaExceeded, used: 3},
			{id: "b", want: gate.Admitted, repeated: true, used: 3}, // although nothing is left of the quota
			{after: 10*time.Minute - time.Microsecond, id: "b", want: gate.Admitted, repeated: true, used: 3},
			{after: time.Microsecond, id: "b", want: gate.QuotaExceeded, used: 3}, // the ID is forgotten
			{after: 24 * time.Hour, id: "b", want: gate.Admitted, used: 1},
		} {
			time.Sleep(step.after)
			ask := h.gate.Admit
			if step.peek {
				ask = h.gate.Peek
			}
			d, err := ask(ctx, gate.Request{Secret: secret, ID: step.id})
			require.NoError(t, err)
			require.Equal(t, step.want, d.Reason, i)
			require.Equal(t, step.want == gate.Admitted, d.Allowed, i)
			require.Equal(t, step.repeated, d.Repeated, i)
			if step.repeated {
				require.False(t, d.Charged, i)
				require.NoError(t, d.Err(), i)
				require.NoError(t, h.gate.Settle(ctx, &d, usageplan.Costs{}), i)
				for l := range d.Levels() {
					require.Zero(t, l.Wait, i)
				}
			}
			days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "", 1)
			require.NoError(t, err)
			require.Equal(t, []int64{step.used}, used(days), i)
		}
	})
}

// TestRefundedID checks that a request can be tried again after a refund, and is
// charged again.
func TestRefundedID(t *testing.T) {
	h, ctx := newTokens(t), t.Context()
	_, secret, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(3)})
	for range 5 {
		d := h.admit(gate.Request{Secret: secret, ID: "a", Costs: costs(2)})
		require.False(t, d.Repeated)
		require.NoError(t, h.gate.Refund(ctx, &d))
	}
	d := h.admit(gate.Request{Secret: secret, ID: "a", Costs: costs(2)})
	require.NoError(t, h.gate.Settle(ctx, &d, costs(1)))
	require.True(t, h.admit(gate.Request{Secret: secret, ID: "a"}).Repeated)
}

// TestIDsTogether tries each of ten requests from many goroutines. Each is charged
// once.
func TestIDsTogether(t *testing.T) {
	h, ctx := newFixture(t), t.Context()
	k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(1000)})
	var charged atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 * 10 {
		wg.Go(func() {
			d, err := h.gate.Admit(ctx, gate.Request{Secret: secret, ID: fmt.Sprint(i % 10)})
			if err != nil || !d.Allowed {
				t.Error(d.Reason, err)
			}
			if d.Charged {
				charged.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 10, charged.Load())
	days, err := h.gate.UsageByDay(ctx, p.ID, k.ID, "", 1)
	require.NoError(t, err)
	require.Equal(t, []int64{10}, used(days))
}

// TestIDsOfOthers checks that each key has IDs of its own, and that the largest plan
// has room for an ID.
func TestIDsOfOthers(t *testing.T) {
	h := newFixture(t)
	p := usageplan.Plan{Throttle: throttle(1000, 1000)}
	for i := range usageplan.MaxLimits - 1 {
		q := perDay(1000)[0]
		q.Name = fmt.Sprint("quota ", i)
		p.Quotas = append(p.Quotas, q)
	}
	var secrets []apikey.Secret
	for range 2 {
		_, secret, _ := h.linked(p)
		secrets = append(secrets, secret)
	}
	for _, repeated := range []bool{false, true} {
		for _, secret := range secrets {
			require.Equal(t, repeated, h.admit(gate.Request{Secret: secret, ID: "a"}).Repeated)
		}
	}
	_, err := h.gate.Admit(t.Context(), gate.Request{Secret: secrets[0], ID: strings.Repeat("x", gate.MaxID+1)})
	require.ErrorIs(t, err, gate.ErrInvalid)
	require.ErrorContains(t, err, "id: 513 bytes")
}

// TestIDsBesideClockAhead checks that a request whose clock is ahead does not let other
// IDs of the subject be charged again.
func TestIDsBesideClockAhead(t *testing.T) {
	h := newFixture(t)
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(1000)})
	now := time.Now()
	ask := func(id string, at time.Time) bool {
		d := h.admit(gate.Request{Secret: secret, ID: id, At: at})
		require.True(t, d.Allowed)
		return d.Repeated
	}
	for i := range 20 {
		require.False(t, ask(fmt.Sprint(i), now))
	}
	for i := range 20 {
		ask(fmt.Sprint("ahead", i), now.Add(26*time.Hour))
	}
	again := 0
	for i := range 20 {
		if !ask(fmt.Sprint(i), now) {
			again++
		}
	}
	require.Zero(t, again)
}
