package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

var extremePromises = []promise{{
	name: "extreme/no-keep",
	says: "A window with a Keep of 0 counts until the last microsecond before its End, even if a later window of its " +
		"name has been charged.",
	story: []step{
		later(1500 * time.Millisecond),
		take(3, minutely(0, 0)).yes(3),
		take(1, minutely(1, 0)).yes(1),
		later(58_500*time.Millisecond - us),
		take(1, minutely(0, 0)).no(3).waits(us),
		give(1, minutely(0, 0)).yes(2),
		take(1, minutely(0, 0)).yes(3),
		read(minutely(0, 0), minutely(1, 0)).yes(3, 1),
		later(us),
		take(2, minutely(1, 0)).yes(3),
		take(1, minutely(1, 0)).no(3).waits(time.Minute),
	},
}, {
	name: "extreme/keep-fraction",
	says: "A Keep may have a fraction of a second. The window can be refunded until the last microsecond of it.",
	story: []step{
		take(3, minutely(0, 1500*time.Millisecond)).yes(3),
		later(61_500*time.Millisecond - us),
		take(1, minutely(1, 1500*time.Millisecond)).yes(1),
		read(minutely(0, 1500*time.Millisecond)).yes(3).resets(0),
		give(1, minutely(0, 1500*time.Millisecond)).yes(2),
		take(2, minutely(0, 1500*time.Millisecond)).no(2).waits(store.Never),
		read(minutely(1, 1500*time.Millisecond)).yes(1),
	},
}, {
	name: "extreme/keep-longest",
	says: "A Keep may be as long as a Duration.",
	story: []step{
		take(3, minutely(0, store.Never), minutely(9, store.Never)).yes(3, 3),
		later(400 * day),
		take(1, window("minute", 3, 400*day, 401*day)).yes(1),
		read(minutely(0, store.Never), minutely(9, store.Never)).yes(3, 3),
		give(1, minutely(0, store.Never)).yes(2),
		take(2, minutely(0, store.Never)).no(2).waits(store.Never),
	},
}, {
	name: "extreme/seconds",
	says: "Windows of one name may be as short as a second and begin a second apart.",
	story: []step{
		take(3, secondly(0)).yes(3),
		later(999_999 * us),
		take(1, secondly(0)).no(3).waits(us),
		later(us),
		take(2, secondly(1)).yes(2),
		later(time.Second),
		take(1, secondly(2)).yes(1),
		give(1, secondly(0)).yes(2),
		read(secondly(0), secondly(1), secondly(2), secondly(3)).yes(2, 2, 1, 0),
	},
}, {
	name: "extreme/nanoseconds",
	says: "For a window, an At between two microseconds counts as the earlier one, before 1970 too. Durations are " +
		"rounded up.",
	test: func(t *trial) {
		for i, from := range []int64{t.base.Unix(), -100} {
			const long = 200 * time.Second // it ends after 1970
			m, who := window("long", 3, 0, long), fmt.Sprint("subject ", i)
			t.base = time.Unix(from, 0)
			t.play(
				askew(1),
				take(3, m).as(who).yes(3).resets(long),
				take(1, m).as(who).no(3).waits(long).resets(long),
				askew(1500),
				read(m).as(who).yes(3).resets(long-us),
				askew(1999),
				take(1, m).as(who).no(3).waits(long-us).resets(long-us),
				askew(2000),
				read(m).as(who).yes(3).resets(long-2*us),
			)
		}
	},
}, {
	name: "extreme/2038",
	says: "A window may end after 2^31 seconds, in January 2038.",
	test: func(t *trial) {
		t.base = time.Unix(1<<31-60, 0)
		t.play(
			take(3, minutely(0, day)).yes(3),
			take(1, minutely(1, day)).yes(1),
			later(time.Minute),
			take(1, minutely(0, day)).no(3).waits(store.Never),
			take(2, minutely(1, day)).yes(3),
			give(1, minutely(0, day)).yes(2),
			later(time.Hour),
			take(1, minutely(1, day)).no(3).waits(store.Never),
			read(minutely(0, day), minutely(1, day)).yes(2, 3),
		)
	},
}, {
	name: "extreme/centuries",
	says: "Windows whose starts are centuries apart, such as 2^32 seconds, have states of their own.",
	test: func(t *trial) {
		var on []store.Meter
		for i := range int64(5) {
			start := 100 + i<<31
			on = append(on, store.Meter{Name: "quota", Max: 10, Start: start, End: start + 100, Keep: day})
		}
		t.base = time.Unix(1, 0)
		t.play(
			each(1, 2, 3, 4, 5).of(on...).yes(1, 2, 3, 4, 5),
			give(1, on[0]).yes(0), give(1, on[2]).yes(2), give(1, on[4]).yes(4),
			read(on...).yes(0, 2, 2, 4, 4),
		)
	},
}, {
	name: "extreme/2500",
	says: "For a window, At may be an instant at which the nanoseconds since 1970 do not fit into 64 bits, such as " +
		"one in the year 2500.",
	test: func(t *trial) {
		t.base = time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC)
		t.play(
			take(3, daily(0, 3)).yes(3).resets(day),
			later(day-us),
			take(1, daily(0, 3)).no(3).waits(us),
			later(us),
			take(1, daily(1, 3)).yes(1).resets(day),
			give(1, daily(0, 3)).yes(2).resets(0),
			read(daily(0, 3), daily(1, 3)).yes(2, 1),
		)
	},
}, {
	name: "extreme/before-1970",
	says: "A window may start and end before 1970.",
	test: func(t *trial) {
		t.base = time.Unix(-150, 0) // no window ends at 0, which marks a bucket
		t.play(
			later(500*time.Millisecond),
			take(3, minutely(0, day)).yes(3).resets(59_500*time.Millisecond),
			take(1, minutely(0, day)).no(3).waits(59_500*time.Millisecond),
			later(time.Minute),
			take(2, minutely(1, day)).yes(2),
			give(1, minutely(0, day)).yes(2).resets(0),
			later(time.Minute),
			take(1, minutely(2, day)).yes(1),
			later(time.Minute),
			take(2, minutely(3, day)).yes(2),
			read(minutely(0, day), minutely(1, day), minutely(2, day), minutely(3, day)).yes(2, 2, 1, 2),
		)
	},
}, {
	name: "extreme/bounds",
	says: "Start and End may be as far as 2^53-1 seconds from 1970. A time that is too long for a Duration is Never.",
	test: func(t *trial) {
		all := store.Meter{Name: "all", Max: 3, Start: -store.MaxUnits, End: store.MaxUnits}
		last := store.Meter{Name: "quota", Max: 3, Start: store.MaxUnits - 1, End: store.MaxUnits, Keep: day}
		far := store.Meter{Name: "quota", Max: 3, Start: 5, End: 1 << 40, Keep: day}
		t.base = time.Unix(0, 0)
		t.play(
			askew(30*365*day),
			take(2, all, far, last).yes(2, 2, 2).resets(store.Never, store.Never, store.Never),
			take(1, all, last).yes(3, 3),
			take(1, all, far, last).no(3, 2, 3).waits(store.Never, 0, store.Never),
			askew(60*365*day),
			give(2, all, far).yes(1, 0),
			set(4, all, last).yes(1, 3).outof(5, 7),
			take(4, all).yes(5).outof(5),
			read(all, last, far).yes(5, 3, 0).outof(5, 7, 3),
		)
	},
}, {
	name: "extreme/many",
	says: "A subject may have hundreds of windows, of one name and of many.",
	test: manyWindows,
}}

// minutely is the i-th window of a minute.
func minutely(i int, keep time.Duration) store.Meter {
	m := window("minute", 3, time.Duration(i)*time.Minute, time.Duration(i+1)*time.Minute)
	m.Keep = keep
	return m
}

// secondly is the i-th window of one second.
func secondly(i int) store.Meter {
	return window("second", 3, time.Duration(i)*time.Second, time.Duration(i+1)*time.Second)
}

// manyWindows charges 200 windows of one name and 200 names, each with another number of
// units, and reads them all.
func manyWindows(t *trial) {
	var on []store.Meter
	for i := range 200 {
		hour := time.Duration(i) * time.Hour
		on = append(on, window("hour", 1000, hour, hour+time.Hour), window(fmt.Sprint("quota-", i), 1000, 0, 300*time.Hour))
		on[2*i].Keep = 300 * time.Hour
	}
	t.readBack(t.meters(on...))
}

// readBack charges each of meters with another number of units, and then reads them all.
func (t *trial) readBack(meters []store.Meter) {
	count := int64(0)
	for some := range slices.Chunk(meters, store.MaxMeters) {
		c := &store.Charge{At: t.at(), Parts: []store.Part{store.NewPart("somebody", 0, some...)}}
		for i := range some {
			count++
			c.Parts[0].N[i] = count
		}
		if t.take(c); !c.OK {
			t.failf("%s: refused", t.where(c))
		}
	}
	levels := make([]store.Level, len(meters))
	if err := store.Peek(t.ctx, t.c, t.at(), []string{"somebody"}, meters, levels, nil); err != nil {
		t.failf("%s returned the error %q, want none", t.byPeek(), err)
	}
	for i, l := range levels {
		if want := int64(i) + 1; l.Used != want {
			other := ""
			if n := l.Used - want; n > 0 && n <= int64(len(meters)) {
				other = fmt.Sprintf(", as if it were one with %q from %d to %d", meters[n-1].Name, meters[n-1].Start, meters[n-1].End)
			}
			t.failf("%q from %d to %d: used %d, want %d%s", meters[i].Name, meters[i].Start, meters[i].End, l.Used, want, other)
		}
	}
}
