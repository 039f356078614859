package gate_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// unheard is a store whose links get another allowance without a word to the Gate.
type unheard struct {
	*memory.Store
	apart
	allowance string // of every link, if it is not empty
}

// OnChange implements usageplan.Notifier. It never tells of a change.
func (u *unheard) OnChange(func(string)) (stop func()) { return func() {} }

// KeyLinks implements usageplan.Store.
func (u *unheard) KeyLinks(ctx context.Context, keyID string) ([]usageplan.Link, error) {
	all, err := u.Store.KeyLinks(ctx, keyID)
	for i := range all {
		if u.allowance != "" {
			all[i].Allowance = u.allowance
		}
	}
	return all, err
}

func newUnheard(t *testing.T, cfg gate.Config) (*unheard, *fixture) {
	u := &unheard{Store: memory.New(memory.Config{})}
	h := newFixture(t, func(p *parts) { p.Keys, p.Plans, p.Counter, p.Config = u, u, u.Store, cfg })
	h.keys, h.plans = must(apikey.NewService(u, apikey.Config{})), must(usageplan.NewService(u, u, usageplan.Config{Units: cfg.Units}))
	return u, h
}

func move(t *testing.T, c store.Counter, from, to string) {
	require.NoError(t, c.Take(t.Context(), &store.Charge{Op: store.Move, Parts: []store.Part{{Subject: from}, {Subject: to}}}))
}

// TestMoved moves the subject of a key that the Gate has cached. The Gate has not heard
// of it, and still charges the new subject, with all that was used.
func TestMoved(t *testing.T) {
	u, h := newUnheard(t, gate.Config{Units: tokens})
	key, secret, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(10)})
	first := h.admit(gate.Request{Secret: secret, Costs: costs(4)})
	u.allowance = "moved"
	move(t, u.Store, first.Subject(), key.ID+"/moved")

	d := h.admit(gate.Request{Secret: secret, Costs: costs(2)})
	require.True(t, d.Allowed)
	require.Equal(t, key.ID+"/moved", d.Subject())
	require.EqualValues(t, 6, d.Level(0).Used)
	require.Equal(t, gate.QuotaExceeded, h.admit(gate.Request{Secret: secret, Costs: costs(5)}).Reason)

	require.NoError(t, h.gate.Settle(t.Context(), &first, costs(1)), "a decision of before")
	peeked, err := h.gate.Peek(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	require.EqualValues(t, 3, peeked.Level(0).Used)
}

// TestMovedUnread moves a subject while the directory still names the old one. Every
// request is refused, though the policy opens all limits: the store has not failed.
func TestMovedUnread(t *testing.T) {
	u, h := newUnheard(t, gate.Config{OnFailure: gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen}})
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(10)})
	d := h.admit(gate.Request{Secret: secret})
	move(t, u.Store, d.Subject(), "acme>key")
	for range 2 {
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
		require.False(t, d.Allowed)
		require.Equal(t, gate.StoreFailed, d.Reason)
		var moved *store.MovedError
		require.ErrorAs(t, err, &moved)
		require.Equal(t, "acme>key", moved.To)
	}
}
