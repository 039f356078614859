package batch_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/batch"
)

// A table stands for a database with transactions.
type table struct{ rows map[row]store.State }

type row struct {
	subject, meter string
	window         bool
	start          int64
}

// commit keeps rows for good. In a database it takes milliseconds, however many rows
// there are. So a batch pays for it once.
func (t *table) commit(changed map[row]store.State) error {
	maps.Copy(t.rows, changed)
	return nil
}

// decide decides the charges of a batch in one transaction.
func (t *table) decide(ctx context.Context, charges []*store.Charge, errs []error) {
	changed := map[row]store.State{} // by earlier charges of the batch
	for i, c := range charges {
		if c.Op == store.Move {
			errs[i] = fmt.Errorf("%w: %w: move", store.ErrNotTaken, errors.ErrUnsupported)
			continue
		}
		var rows []row
		var held []store.State
		for _, p := range c.Parts {
			for _, m := range p.Meters {
				r := row{p.Subject, m.Name, m.IsWindow(), m.Start}
				state, known := changed[r]
				if !known {
					state = t.rows[r] // the zero State if there is no such row
				}
				rows, held = append(rows, r), append(held, state)
			}
		}
		next := make([]store.State, len(held))
		if now := c.At.UnixMicro(); c.Decide(held, next, now, now) {
			for j, r := range rows {
				changed[r] = next[j]
			}
		}
	}
	if len(changed) == 0 {
		return
	}
	if err := t.commit(changed); err != nil {
		for i := range errs {
			errs[i] = errors.Join(errs[i], err) // a failed commit may have happened
		}
	}
}

// ExampleCharges has a hundred callers charge one key. The first is alone in its
// transaction. Those that come meanwhile wait, and share the next one.
func ExampleCharges() {
	db := &table{rows: map[row]store.State{}}
	var counter store.Counter = batch.NewCharges(db.decide, batch.Config{})
	quota := store.Meter{Name: "requests", Max: 70}

	var wg sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for range 100 {
		wg.Go(func() {
			c := store.NewCharge("customer-42", 1, quota)
			c.At = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
			if err := counter.Take(context.Background(), c); err != nil {
				fmt.Println(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if c.OK {
				admitted++
			}
		})
	}
	wg.Wait()
	fmt.Println(admitted, "admitted")
	// Output:
	// 70 admitted
}
