package usageplan

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
)

// A move carries the counts of a key from one family to another.
type move struct {
	*Groups
	keyID    string
	from, to string   // the roots of the families; empty for a key without a group
	moved    []string // the Link.Allowances whose counts have moved
	fetched  bool     // whether counts were elsewhere than in from
}

// moveCounts moves the counts of every allowance of the key that have not moved. It reads
// the links again until there is no new one.
func (m *move) moveCounts(ctx context.Context) error {
	for {
		links, err := m.plans.KeyLinks(ctx, m.keyID)
		if err != nil {
			return fmt.Errorf("usageplan: links of key %s: %w", m.keyID, err)
		}
		before := len(m.moved)
		for _, l := range append(links, Link{}) { // a key without a link has no allowance
			if slices.Contains(m.moved, l.Allowance) {
				continue
			}
			if err := m.moveSubject(ctx, KeySubject(m.from, m.keyID, l.Allowance), KeySubject(m.to, m.keyID, l.Allowance)); err != nil {
				return m.explain(&l, err)
			}
			m.moved = append(m.moved, l.Allowance)
		}
		if len(m.moved) == before {
			return nil
		}
	}
}

// maxHops bounds how often moveSubject follows a subject that has moved. Each interrupted
// MoveKey adds one hop, and concurrent calls may add more.
const maxHops = 100

// moveSubject moves what one subject has counted to another, from wherever interrupted
// moves have left it. If the two are the same, it fetches back what was moved away.
func (m *move) moveSubject(ctx context.Context, from, to string) error {
	var moved *store.MovedError
	for range maxHops {
		if from != to {
			c := store.Charge{Op: store.Move, Parts: []store.Part{{Subject: from}, {Subject: to}}}
			err := m.counter.Take(ctx, &c)
			if errors.As(err, &moved) {
				from = moved.To
				continue
			}
			if err != nil {
				return err
			}
		}

		// A repeated Move succeeds even if the counts have moved on since. A charge without
		// meters finds out.
		err := m.counter.Take(ctx, store.NewCharge(to, 0))
		if !errors.As(err, &moved) {
			return err
		}
		from = moved.To
		m.fetched = true
	}
	return fmt.Errorf("%w: the counts were moved by others at the same time", ErrConflict)
}

// explain adds to an error of the Counter what the caller of MoveKey can do about it.
func (m *move) explain(l *Link, err error) error {
	what := "key " + m.keyID
	advice := "an earlier key with the ID: wait until they are old, or create a key with another ID"
	if l.PlanID != "" {
		what += " in plan " + l.PlanID
		advice = "an earlier link: remove the link, move the key, and link it again"
	}
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("usageplan: move counts of %s: the counter cannot move a key between families of groups: %w", what, err)
	case errors.Is(err, store.ErrInvalid):
		return fmt.Errorf("usageplan: move counts of %s: there are counts of %s: %w: %w", what, advice, ErrExists, err)
	}
	return fmt.Errorf("usageplan: move counts of %s: %w", what, err)
}

// giveUp returns err, the error of moveCounts. If the Counter has refused to move the
// rest, giveUp first fetches back what was moved. After any other error the state of the
// Counter is unknown, so it moves nothing: a repeated MoveKey goes on from there.
func (m *move) giveUp(ctx context.Context, k *apikey.Key, err error) (raced bool, _ error) {
	if !errors.Is(err, store.ErrInvalid) && !errors.Is(err, errors.ErrUnsupported) {
		return false, err
	}
	back := move{Groups: m.Groups, keyID: m.keyID, from: m.from, to: m.from}
	if err2 := back.moveCounts(ctx); err2 != nil {
		return false, fmt.Errorf("%w; fetch back what was moved: %w", err, err2)
	}
	if back.fetched {
		if raced, err := m.writeKey(ctx, k); err != nil {
			return raced, err
		}
	}
	return false, err
}

// writeKey stores k with a new Version, and reports whether another change was faster. It
// comes after every move of counts, also if k has not changed. So of two concurrent calls
// of MoveKey, one sees a conflict, and fetches the counts that the other has moved.
func (m *move) writeKey(ctx context.Context, k *apikey.Key) (raced bool, _ error) {
	k.Updated = now()
	err := m.keys.UpdateKey(ctx, *k)
	switch {
	case err == nil:
		k.Version++
		return false, nil
	case errors.Is(err, apikey.ErrConflict):
		return true, fmt.Errorf("usageplan: move key %s: %w: %w", k.ID, ErrConflict, err)
	}
	return false, fmt.Errorf("usageplan: move key %s: %w", k.ID, err)
}
