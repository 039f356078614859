package gate_test

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// ledger counts what was admitted at each payer.
type ledger struct {
	mu   sync.Mutex
	paid map[string]int64
}

// add adds what a decision was charged, or what a settlement added to it. Every plan has
// a quota, so the levels name all payers.
func (l *ledger) add(d *gate.Decision, n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paid["key "+d.Key.ID] += n
	for level := range d.GroupLevels() {
		l.paid["group "+level.Payer.ID] += n
	}
}

// TestMoveUnderTraffic moves two keys between no group and the groups of two families,
// while others admit and settle requests of them, some of them of before a move. At the
// end each payer has counted what was admitted while the key was below it, and a key has
// taken all its own counts along.
func TestMoveUnderTraffic(t *testing.T) {
	for name, counter := range counters(t) {
		t.Run(name, func(t *testing.T) { moveUnderTraffic(t, counter) })
	}
}

func moveUnderTraffic(t *testing.T, counter store.Counter) {
	const limit, moves = 3000, 150
	h := treeOver(t, memory.New(memory.Config{}), func(cfg *parts) { cfg.Counter, cfg.Timeout = counter, time.Minute })
	h.unit = "tokens"
	h.days(map[string]int64{"key": limit, "org": 1 << 40})
	for _, g := range []string{"acme org", "acme>search org", "search>deep org", "acme>help org", "blue org", "blue>sales org"} {
		h.group(g)
	}
	all := []string{"", "acme", "search", "deep", "help", "blue", "sales"}
	keys := []string{"linked", "bare"}
	h.member("linked", "search", "key")
	h.member("bare", "search")
	books := ledger{paid: map[string]int64{}}
	var done atomic.Bool
	var asked atomic.Int64
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(worker)))
			var open []*gate.Decision
			settle := func(d *gate.Decision) {
				actual := rnd.Int64N(6)
				if settleAll(t, h.gate, d, actual) {
					books.add(d, actual-d.Costs[0])
				}
			}
			for !done.Load() {
				d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: keys[rnd.IntN(2)], Costs: costs(1 + rnd.Int64N(3))})
				asked.Add(1)
				switch {
				case d.Allowed:
					books.add(&d, d.Costs[0])
					open = append(open, &d)
				case err != nil && !errors.As(err, new(*store.MovedError)):
					t.Error(err)
				}
				if len(open) > 20 {
					i := rnd.IntN(len(open))
					settle(open[i])
					open = append(open[:i], open[i+1:]...)
				}
			}
			for _, d := range open {
				settle(d)
			}
		})
	}
	rnd := rand.New(rand.NewPCG(2, 2))
	for i := range int64(moves) {
		for asked.Load() < 20*i {
			runtime.Gosched()
		}
		_, err := h.groups.MoveKey(t.Context(), keys[rnd.IntN(2)], all[rnd.IntN(len(all))])
		require.NoError(t, err)
	}
	done.Store(true)
	wg.Wait()
	settleLeases(t, h.gate)
	got := map[string]int64{"key linked": h.keyToday("key", "linked"), "key bare": h.keyToday("", "bare")}
	for _, id := range all[1:] {
		got["group "+id] = h.today(id)[0]
	}
	for payer, n := range got {
		require.Equal(t, books.paid[payer], n, payer)
	}
	require.Positive(t, got["key linked"])
	require.Positive(t, got["group blue"]+got["group acme"])
	windows, err := h.gate.UsageByWindow(t.Context(), "key", "linked", "day", 1)
	require.NoError(t, err)
	require.Equal(t, got["key linked"], windows[0].Used, "the quota moved with the record")
}

// settleAll settles a decision, and goes on while the key is on the move. It reports
// whether the settlement was made.
func settleAll(t *testing.T, g *gate.Gate, d *gate.Decision, actual int64) bool {
	for {
		err := g.Settle(t.Context(), d, costs(actual))
		if err == nil {
			return true
		}
		if !errors.Is(err, store.ErrNotTaken) {
			t.Error(err)
			return false
		}
	}
}

// TestMoveKeepsTheQuota moves a key again and again, until its quota is used up. It never
// gets more than its quota, and no group is charged for another one.
func TestMoveKeepsTheQuota(t *testing.T) {
	for name, counter := range counters(t) {
		t.Run(name, func(t *testing.T) {
			h := treeOver(t, memory.New(memory.Config{}), func(cfg *parts) { cfg.Counter, cfg.Timeout = counter, time.Minute })
			h.days(map[string]int64{"key": 10, "org": 4})
			h.group("acme org")
			h.group("acme>search")
			h.group("blue org")
			h.member("k", "", "key")
			for i, step := range []struct {
				to       string
				admitted int
				refused  string
				used     [2]int64 // of acme and blue
			}{
				{"search", 4, "quota_exceeded, group acme day", [2]int64{4, 0}},
				{"acme", 0, "quota_exceeded, group acme day", [2]int64{4, 0}},
				{"blue", 4, "quota_exceeded, group blue day", [2]int64{4, 4}},
				{"search", 0, "quota_exceeded, group acme day", [2]int64{4, 4}},
				{"", 2, "quota_exceeded, key k day", [2]int64{4, 4}},
				{"blue", 0, "quota_exceeded, key k day, group blue day", [2]int64{4, 4}},
				{"", 0, "quota_exceeded, key k day", [2]int64{4, 4}},
			} {
				require.NoError(t, second(h.groups.MoveKey(t.Context(), "k", step.to)))
				for range step.admitted {
					require.True(t, h.admit(gate.Request{KeyID: "k"}).Allowed, i)
				}
				_, text := h.both(gate.Request{KeyID: "k"})
				require.Equal(t, step.refused, text, i)
				used := h.today("acme", "blue")
				require.Equal(t, step.used[:], used, i)
			}
			require.EqualValues(t, 10, h.keyToday("key", "k"))
		})
	}
}

// TestKeyOnTheMove decides about a key whose counts have moved already while the key
// still is in its old group, as in the middle of MoveKey. Every request is refused,
// whatever the policy, and shows no levels.
func TestKeyOnTheMove(t *testing.T) {
	h := newTree(t, func(cfg *parts) { cfg.OnFailure = gate.FailurePolicy{Throttle: gate.FailOpen, Quota: gate.FailOpen} })
	h.days(map[string]int64{"key": 10, "org": 10})
	h.group("acme org")
	h.group("blue org")
	h.member("k", "acme", "key")
	h.admit(gate.Request{KeyID: "k"})
	h.admit(gate.Request{KeyID: "k"})
	d := h.admit(gate.Request{KeyID: "k"})
	from, to := d.Subject(), usageplan.KeySubject("blue", "k", "key")
	require.Equal(t, "@acme>k/key", from)
	move(t, h.st, from, to)
	for range 2 {
		d, err := h.gate.Admit(t.Context(), gate.Request{KeyID: "k"})
		require.ErrorIs(t, err, store.ErrNotTaken)
		require.Equal(t, "store_failed", outcome(&d.Outcome))
		require.False(t, d.Allowed)
		for l := range d.GroupLevels() {
			t.Error("a level that nobody read", l)
		}
		_, refused := d.RefusedBy()
		require.False(t, refused)
	}
	require.NoError(t, second(h.groups.MoveKey(t.Context(), "k", "blue")))
	require.True(t, h.admit(gate.Request{KeyID: "k"}).Allowed)
	require.Equal(t, []int64{3, 1}, h.today("acme", "blue"))
	require.EqualValues(t, 4, h.keyToday("key", "k"))
	d = h.admit(gate.Request{KeyID: "k"})
	require.Equal(t, to, d.Subject())
}
