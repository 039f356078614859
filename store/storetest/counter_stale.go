package storetest

import (
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var stalePromises = []promise{{
	name: "read/absent",
	says: "A read or a refusal makes nothing. A subject that was only read or refused still starts full, under " +
		"whatever plan charges it first.",
	story: []step{
		read(bucket("rate", 1, perDay), daily(0, 1)).as("reader").yes(0, 0),
		read(bucket("rate", 5, perDay), daily(0, 5)).as("reader").yes(0, 0),
		take(5, bucket("rate", 5, perDay), daily(0, 5)).as("reader").yes(5, 5),
		take(2, bucket("rate", 1, perDay)).as("refused").no(0),
		each(1, 2).of(bucket("rate", 1, perDay), daily(0, 1)).as("refused").no(0, 0),
		take(5, bucket("rate", 5, perDay), daily(0, 5)).as("refused").yes(5, 5),
		take(5, bucket("rate", 5, perDay), daily(0, 5)).as("new").yes(5, 5),
	},
}, {
	name: "read/beside",
	says: "An N of zero only reads, also if the charge takes from other meters.",
	story: []step{
		each(0, 1).of(bucket("rate", 1, perDay), quota).yes(0, 1),
		take(4, bucket("rate", 5, perDay)).yes(4),
		give(4, bucket("rate", 5, perDay)).yes(0),
		each(1, 0).of(quota, bucket("rate", 2, perDay)).yes(2, 0),
		each(-1, 0).of(quota, bucket("rate", 1, perDay)).yes(1, 0),
		read(bucket("rate", 5, perDay)).yes(0),
		take(5, bucket("rate", 5, perDay)).yes(5),
	},
}, {
	name: "read/lifetime",
	says: "A read does not change how long a window is kept, whatever End and Keep the reader has.",
	test: func(t *trial) {
		short := window("day", 3, 0, time.Second)
		short.Keep = 0
		t.play(take(2, daily(0, 3)).yes(2), read(short).yes(2))
		levels := make([]store.Level, 1)
		if err := store.Peek(t.ctx, t.c, t.at(), []string{"somebody"}, t.meters(short), levels, nil); err != nil {
			t.failf("%s returned the error %q, want none", t.byPeek(), err)
		}
		t.play(later(time.Hour))
		t.take(t.charge(read(short))) // over by this reader's End, so its answer is free
		t.play(
			read(daily(0, 3)).yes(2),
			later(2*day),
			take(1, daily(2, 3)).yes(1),
			read(daily(0, 3)).yes(2),
			give(1, daily(0, 3)).yes(1),
		)
	},
}, {
	name:    "read/refill",
	says:    "A read stores no refill: a bucket that is read under a faster rate has not refilled at that rate.",
	refills: true,
	story: []step{
		take(10, bucket("rate", 10, perDay)).yes(10),
		later(time.Hour),
		read(bucket("rate", 10, perSecond)).yes(0).resets(0),
		read(bucket("rate", 10, perDay)).yes(10).resets(10*day - time.Hour),
		take(1, bucket("rate", 10, perDay)).no(10).waits(23 * time.Hour),
		later(23 * time.Hour),
		take(1, bucket("rate", 10, perDay)).yes(10).resets(10 * day),
	},
}, {
	name: "read/fresh",
	says: "A read shows every charge that returned before it, whichever meters the charge named beside.",
	story: []step{
		take(1, rate, quota, calls).yes(1, 1, 1),
		read(rate, quota, calls).yes(1, 1, 1),
		take(1, quota).yes(2),
		read(rate, quota, calls).yes(1, 2, 1),
		take(1, calls, rate).yes(2, 2),
		read(rate, quota, calls).yes(2, 2, 2),
		set(5, quota).yes(2).outof(7),
		read(rate, quota, calls).yes(2, 2, 2).outof(2, 7, store.Unlimited),
		give(1, calls, quota, rate).yes(1, 1, 1).outof(store.Unlimited, 7, 2),
		read(rate, quota, calls).yes(1, 1, 1).outof(2, 7, store.Unlimited),
	},
}, {
	name: "read/fresh-one",
	says: "A read by TakeOne shows every charge that returned before it.",
	test: func(t *trial) {
		reads := func(want int64) {
			for _, m := range t.meters(rate, quota) {
				l, ok, err := store.One(t.c).TakeOne(t.ctx, "somebody", &m, t.at(), 0)
				if err != nil || !ok || l.Used != want {
					t.failf("TakeOne reads %q: %+v, OK %t, error %v, want a Used of %d", m.Name, l, ok, err, want)
				}
			}
		}
		reads(0)
		t.play(take(1, rate, quota).yes(1, 1))
		reads(1)
		t.play(take(1, rate, quota).yes(2, 2))
		reads(2)
		t.play(give(2, quota, rate).yes(0, 0))
		reads(0)
	},
}, {
	name: "read/fresh-peek",
	says: "Peek shows every charge that returned before it, also of a subject that a Peek has found absent.",
	test: func(t *trial) {
		on := []store.Meter{rate, quota}
		t.play(take(1, on...).as("known").yes(1, 1))
		t.peeks(on, []string{"known", "absent"}, 1, 0)
		t.play(take(1, on...).as("known").yes(2, 2))
		t.peeks(on, []string{"known", "absent"}, 2, 0)
		t.play(take(1, on...).as("absent").yes(1, 1))
		t.peeks(on, []string{"known", "absent"}, 2, 1)
		t.play(give(2, on...).as("known").yes(0, 0))
		t.peeks(on, []string{"absent", "known"}, 1, 0)
	},
}, {
	name: "read/zero-instant",
	says: "If a read has a zero At, the store reads its own clock.",
	test: zeroInstant,
}, {
	name: "read/epoch",
	says: "Only the zero Time stands for the store's own clock. The first instant of 1970 is one like any other.",
	test: func(t *trial) {
		m := window("epoch", 3, -10*time.Second, 10*time.Second)
		t.base = time.Unix(0, 0)
		t.play(
			take(3, m).yes(3).resets(10*time.Second),
			take(1, m).no(3).waits(10*time.Second),
			read(m).yes(3).resets(10*time.Second),
		)
	},
}, {
	name: "peek/twice",
	says: "A subject and a meter may be there twice in one Peek, in any place.",
	test: func(t *trial) {
		t.play(take(1, rate, quota).as("a").yes(1, 1), take(2, rate, quota).as("b").yes(2, 2))
		t.peeks([]store.Meter{rate, quota, rate}, []string{"a", "a", "b", "b", "b", "nobody", "nobody"}, 1, 1, 2, 2, 2, 0, 0)
	},
}, {
	name: "peek/many",
	says: "Peek reads any number of subjects, whether they exist or not, in the order in which they are given.",
	test: func(t *trial) {
		var (
			subjects []string
			want     []int64
		)
		for i := range 260 {
			who := strings.Repeat("x", 300-i)
			subjects, want = append(subjects, who), append(want, 0)
			if i%9 == 0 {
				want[i] = int64(1 + i%2)
				t.play(take(want[i], rate).as(who).yes(want[i]))
			}
		}
		t.peeks([]store.Meter{rate}, subjects, want...)
	},
}}

// peeks expects that Peek finds in each of on, for each subject, the Used of want.
func (t *trial) peeks(on []store.Meter, subjects []string, want ...int64) {
	levels := make([]store.Level, len(subjects)*len(on))
	if err := store.Peek(t.ctx, t.c, t.at(), subjects, t.meters(on...), levels, nil); err != nil {
		t.failf("%s returned the error %q, want none", t.byPeek(), err)
	}
	for i, l := range levels {
		if who, m := i/len(on), i%len(on); l.Used != want[who] || l.Max != on[m].Max {
			t.failf("Peek of %q of %q, the subject with index %d: %+v, want a Used of %d and a Max of %d", on[m].Name,
				subjects[who], who, l, want[who], on[m].Max)
		}
	}
}

// zeroInstant reads in every way with a zero At. The window and the bucket both have a
// day to go.
func zeroInstant(t *trial) {
	on := t.meters(window("wide", 2, -day, day), bucket("rate", 2, perDay))
	expect := func(way string, used int64, resets [2]time.Duration, levels ...store.Level) {
		for i, l := range levels {
			if l.Used != used || (l.Reset-resets[i]).Abs() > time.Hour {
				t.failf("%s with a zero At reads %q: %+v, want a Used of %d and a Reset of about %v", way, on[i].Name, l, used, resets[i])
			}
		}
	}
	for used, resets := range [][2]time.Duration{{day, 0}, {day, day}} {
		c := t.take(&store.Charge{Parts: []store.Part{store.NewPart("somebody", 0, on...)}})
		expect("Take", int64(used), resets, c.Parts[0].Levels[:2]...)
		var levels [2]store.Level
		if err := store.Peek(t.ctx, t.c, time.Time{}, []string{"somebody"}, on, levels[:], nil); err != nil {
			t.failf("%s returned the error %q, want none", t.byPeek(), err)
		}
		expect("Peek", int64(used), resets, levels[:]...)
		for i := range on {
			l, ok, err := store.One(t.c).TakeOne(t.ctx, "somebody", &on[i], time.Time{}, 0)
			if err != nil || !ok {
				t.failf("TakeOne reads %q: OK %t, error %v", on[i].Name, ok, err)
			}
			levels[i] = l
		}
		expect("TakeOne", int64(used), resets, levels[:]...)
		t.play(take(1, window("wide", 2, -day, day), bucket("rate", 2, perDay)).yes(int64(used)+1, int64(used)+1))
	}
}
