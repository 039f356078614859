package storetest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/ration-go/ration/store"
)

// The subjects of most stories about parts: an organisation, its teams, and their keys.
// They are one family.
const (
	acme   = "acme"
	search = "acme>search"
	help   = "acme>help"
	key1   = "acme>search/key-1"
	key2   = "acme>search/key-2"
	key3   = "acme>help/key-3"
)

var (
	many  = window("many", 100, 0, 30*day)
	three = bucket("rate", 3, perDay)
)

var partPromises = []promise{{
	name: "parts/all",
	says: "If every meter of every part has room, all parts are charged.",
	story: []step{
		take(2, quota, calls).as(key1).yes(2, 2).and(take(2, quota).as(search).yes(2)).and(take(2, daily(0, 100)).as(acme).yes(2)),
		take(1, quota, calls).as(key2).yes(1, 1).and(take(1, daily(0, 4)).as(search).yes(3)).and(take(1, daily(0, 100)).as(acme).yes(3)),
		read(quota, calls).as(key1).yes(2, 2).and(read(quota, calls).as(key2).yes(1, 1)).and(read(daily(0, 100)).as(acme).yes(3)),
	},
}, {
	name: "parts/none",
	says: "If a meter of any part has no room, no part is charged, whichever part refuses.",
	story: []step{
		take(2, quota, three).as(key1).yes(2, 2).and(take(2, many).as(acme).yes(2)),
		take(2, quota, three).as(key1).no(2, 2).and(take(2, daily(0, 100)).as(acme).no(0)),
		take(1, quota).as(key2).no(0).and(take(99, daily(0, 98), calls).as(acme).no(0, 0)),
		read(quota, three).as(key1).yes(2, 2).and(read(daily(0, 100), many, calls).as(acme).yes(0, 2, 0)).and(read(quota).as(key2).yes(0)),
		take(1, quota, three).as(key1).yes(3, 3).and(take(1, many).as(acme).yes(3)),
	},
}, {
	name: "parts/levels",
	says: "The Levels of a refusal report the unchanged state of every part. Only the meters that refuse have a Wait.",
	story: []step{
		each(1, 3).of(rate, quota).as(key1).yes(1, 3).and(take(1, many).as(acme).yes(1)),
		take(1, rate, quota).as(key1).no(1, 3).waits(0, day).and(take(1, many, calls).as(acme).no(1, 0).waits(0, 0)),
		take(1, rate).as(key1).no(1).waits(0).and(take(200, many).as(acme).no(1).waits(store.Never)),
	},
}, {
	name: "parts/order",
	says: "The order of the parts changes no answer.",
	story: []step{
		take(1, many).as(acme).yes(1).and(take(2, many).as(search).yes(2)).and(take(3, many).as(key1).yes(3)),
		take(3, many).as(key1).yes(6).and(take(2, many).as(search).yes(4)).and(take(1, many).as(acme).yes(2)),
		take(2, many).as(search).yes(6).and(take(1, many).as(acme).yes(3)).and(take(3, many).as(key1).yes(9)),
		take(98, many).as(acme).no(3).and(take(3, many).as(key1).no(9)).and(take(2, many).as(search).no(6)),
	},
}, {
	name: "parts/most",
	says: "A charge has up to six parts with up to sixteen meters each, and they are one decision.",
	story: []step{
		take(1, sixteen...).as("f>1").yes(repeat(1, 16)...).and(take(1, sixteen...).as("f>2").yes(repeat(1, 16)...)).
			and(take(1, sixteen...).as("f>3").yes(repeat(1, 16)...)).and(take(1, sixteen...).as("f>4").yes(repeat(1, 16)...)).
			and(take(1, sixteen...).as("f>5").yes(repeat(1, 16)...)).and(take(1, sixteen...).as("f").yes(repeat(1, 16)...)),
		take(2, sixteen...).as("f>1").yes(repeat(3, 16)...),
		take(1, sixteen...).as("f>5").no(repeat(1, 16)...).and(take(1, sixteen...).as("f>6").no(repeat(0, 16)...)).
			and(take(1, sixteen...).as("f>1").no(repeat(3, 16)...)),
		read(sixteen...).as("f>5").yes(repeat(1, 16)...),
	},
}, {
	name: "parts/one-name",
	says: "Meters of one name belong to their subjects, also within one charge and one family.",
	story: []step{
		take(1, quota).as(acme).yes(1).and(take(1, quota).as(search).yes(1)).and(take(1, quota).as(key1).yes(1)),
		take(2, quota).as(search).yes(3),
		read(quota).as(acme).yes(1).and(read(quota).as(search).yes(3)).and(read(quota).as(key1).yes(1)),
		take(1, quota).as("acme>").yes(1).and(take(2, quota).as("acme>>").yes(2)),
		take(3, quota).as(">acme").yes(3), take(1, quota).as("blue>search").yes(1),
		read(quota).as("acme>").yes(1).and(read(quota).as("acme>>").yes(2)).and(read(quota).as(acme).yes(1)).and(read(quota).as(search).yes(3)),
		read(quota).as(">acme").yes(3), read(quota).as("blue>search").yes(1),
	},
}, {
	name: "parts/apart-n",
	says: "Each part has its own N. A part may give back or read while another takes.",
	story: []step{
		take(3, quota).as(key1).yes(3).and(take(2, many).as(acme).yes(2)),
		give(2, quota).as(key1).yes(1).and(take(3, many).as(acme).yes(5)),
		read(quota).as(key1).yes(1).and(take(1, many).as(acme).yes(6)),
		give(1, quota).as(key1).no(1).and(take(200, many).as(acme).no(6)),
		read(quota).as(key1).yes(1),
	},
}, {
	name: "parts/set",
	says: "SetRemaining sets the meters of every part.",
	story: []step{
		take(1, quota).as(key1).yes(1).and(take(1, many).as(acme).yes(1)),
		setEach(7).of(quota).as(key1).yes(1).outof(8).and(setEach(2).of(many).as(acme).yes(1).outof(3)),
		take(3, quota).as(key1).no(1).outof(8).and(take(3, many).as(acme).no(1).outof(3)),
		take(2, quota).as(key1).yes(3).outof(8).and(take(2, many).as(acme).yes(3).outof(3)),
	},
}, {
	name: "parts/new",
	says: "A charge that is refused creates no subject, and a part that only reads creates none either.",
	test: func(t *trial) { t.play(newcomers()...) },
}, {
	name: "parts/no-levels",
	says: "A part without Levels is charged all the same.",
	test: func(t *trial) {
		for _, s := range []step{
			take(1, quota).as(key1).and(take(1, many).as(acme)), give(1, quota).as(key1).and(take(3, many).as(acme)),
			take(9, quota).as(key1).and(take(1, many).as(acme)), set(2, quota).as(key1).and(set(5, many).as(acme)),
		} {
			c := t.charge(s)
			c.Parts[0].Levels, c.Parts[1].Levels = nil, nil
			t.take(c)
		}
		t.play(read(quota).as(key1).yes(0).outof(2).and(read(many).as(acme).yes(4).outof(9)))
	},
}, {
	name: "parts/without-meters",
	says: "A part may have no meters.",
	story: []step{
		take(1).as(key1).yes().and(take(2, quota).as(acme).yes(2)),
		take(1).as(key1).no().and(take(2, quota).as(acme).no(2)),
	},
}, {
	name: "parts/families",
	says: "A charge over several families is one decision, or it returns ErrApart and ErrNotTaken and charges nothing.",
	test: severalFamilies,
}, {
	name: "parts/place",
	says: "A Place of any part is only a hint: no value of it changes an answer.",
	test: func(t *trial) {
		t.c = newMisplaced(t.c)
		for i := range int64(20) {
			t.play(take(1, many).as(key1).yes(i + 1).and(take(1, calls).as(search).yes(2*i + 1)).and(take(1, calls).as(acme).yes(2*i + 1)))
			t.play(take(1, calls).as(search).yes(2*i + 2).and(take(1, calls).as(acme).yes(2*i + 2)).and(take(1, many).as(key2).yes(i + 1)))
		}
	},
}, {
	name: "parts/invalid",
	says: "A charge of no parts, of seven, or of a subject twice returns ErrInvalid and ErrNotTaken, and charges nothing.",
	test: invalidParts,
}, {
	name: "race/parts",
	says: "Charges over parts that come at once are one decision each. No limit of any part is exceeded, and the parts agree.",
	test: partsTogether,
}, {
	name: "race/parts-seen",
	says: "Nobody sees a part of a charge, or a charge that is refused in the end.",
	test: partsUnseen,
}}

// newcomers charges subjects that a store does not know. If it kept any of them, a later
// bucket with another Max would not be full.
func newcomers() []step {
	small, large := bucket("rate", 2, perDay), bucket("rate", 9, perDay)
	return []step{
		take(1, quota).as(acme).yes(1).and(read(small).as(key1).yes(0)),
		take(1, small).as(key2).no(0).and(take(3, quota).as(acme).no(1)),
		take(3, small).as(key3).no(0).and(take(1, quota).as(acme).no(1)),
		take(9, large).as(key1).yes(9), take(9, large).as(key2).yes(9), take(9, large).as(key3).yes(9),
	}
}

// severalFamilies charges subjects of several families in every order.
func severalFamilies(t *trial) {
	who := []string{"account", "stage a", "gold/key-1", "acme>key-2"}
	want := make([]int64, len(who))
	for i := range 24 {
		s := take(1, daily(0, 100)).as(who[i%4]).yes(want[i%4] + 1)
		for j := 1; j < 4; j++ {
			k := (i + j*(1+i/4%2*2)) % 4
			s = s.and(take(1, daily(0, 100)).as(who[k]).yes(want[k] + 1))
		}
		c := t.charge(s)
		err := t.c.Take(t.ctx, c)
		if errors.Is(err, store.ErrApart) && errors.Is(err, store.ErrNotTaken) {
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
	for k := range who {
		t.play(read(daily(0, 100)).as(who[k]).yes(want[k]))
	}
}

func invalidParts(t *trial) {
	t.play(take(1, quota).as(acme).yes(1))
	part := func(subject string) store.Part { return store.NewPart(subject, 1, t.meters(quota)...) }
	for name, parts := range map[string][]store.Part{
		"no parts":        {},
		"seven parts":     {part("f"), part("f>1"), part("f>2"), part("f>3"), part("f>4"), part("f>5"), part("f>6")},
		"a subject twice": {part(acme), part(key1), part(acme)},
		"an empty one":    {part(acme), part("")},
	} {
		c := &store.Charge{At: t.at(), Parts: parts}
		if err := t.c.Take(t.ctx, c); !errors.Is(err, store.ErrInvalid) || !errors.Is(err, store.ErrNotTaken) {
			t.failf("%s: error %v, want one that wraps %q and %q", name, err, store.ErrInvalid, store.ErrNotTaken)
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
