package storetest

import (
	"errors"
	"fmt"

	"github.com/ration-go/ration/store"
)

// severalFamilies charges subjects of several families in every order.
func severalFamilies(t *trial) {
	who := []string{"account", "stage a", "gold/key-1", "acme>key-2"}
	want := make([]int64, len(who))
	t.play(take(1, daily(0, 100)).as(who[1]).yes(1))
	want[1] = 1
	for i := range 24 {
		s := take(1, daily(0, 100)).as(who[i%4]).yes(want[i%4] + 1)
		for j := 1; j < 4; j++ {
			k := (i + j*(1+i/4%2*2)) % 4
			s = s.and(take(1, daily(0, 100)).as(who[k]).yes(want[k] + 1))
		}
		c := t.charge(s)
		err := t.c.Take(t.ctx, c)
		if isApart(err) {
			continue
		}
		if err != nil {
			t.failf("%s: error %v, want none, or one that wraps %q and %q", about(c), err, store.ErrApart, store.ErrNotTaken)
		}
		if wrong := t.compare(&s, c); wrong != "" {
			t.failf("%s:%s", about(c), wrong)
		}
		for k := range want {
			want[k]++
		}
	}
	c := t.charge(take(1, daily(0, 100)).as(who[0]).and(take(100, daily(0, 100)).as(who[1])))
	if err := t.c.Take(t.ctx, c); err == nil && c.OK || err != nil && !isApart(err) {
		t.failf("%s: OK %t, error %v, want a refusal, or an error that wraps %q and %q", about(c), c.OK, err, store.ErrApart, store.ErrNotTaken)
	}
	for k := range who {
		t.play(read(daily(0, 100)).as(who[k]).yes(want[k]))
	}
}

// isApart reports whether a store said that it cannot decide a charge over several
// families in one step.
func isApart(err error) bool {
	return errors.Is(err, store.ErrApart) && errors.Is(err, store.ErrNotTaken)
}

// familiesTogether charges two families at once, in either order.
func familiesTogether(t *trial) {
	admitted := newTally()
	t.together(func(g, i int) error {
		mine, other := "gold>key", "blue>key"
		if (g+i)%2 == 0 {
			mine, other = other, mine
		}
		c := t.charge(take(1, calls).as(mine).and(take(1, calls).as(other)))
		err := t.c.Take(t.ctx, c)
		switch {
		case isApart(err):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", about(c), err)
		case c.Parts[0].Levels[0].Used != c.Parts[1].Levels[0].Used:
			return fmt.Errorf("%s: one part is at %d and the other at %d, want one instant", about(c), c.Parts[0].Levels[0].Used, c.Parts[1].Levels[0].Used)
		}
		admitted.add("both")
		return nil
	})
	n := admitted.of("both")
	t.play(read(calls).as("gold>key").yes(n), read(calls).as("blue>key").yes(n))
}
