package storetest

import (
	"errors"

	"github.com/ration-go/ration/store"
)

func invalidParts(t *trial) {
	t.play(take(1, quota).as(acme).yes(1))
	part := func(subject string) store.Part { return store.NewPart(subject, 1, t.meters(quota)...) }
	for _, parts := range [][]store.Part{
		{},
		{part("f"), part("f>1"), part("f>2"), part("f>3"), part("f>4"), part("f>5"), part("f>6")},
		{part(acme), part(key1), part(acme)},
		{part(acme), part("")},
	} {
		c := &store.Charge{At: t.at(), Parts: parts}
		if err := t.c.Take(t.ctx, c); !errors.Is(err, store.ErrInvalid) || !errors.Is(err, store.ErrNotTaken) {
			t.failf("a charge of %d parts, %s: error %v, want one that wraps %q and %q", len(parts), about(c), err, store.ErrInvalid, store.ErrNotTaken)
		}
	}
	for _, op := range []store.Op{store.Move + 1, 255} {
		c := t.charge(take(1, quota).as(acme))
		c.Op = op
		if err := t.c.Take(t.ctx, c); !errors.Is(err, store.ErrInvalid) || !errors.Is(err, store.ErrNotTaken) {
			t.failf("op %d: error %v, want one that wraps %q and %q", op, err, store.ErrInvalid, store.ErrNotTaken)
		}
	}
	c := t.charge(take(1, quota).as(acme))
	c.Parts[0].Meters[0].Kind = 1
	if err := t.c.Take(t.ctx, c); !errors.Is(err, store.ErrInvalid) {
		t.failf("a kind of meter that does not exist: error %v, want one that wraps %q", err, store.ErrInvalid)
	}
	t.play(read(quota).as(acme).yes(1))
}
