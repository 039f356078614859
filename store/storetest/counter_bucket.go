package storetest

import (
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
)

var bucketPromises = []promise{{
	name:    "bucket/continuous",
	says:    "A bucket refills continuously. Each token arrives when it is due, and not a microsecond earlier.",
	refills: true,
	story: []step{
		take(10, bucket("rate", 10, perSecond)).yes(10).resets(10 * time.Second),
		take(1, bucket("rate", 10, perSecond)).no(10).waits(time.Second),
		later(time.Second - us),
		take(1, bucket("rate", 10, perSecond)).no(10).waits(us),
		later(us),
		take(1, bucket("rate", 10, perSecond)).yes(10).resets(10 * time.Second),
		later(2500 * time.Millisecond),
		take(3, bucket("rate", 10, perSecond)).no(8).waits(500 * time.Millisecond).resets(7500 * time.Millisecond),
		take(1, bucket("rate", 10, perSecond)).yes(9).resets(8500 * time.Millisecond),
		later(500 * time.Millisecond),
		take(2, bucket("rate", 10, perSecond)).yes(10).resets(10 * time.Second),
		later(time.Hour),
		take(11, bucket("rate", 10, perSecond)).no(0).waits(store.Never).resets(0),
		take(10, bucket("rate", 10, perSecond)).yes(10),
	},
}, {
	name:    "bucket/one-a-day",
	says:    "A rate may be as slow as one token a day.",
	refills: true,
	story: []step{
		take(1, bucket("rate", 1, perDay)).yes(1).resets(day),
		later(day - us),
		take(1, bucket("rate", 1, perDay)).no(1).waits(us).resets(us),
		later(us),
		take(1, bucket("rate", 1, perDay)).yes(1).resets(day),
		later(20 * time.Hour),
		take(1, bucket("rate", 1, perDay)).no(1).waits(4 * time.Hour),
	},
}, {
	name: "bucket/no-drift",
	says: "At 7 tokens a second, exactly 7 are admitted each second for any length of time. No fraction of a " +
		"microsecond is lost or gained.",
	refills: true,
	test:    noDrift,
}, {
	name: "bucket/fast",
	says: "At 3,456,789 tokens a second, the tokens admitted and the tokens held add up to exactly the burst and " +
		"rate times time.",
	refills: true,
	test:    fast,
}, {
	name:    "bucket/often-asked",
	says:    "Reads and refusals, however many, do not slow down the refill of a bucket.",
	refills: true,
	test: func(t *trial) {
		b := bucket("rate", 7, sevenths)
		t.play(take(7, b).yes(7))
		for range 999 {
			t.play(later(142*us), take(7, b).no(7), read(b).yes(7))
		}
		// 141,858 µs have passed. One token takes 142,857 µs and a seventh.
		t.play(take(1, b).no(7).waits(1000*us), later(1000*us), take(1, b).yes(7))
	},
}, {
	name:    "bucket/idle",
	says:    "A bucket that is not full is not forgotten, however long it is not used.",
	refills: true,
	story: []step{
		take(100, bucket("rate", 100, perDay)).yes(100),
		later(50 * day),
		read(bucket("rate", 100, perDay)).yes(50).resets(50 * day),
		later(49 * day),
		take(2, bucket("rate", 100, perDay)).yes(3).resets(3 * day),
		later(3*day - us),
		read(bucket("rate", 100, perDay)).yes(1).resets(us),
	},
}, {
	name: "bucket/clock-back",
	says: "A caller's clock that steps back and forward again adds no tokens.",
	story: []step{
		later(10 * time.Second),
		take(10, bucket("rate", 10, perHour)).yes(10),
		askew(-9 * time.Second),
		take(1, bucket("rate", 10, perHour)).no(10),
		give(1, bucket("rate", 10, perHour)).yes(9),
		take(1, bucket("rate", 10, perHour)).yes(10),
		askew(0),
		take(1, bucket("rate", 10, perHour)).no(10).waits(time.Hour),
		set(0, bucket("rate", 10, perHour)).yes(10),
		askew(-5 * time.Second),
		set(0, bucket("rate", 10, perHour)).yes(10),
		askew(0),
		read(bucket("rate", 10, perHour)).yes(10).resets(10 * time.Hour),
	},
}, {
	name:    "bucket/clock-back-and-on",
	says:    "After the caller's clock stepped back, a bucket refills as if it had not.",
	refills: true,
	story: []step{
		take(10, bucket("rate", 10, perSecond)).yes(10),
		later(2 * time.Second),
		take(1, bucket("rate", 10, perSecond)).yes(9),
		askew(-time.Second),
		take(1, bucket("rate", 10, perSecond)).yes(10),
		take(1, bucket("rate", 10, perSecond)).no(10),
		askew(0),
		take(1, bucket("rate", 10, perSecond)).no(10).waits(time.Second),
		later(time.Second),
		take(1, bucket("rate", 10, perSecond)).yes(10),
	},
}, {
	name:    "bucket/clock-back-wait",
	says:    "While a bucket waits for a clock that stepped back, Wait and Reset include that time.",
	refills: true,
	test:    waitsForClock,
}, {
	name: "bucket/clock",
	says: "In a time T a bucket admits its burst and rate times T, whichever clock it refills by.",
	test: runs,
}}

// noDrift waits a thousand times for exactly the Wait that it gets.
func noDrift(t *trial) {
	b := bucket("rate", 7, sevenths)
	t.play(take(7, b).yes(7))
	const tokens = 700
	for range tokens {
		c := t.take(t.charge(take(1, b)))
		if c.OK {
			t.failf("admitted a token early, %v into the story", t.now)
		}
		t.later(c.Levels[0].Wait - us)
		t.play(take(1, b).no(7).waits(us))
		t.later(us)
		t.play(take(1, b).yes(7))
	}
	if want := tokens / 7 * time.Second; t.now != want {
		t.failf("%d tokens took %v, want %v", tokens, t.now, want)
	}
}

// fast takes odd numbers of tokens at odd instants and never lets the bucket become full.
func fast(t *trial) {
	b := bucket("rate", 1_000_000, store.Rate{Tokens: 3_456_789, Per: 1_000_000})
	t.play(take(1_000_000, b).yes(1_000_000))
	taken := int64(0)
	for i := range 500 {
		t.later(time.Duration(i%97+3) * us)
		due := t.now.Microseconds() * 3_456_789 / 1_000_000
		n := due - taken - int64(i%3)
		if n > 0 {
			taken += n
		}
		t.play(take(max(n, 0), b).yes(1_000_000 - due + taken))
	}
}

// waitsForClock waits for exactly the Wait that it gets, on a clock that has stepped back
// an hour.
func waitsForClock(t *trial) {
	b := bucket("rate", 10, perSecond)
	behind := time.Hour
	if t.Advance != nil {
		behind = 0 // buckets use the store's clock, whatever the caller's clock shows
	}
	t.later(behind)
	t.play(
		take(10, b).yes(10),
		askew(-time.Hour),
		take(3, b).no(10).waits(behind+3*time.Second).resets(behind+10*time.Second),
		take(11, b).no(10).waits(store.Never).resets(behind+10*time.Second),
		read(b).yes(10).resets(behind+10*time.Second),
		give(2, b).yes(8).resets(behind+8*time.Second),
		set(0, b).yes(10).resets(behind+10*time.Second),
		later(behind+3*time.Second-us),
		take(3, b).no(8).waits(us).resets(7*time.Second+us),
		later(us),
		take(3, b).yes(10).resets(10*time.Second),
	)
}

// runs checks what must also hold on a clock that the test cannot move.
func runs(t *trial) {
	b := bucket("rate", 10, store.Rate{Tokens: 1, Per: 20_000})
	admitted := 0
	for admitted < 20 {
		c := t.take(t.charge(take(1, b)))
		if c.OK {
			admitted++
			continue
		}
		if w := c.Levels[0].Wait; w <= 0 || w > 20*time.Millisecond {
			t.failf("a token comes every 20ms, but Wait is %v", w)
		}
		t.pause(c.Levels[0].Wait + t.Slack/100)
	}
	if t.elapsed() < 200*time.Millisecond-t.Slack {
		t.failf("20 units were admitted in %v, want 10 and then 1 every 20ms", t.elapsed())
	}
	t.pause(200*time.Millisecond + t.Slack)
	t.play(take(10, b).yes(10))
}

var planPromises = []promise{{
	name: "plan/bucket-capacity",
	says: "A bucket whose capacity changes keeps the tokens it has, down to a smaller capacity.",
	story: []step{
		take(7, bucket("rate", 10, perDay)).yes(7),
		read(bucket("rate", 20, perDay)).yes(17),
		take(1, bucket("rate", 20, perDay)).yes(18),
		take(3, bucket("rate", 20, perDay)).no(18).waits(day),
		read(bucket("rate", 1, perDay)).yes(0),
		read(bucket("rate", 10, perDay)).yes(8),
		take(1, bucket("rate", 1, perDay)).yes(1),
		read(bucket("rate", 10, perDay)).yes(10),
		give(4, bucket("rate", 10, perDay)).yes(6),
		take(1, bucket("rate", 0, perDay)).no(0).waits(store.Never),
		read(bucket("rate", 10, perDay)).yes(6),
	},
}, {
	name: "plan/bucket-rate",
	says: "A bucket whose rate changes keeps the tokens it has. A plan change does not fill it up.",
	story: []step{
		take(10, bucket("rate", 10, perDay)).yes(10),
		take(1, bucket("rate", 10, perHour)).no(10),
		take(1, bucket("rate", 10, store.Rate{})).no(10).waits(store.Never).resets(store.Never),
		give(3, bucket("rate", 10, perHour)).yes(7),
		read(bucket("rate", 10, perDay)).yes(7),
		take(4, bucket("rate", 30, perDay)).no(27),
	},
}, {
	name:    "plan/bucket-fraction",
	says:    "A fraction of a token survives a change of rate.",
	refills: true,
	story: []step{
		take(10, bucket("rate", 10, perSecond)).yes(10),
		later(1500 * time.Millisecond),
		take(1, bucket("rate", 10, perSecond)).yes(10),
		take(1, bucket("rate", 10, perDay)).no(10).waits(12 * time.Hour),
		give(1, bucket("rate", 10, perDay)).yes(9),
		later(6 * time.Hour),
		take(1, bucket("rate", 10, perDay)).yes(10),
		take(1, bucket("rate", 10, perSecond)).no(10).waits(250 * time.Millisecond),
	},
}, {
	name: "plan/window-limit",
	says: "A window whose limit changes keeps its use, even above a smaller limit, and always accepts a refund.",
	story: []step{
		take(6, daily(0, 10)).yes(6),
		take(1, daily(0, 5)).no(6).waits(day),
		read(daily(0, 5)).yes(6),
		give(2, daily(0, 5)).yes(4),
		take(1, daily(0, 5)).yes(5),
		take(15, daily(0, 20)).yes(20),
		read(daily(0, 0)).yes(20),
		take(1, daily(0, 0)).no(20).waits(store.Never),
	},
}, {
	name: "plan/window-length",
	says: "The state of a window belongs to its start. A window that is charged with a later End keeps its use " +
		"until that End.",
	story: []step{
		take(3, window("quota", 5, 0, time.Hour)).yes(3),
		take(1, window("quota", 5, 0, day)).yes(4),
		later(23 * time.Hour),
		take(2, window("quota", 5, 0, day)).no(4).waits(time.Hour),
		take(1, window("quota", 5, 0, 9*day)).yes(5),
		later(8 * day),
		take(1, window("quota", 5, 0, 9*day)).no(5).waits(time.Hour),
	},
}, {
	name: "bucket/rare",
	says: "A rare bucket behaves like any other. A subject may have hundreds of them beside its other meters.",
	test: rare,
}}

// rare charges each of many IDs once, although each is tried several times.
func rare(t *trial) {
	const ids = 200
	quota, id := daily(0, ids), func(i int) store.Meter {
		m := bucket(fmt.Sprint("id-", i), 1, perDay)
		m.Rare = true
		return m
	}
	t.play(take(1, id(0)).yes(1).resets(day), take(1, id(0)).no(1).waits(day), read(id(0)).yes(1), give(1, id(0)).yes(0))
	for i := range ids {
		used := int64(i)
		t.play(
			take(1, quota, id(i)).yes(used+1, 1),
			take(1, quota, id(i)).no(used+1, 1),
			take(1, id(i/2), quota).no(1, used+1),
			read(quota, id(i)).yes(used+1, 1),
		)
	}
	t.play(
		take(1, quota, id(ids)).no(ids, 0).waits(day, 0),
		read(quota, id(7), id(ids)).yes(ids, 1, 0),
		give(1, quota, id(7)).yes(ids-1, 0),
		take(1, quota, id(7)).yes(ids, 1),
		set(1, id(7)).yes(0),
		take(1, id(7)).yes(1),
		take(1, id(7)).as("nobody").yes(1),
	)
}
