package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// lateOne is the model with a TakeOne that also checks ctx after the charge.
type lateOne struct{ *model }

func (l lateOne) TakeOne(ctx context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	c := &store.Charge{At: at, Parts: []store.Part{{Subject: subject, Meters: []store.Meter{*m}, N: []int64{n}, Levels: make([]store.Level, 1)}}}
	if err := l.Take(ctx, c); err != nil {
		return store.Level{}, false, err
	}
	if err := ctx.Err(); err != nil {
		return store.Level{}, false, notTaken(err)
	}
	return c.Parts[0].Levels[0], c.OK, nil
}

// setsUp is the model, but makes its tables once, with the ctx of the first caller.
type setsUp struct {
	*model
	once sync.Once
	err  error
}

func (s *setsUp) Take(ctx context.Context, c *store.Charge) error {
	s.once.Do(func() { s.err = ctx.Err() })
	if s.err != nil {
		return notTaken(s.err)
	}
	return s.model.Take(ctx, c)
}

// unchecking makes a counter of a Take that checks ctx and the charge by itself.
func unchecking(take func(m *model, ctx context.Context, c *store.Charge) error) store.Counter {
	return byItself{newModel(), take}
}

type byItself struct {
	*model
	charge func(m *model, ctx context.Context, c *store.Charge) error
}

func (b byItself) Take(ctx context.Context, c *store.Charge) error { return b.charge(b.model, ctx, c) }

// connections is the model with few connections. It keeps that of a caller whose ctx ends
// while it uses it.
type connections struct {
	*model
	pool chan struct{}
}

func (p *connections) Take(ctx context.Context, c *store.Charge) error {
	if err := soundly(ctx, c); err != nil {
		return err
	}
	select {
	case p.pool <- struct{}{}:
	case <-ctx.Done():
		return notTaken(ctx.Err())
	}
	p.take(c)
	if err := ctx.Err(); err != nil {
		return errors.Join(errors.New("the connection is lost"), err)
	}
	<-p.pool
	return nil
}
