package gate_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// far is a store whose answers take a millisecond, so that concurrent changes of one
// record conflict.
type far struct{ *memory.Store }

func (s far) Key(ctx context.Context, id string) (apikey.Key, error) {
	defer time.Sleep(time.Millisecond)
	return s.Store.Key(ctx, id)
}

func (s far) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	defer time.Sleep(time.Millisecond)
	return s.Store.Plan(ctx, id)
}

func (s far) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	defer time.Sleep(time.Millisecond)
	return s.Store.KeyLinks(ctx, id)
}

// TestConcurrentChanges lets many administrators change one record at the same time.
// All of them succeed.
func TestConcurrentChanges(t *testing.T) {
	const crowd = 32
	h := newFixture(t)
	st := far{h.st}
	keys, plans := must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
	k, _, p := h.linked(usageplan.Plan{Throttle: throttle(1, 1)})
	for what, change := range map[string]func(ctx context.Context) error{
		"plan": func(ctx context.Context) error {
			return second(plans.Update(ctx, p.ID, func(p *usageplan.Plan) error { p.Throttle.Burst++; return nil }))
		},
		"link": func(ctx context.Context) error {
			return second(plans.UpdateLink(ctx, p.ID, k.ID, func(*usageplan.Link) error { return nil }))
		},
		"key": func(ctx context.Context) error {
			return second(keys.Update(ctx, k.ID, func(k *apikey.Key) error { k.Name += "x"; return nil }))
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				errs := make([]error, crowd)
				var wg sync.WaitGroup
				for i := range crowd {
					wg.Go(func() { errs[i] = change(t.Context()) })
				}
				wg.Wait()
				require.Equal(t, fmt.Sprint(make([]error, crowd)), fmt.Sprint(errs))

				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				require.ErrorIs(t, change(ctx), context.Canceled)
			})
		})
	}
	got, err := plans.Get(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, crowd+1, got.Throttle.Burst)
}
