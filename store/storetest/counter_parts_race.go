package storetest

import (
	"fmt"
	"sync"

	"github.com/ration-go/ration/store"
)

var partRacePromises = []promise{{
	name: "race/parts",
	says: "Charges over parts that come at once are one decision each. No limit of any part is exceeded, and the parts agree.",
	test: partsTogether,
}, {
	name: "race/parts-seen",
	says: "Nobody sees a part of a charge, or a charge that is refused in the end.",
	test: partsUnseen,
}, {
	name: "race/families",
	says: "Charges over two families that come at once, in either order, are one decision each, or return ErrApart.",
	test: familiesTogether,
}, {
	name: "race/parts-one",
	says: "Take of several parts and TakeOne of one of their subjects do not lose each other's changes or exceed its limit.",
	test: partsAndOne,
}, {
	name: "race/parts-peek",
	says: "Peek never shows a part of a charge that is refused in the end: while units are only taken, no Used falls.",
	test: partsPeeked,
}}

// partsTogether charges two teams and their keys, in any order of the parts.
func partsTogether(t *trial) {
	org, team, own := daily(0, 90), daily(0, 60), daily(0, 30)
	admitted := newTally()
	t.together(func(g, i int) error {
		team1, key := search, []string{key1, key2, "acme>search/key-4"}[i%3]
		if g%2 == 1 {
			team1, key = help, []string{key3, "acme>help/key-5", "acme>help/key-6"}[i%3]
		}
		s := take(1, own).as(key).and(take(1, team).as(team1)).and(take(1, org).as(acme))
		if i%2 == 0 {
			s = take(1, org).as(acme).and(take(1, own).as(key)).and(take(1, team).as(team1))
		}
		c := t.charge(s)
		if err := t.c.Take(t.ctx, c); err != nil {
			return fmt.Errorf("%s: %w", about(c), err)
		}
		if c.OK {
			admitted.add(key, team1, acme)
		}
		return nil
	})
	if n := admitted.of(acme); n != 90 {
		t.failf("%d charges of the organisation were admitted, want 90", n)
	}
	for who, m := range map[string]store.Meter{
		acme: org, search: team, help: team, key1: own, key2: own, "acme>search/key-4": own, key3: own, "acme>help/key-5": own, "acme>help/key-6": own,
	} {
		if n := admitted.of(who); n > m.Max {
			t.failf("%d charges of %q were admitted, want at most %d", n, who, m.Max)
		}
		t.play(read(m).as(who).yes(admitted.of(who)))
	}
}

// partsUnseen reads two subjects in one charge, while others charge both or are refused
// by a third.
func partsUnseen(t *trial) {
	full := daily(0, 0)
	t.together(func(g, i int) error {
		var s step
		switch g % 3 {
		case 0:
			s = take(1, calls).as(key1).and(take(1, calls).as(acme))
		case 1: // is refused by the last part
			s = take(7, calls).as(key1).and(take(3, calls).as(acme)).and(take(1, full).as(search))
		default:
			s = read(calls).as(acme).and(read(calls).as(key1))
		}
		c := t.charge(s)
		if err := t.c.Take(t.ctx, c); err != nil {
			return fmt.Errorf("%s: %w", about(c), err)
		}
		if a, b := c.Parts[0].Levels[0].Used, c.Parts[1].Levels[0].Used; a != b {
			return fmt.Errorf("%s: one part is at %d and the other at %d, want one instant", about(c), a, b)
		}
		return nil
	})
}

// tally counts what was admitted for each subject.
type tally struct {
	mu sync.Mutex
	n  map[string]int64
}

func newTally() *tally { return &tally{n: map[string]int64{}} }

func (y *tally) add(subjects ...string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, s := range subjects {
		y.n[s]++
	}
}

func (y *tally) of(subject string) int64 {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.n[subject]
}

// partsAndOne charges an organisation's bucket by itself and beside a key.
func partsAndOne(t *trial) {
	const limit = goroutines*rounds - 200
	org := bucket("rate", limit, perDay)
	admitted := newTally()
	t.together(func(g, i int) error {
		if g%2 == 0 {
			_, ok, err := store.One(t.c).TakeOne(t.ctx, acme, &org, t.at(), 1)
			if ok {
				admitted.add(acme)
			}
			return err
		}
		c := t.charge(take(1, calls).as(key1).and(take(1, org).as(acme)))
		err := t.c.Take(t.ctx, c)
		if err == nil && c.OK {
			admitted.add(acme, key1)
		}
		return err
	})
	if n := admitted.of(acme); n != limit {
		t.failf("%d charges were admitted, want %d", n, limit)
	}
	t.play(read(calls).as(key1).yes(admitted.of(key1)).and(read(org).as(acme).yes(limit)))
}

// partsPeeked peeks at a key and an organisation that others charge, or fail to charge
// because of a third part.
func partsPeeked(t *trial) {
	full, on := daily(0, 0), t.meters(calls)
	var before [goroutines][2]int64
	t.together(func(g, i int) error {
		if g%2 == 0 {
			levels := make([]store.Level, 2)
			if err := store.Peek(t.ctx, t.c, t.at(), []string{key1, acme}, on, levels, nil); err != nil {
				return fmt.Errorf("Peek: %w", err)
			}
			for j, l := range levels {
				if l.Used < before[g][j] {
					return fmt.Errorf("Peek of %q shows a Used of %d after one of %d", []string{key1, acme}[j], l.Used, before[g][j])
				}
				before[g][j] = l.Used
			}
			return nil
		}
		s := take(1, calls).as(key1).and(take(1, calls).as(acme))
		if i%2 == 0 { // is refused by the last part
			s = take(7, calls).as(key1).and(take(7, calls).as(acme)).and(take(1, full).as(search))
		}
		return t.c.Take(t.ctx, t.charge(s))
	})
	const taken = goroutines / 2 * rounds / 2
	t.play(read(calls).as(key1).yes(taken).and(read(calls).as(acme).yes(taken)))
}
