package plans

import (
	"context"
	"errors"
	"sync"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// Services manage what a file declares. Diff, Apply and Export go through them, so that
// their rules hold, and so that every Gate is told of a change.
type Services struct {
	Keys  *apikey.Service
	Plans *usageplan.Service

	// Groups may be nil if the store keeps none. Then a file must not have groups.
	Groups *usageplan.Groups
}

func (s *Services) validate() error {
	if s.Keys == nil || s.Plans == nil {
		return errors.New("plans: services: keys, plans: nil: want both")
	}
	return nil
}

// Config configures Diff and Apply. The zero Config is ready for use.
type Config struct {
	// Prune deletes what the file does not have: plans, groups, and links of the keys that
	// the file names. It goes only by sections that the file has: a file without "plans" has
	// no effect on plans, and one with "plans: []" deletes all of them. Keys are never
	// deleted, because a deleted key cannot come back: a file disables them.
	//
	// A plan stays if a key that the file does not name is linked to it, and a group stays
	// if such a key is in it. So no customer that the file does not know is cut off. By
	// default, all that the file does not have stays.
	Prune bool
}

// readers is how many goroutines read keys at once. Over a network, most of the time of a
// read is spent waiting.
const readers = 8

// each calls visit for every item, some at once. It returns the first error, and then
// visits no more items.
func each[T any](ctx context.Context, items []T, visit func(ctx context.Context, i int, item T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(readers, len(items)) {
		wg.Go(func() {
			for i := range next {
				if err := visit(ctx, i, items[i]); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range items {
		if ctx.Err() != nil {
			break
		}
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	return context.Cause(ctx)
}
