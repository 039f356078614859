package usageplan_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// An outage lets a number of calls of MoveKey reach the stores. The next one fails,
// before or after it has done its work.
type outage struct {
	*families
	left  int
	after bool
}

func (o *outage) call(do func() error) error {
	o.left--
	if o.left == -1 {
		if o.after {
			_ = do()
		}
		return errBroken
	}
	return do()
}

type outageCounter struct{ *outage }

func (o outageCounter) Take(ctx context.Context, c *store.Charge) error {
	return o.call(func() error { return o.st.Take(ctx, c) })
}

type outageKeys struct {
	apikey.Store
	*outage
}

func (o outageKeys) UpdateKey(ctx context.Context, k apikey.Key) error {
	return o.call(func() error { return o.Store.UpdateKey(ctx, k) })
}

// TestMoveKeyInterrupted interrupts two moves at every step, and then moves the key
// somewhere. Nothing that was counted may be lost or doubled, and the key must be usable.
func TestMoveKeyInterrupted(t *testing.T) {
	roots := map[string]string{"": "", "deep": "@acme>", "help": "@acme>", "sales": "@blue>", "alone": "@alone>"}
	const steps = 7 // of a move: three counts, each moved and looked at, and the key
	allowances := map[string]int64{"/a": 3, "/b": 5, "": 0}
	for _, from := range []string{"", "deep"} {
		for _, first := range []string{"sales", "alone"} {
			for _, then := range []string{"alone", "help", ""} {
				for _, last := range []string{"", "help", "sales", "alone"} {
					for n := range steps * steps * 2 {
						h, ctx := newFamilies(t), t.Context()
						h.key("crawler", from, "a", "b")
						for allowance, n := range allowances {
							require.NoError(t, second(h.charge(roots[from]+"crawler"+allowance, n)))
						}
						for i, to := range []string{first, then} {
							o := &outage{h, []int{n, n / steps}[i] % steps, n >= steps*steps}
							groups := must(usageplan.NewGroups(outageKeys{h.st, o}, h.st, outageCounter{o}, usageplan.Config{}))
							if _, err := groups.MoveKey(ctx, "crawler", to); err != nil {
								require.ErrorIs(t, err, errBroken)
							}
						}
						k, err := h.groups.MoveKey(ctx, "crawler", last)
						trail := fmt.Sprintf("%q to %q, %q, %q: interruption %d", from, first, then, last, n)
						require.NoError(t, err, trail)
						require.Equal(t, last, k.GroupID)
						for allowance, n := range allowances {
							require.Equal(t, fmt.Sprint(n), h.counted(roots[last]+"crawler"+allowance), trail)
						}
					}
				}
			}
		}
	}
}
