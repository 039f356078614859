package gate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// separate is a Counter that keeps families apart, as the nodes of a Redis Cluster do.
type separate struct{ store.Counter }

func (s separate) Take(ctx context.Context, c *store.Charge) error {
	for i := range c.Parts {
		if store.Family(c.Parts[i].Subject) != store.Family(c.Parts[0].Subject) {
			return fmt.Errorf("%w: %w", store.ErrNotTaken, store.ErrApart)
		}
	}
	return s.Counter.Take(ctx, c)
}

// TestQuotaUnseen lets an account's throttle refuse most requests of a key, whose quota
// has room for all of them. No request is told that the quota is used up, whether the
// store decides in one step or keeps the subjects apart.
func TestQuotaUnseen(t *testing.T) {
	for name, counter := range map[string]func(store.Counter) store.Counter{
		"one step": func(c store.Counter) store.Counter { return c },
		"apart":    func(c store.Counter) store.Counter { return separate{c} },
	} {
		t.Run(name, func(t *testing.T) {
			const burst, clients, requests = 60, 16, 20
			h := newFixture(t, func(cfg *parts) {
				cfg.Counter, cfg.Account, cfg.Timeout = counter(cfg.Counter), throttle(1e-8, burst), time.Minute
			})
			k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(burst + 1)})
			var admitted, wrong atomic.Int64
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					for range requests {
						d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
						switch {
						case err != nil:
							t.Error(err)
						case d.Allowed:
							admitted.Add(1)
						case d.Reason != gate.Throttled || refusedBy(&d) != "account":
							wrong.Add(1)
						}
					}
				})
			}
			wg.Wait()
			require.Zero(t, wrong.Load())
			require.EqualValues(t, burst, admitted.Load())
			days, err := h.gate.UsageByDay(t.Context(), p.ID, k.ID, "", 1)
			require.NoError(t, err)
			require.Equal(t, []int64{burst}, used(days))
		})
	}
}

// TestGiveBack checks what a shared throttle has after the key's own charge did not
// happen in a store that keeps the two apart.
func TestGiveBack(t *testing.T) {
	for _, test := range []struct {
		name   string
		quota  int64
		fails  error // of the key's own charge
		back   error // of the giving back
		reason gate.Reason
		used   int64 // of the account's tokens
	}{
		{"admitted", 10, nil, nil, gate.Admitted, 1},
		{"refused", 0, nil, nil, gate.NeverFits, 0},
		{"not taken", 10, store.ErrNotTaken, nil, gate.StoreFailed, 0},
		{"perhaps taken", 10, errBroken, nil, gate.StoreFailed, 1},
		{"refused, and not given back", 0, nil, errBroken, gate.NeverFits, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			st := memory.New(memory.Config{})
			h := newFixture(t, func(cfg *parts) {
				cfg.Account = throttle(1e-8, 5)
				cfg.Timeout = time.Minute
				cfg.Counter = separate{failing{st, func(c *store.Charge) error {
					if charges(c, "\xffaccount") && c.Parts[0].N[0] < 0 {
						return test.back
					}
					if !charges(c, "\xffaccount") {
						return test.fails
					}
					return nil
				}}}
			})
			_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(test.quota)})
			d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret})
			require.Equal(t, test.reason, d.Reason)
			for _, want := range []error{test.fails, test.back} {
				if want != nil {
					require.ErrorIs(t, err, want)
				}
			}
			if test.back != nil {
				require.ErrorContains(t, err, "give back")
			}
			require.Equal(t, test.used, accountTokens(t, st, 5))
		})
	}
}

// failing is a Counter whose charges fail with the error that a function returns.
type failing struct {
	store.Counter
	err func(c *store.Charge) error
}

func (f failing) Take(ctx context.Context, c *store.Charge) error {
	if err := f.err(c); err != nil {
		return err
	}
	return f.Counter.Take(ctx, c)
}

// accountTokens returns how many tokens were taken from the account's throttle of burst
// tokens that do not come back.
func accountTokens(t *testing.T, c store.Counter, burst int) int64 {
	return sharedTokens(t, c, "account", "account", throttle(1e-8, burst))
}

// sharedTokens does what accountTokens does, for any shared throttle.
func sharedTokens(t *testing.T, c store.Counter, subject, kind string, l *limiter.Limit) int64 {
	m, err := l.Meter(kind)
	require.NoError(t, err)
	m.Name = fmt.Sprintf("%s %d/%d burst %d", kind, m.Rate.Tokens, m.Rate.Per, m.Max)
	read := store.NewCharge("\xff"+subject, 0, m)
	require.NoError(t, c.Take(t.Context(), read))
	return read.Parts[0].Levels[0].Used
}

// TestGiveBackAfterAll cancels a request between the two charges of a store that keeps
// them apart. The shared token is given back all the same.
func TestGiveBackAfterAll(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	st := memory.New(memory.Config{})
	h := newFixture(t, func(cfg *parts) {
		cfg.Account = throttle(1e-8, 5)
		cfg.Counter = separate{failing{st, func(c *store.Charge) error {
			if charges(c, "\xffaccount") {
				cancel()
			}
			return nil
		}}}
	})
	_, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(10)})
	_, err := h.gate.Admit(ctx, gate.Request{Secret: secret})
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, accountTokens(t, st, 5))
}

// TestPeekAgrees compares each decision with that of a Peek before it, under a throttle
// and a quota of the key, a throttle of the stage and one of the account. A store that
// keeps the subjects apart decides as one that takes all in one step.
func TestPeekAgrees(t *testing.T) {
	for name, counter := range map[string]func(store.Counter) store.Counter{
		"one step": func(c store.Counter) store.Counter { return c },
		"apart":    func(c store.Counter) store.Counter { return separate{c} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newTokens(t, func(cfg *parts) {
					cfg.Counter = counter(cfg.Counter)
					cfg.Account = throttle(0.1, 6)
					cfg.Stages = map[usageplan.Stage]limiter.Limit{
						{API: "pets", Name: "prod"}: {Rate: 1, Burst: 2},
						{API: "pets", Name: "none"}: {},
					}
				})
				var secrets []apikey.Secret
				for _, quota := range []int64{20, 60} {
					_, secret, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(quota), Throttle: throttle(0.5, 3)})
					secrets = append(secrets, secret)
				}
				rnd := rand.New(rand.NewPCG(1, 2))
				for i := range 2000 {
					time.Sleep(time.Duration(rnd.IntN(5000)) * time.Millisecond)
					req := gate.Request{Secret: secrets[rnd.IntN(2)], Costs: costs(1 + rnd.Int64N(4)*rnd.Int64N(8))}
					if stage := []string{"", "prod", "prod", "none"}[rnd.IntN(4)]; stage != "" {
						req.API, req.Stage = "pets", stage
					}
					peeked, err := h.gate.Peek(t.Context(), req)
					require.NoError(t, err)
					d := h.admit(req)
					require.Equal(t, d.Allowed, peeked.Allowed, i)
					require.Equal(t, d.Reason, peeked.Reason, "%d: %v, %v", i, d.RetryAfter, peeked.RetryAfter)
					require.Equal(t, refusedBy(&d), refusedBy(&peeked), i)
					require.InDelta(t, d.RetryAfter, peeked.RetryAfter, float64(2*time.Microsecond), i)
				}
			})
		})
	}
}

// TestSettleFollowsMoves corrects a charge of a subject that has moved several times.
func TestSettleFollowsMoves(t *testing.T) {
	u, h := newUnheard(t, gate.Config{Units: tokens})
	key, secret, _ := h.linked(usageplan.Plan{Quotas: tokensPerDay(10)})
	d := h.admit(gate.Request{Secret: secret, Costs: costs(4)})
	from := d.Subject()
	for _, to := range []string{"a", "b", "c", "d"} {
		move(t, u.Store, from, key.ID+"/"+to)
		from = key.ID + "/" + to
	}
	u.allowance = "d"
	require.NoError(t, h.gate.Settle(t.Context(), &d, costs(1)))
	peeked, err := h.gate.Peek(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	require.EqualValues(t, 1, peeked.Level(0).Used)
}

// TestNotGivenBackAfterMove moves a subject, and fails to give back the account's token.
// The second attempt is admitted, and the caller is told of the lost token all the same.
func TestNotGivenBackAfterMove(t *testing.T) {
	u, h := newUnheard(t, gate.Config{})
	key, secret, _ := h.linked(usageplan.Plan{Quotas: perDay(10)})
	counter := separate{failing{u.Store, func(c *store.Charge) error {
		if charges(c, "\xffaccount") && c.Parts[0].N[0] < 0 {
			return errBroken
		}
		return nil
	}}}
	g, err := gate.New(u, u, counter, gate.Config{Account: throttle(1e-8, 5)})
	require.NoError(t, err)
	defer g.Close()
	d, err := g.Admit(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	u.allowance = "moved"
	move(t, u.Store, d.Subject(), key.ID+"/moved")

	d2, err := g.Admit(t.Context(), gate.Request{Secret: secret})
	require.ErrorIs(t, err, errBroken)
	require.ErrorContains(t, err, "give back")
	require.True(t, d2.Allowed)
	require.Equal(t, gate.Admitted, d2.Reason)
}

// TestApartCancelled ends a request at each of its steps, over a store that keeps the
// subjects apart. Whatever happens, the shared throttles have as much taken as the quota.
func TestApartCancelled(t *testing.T) {
	for _, quota := range []int64{0, 10} {
		for _, account := range []*limiter.Limit{{}, throttle(1e-8, 5)} {
			for last := range 8 {
				ctx, cancel := context.WithCancel(t.Context())
				st, steps := memory.New(memory.Config{}), 0
				h := newFixture(t, func(cfg *parts) {
					cfg.Account = account
					cfg.Stages = map[usageplan.Stage]limiter.Limit{{API: "pets", Name: "prod"}: {Rate: 1e-8, Burst: 5}}
					cfg.Timeout = time.Minute
					cfg.Counter = separate{failing{st, func(*store.Charge) error {
						if steps++; steps > last {
							cancel()
						}
						return nil
					}}}
				})
				k, secret, p := h.linked(usageplan.Plan{Quotas: perDay(quota)})
				d, err := h.gate.Admit(ctx, gate.Request{Secret: secret, API: "pets", Stage: "prod"})
				if err != nil {
					require.ErrorIs(t, err, context.Canceled)
					require.False(t, d.Allowed)
				}
				days, err := h.gate.UsageByDay(t.Context(), p.ID, k.ID, "", 1)
				require.NoError(t, err)
				require.Equal(t, d.Allowed, days[0].Used == 1)
				require.Equal(t, days[0].Used, sharedTokens(t, st, "account", "account", account), "quota %d, account %v, step %d", quota, account, last)
				require.Equal(t, days[0].Used, sharedTokens(t, st, "stage pets:prod", "stage", throttle(1e-8, 5)), "quota %d, account %v, step %d", quota, account, last)
				cancel()
			}
		}
	}
}
