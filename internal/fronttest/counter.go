package fronttest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// errDown is the error of a counter that is down.
var errDown = errors.New("the counter is down")

// A counter is a Counter whose clock stands still, and which fails while it is down.
type counter struct {
	store.Counter

	mu   sync.Mutex
	at   time.Time
	down bool
}

// advance moves the clock.
func (c *counter) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *counter) setDown(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

func (c *counter) state() (at time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return c.at, errors.Join(store.ErrNotTaken, errDown)
	}
	return c.at, nil
}

// Take implements store.Counter.
func (c *counter) Take(ctx context.Context, charge *store.Charge) (err error) {
	if charge.At, err = c.state(); err != nil {
		return err
	}
	return c.Counter.Take(ctx, charge)
}

// Peek implements store.Peeker.
func (c *counter) Peek(ctx context.Context, _ time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	at, err := c.state()
	if err != nil {
		return err
	}
	return store.Peek(ctx, c.Counter, at, subjects, meters, levels, last)
}
