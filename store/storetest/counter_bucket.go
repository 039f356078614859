package storetest

import (
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
		t.later(c.Parts[0].Levels[0].Wait - us)
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
		if w := c.Parts[0].Levels[0].Wait; w <= 0 || w > 20*time.Millisecond {
			t.failf("a token comes every 20ms, but Wait is %v", w)
		}
		t.pause(c.Parts[0].Levels[0].Wait + t.Slack/100)
	}
	if t.elapsed() < 200*time.Millisecond-t.Slack {
		t.failf("20 units were admitted in %v, want 10 and then 1 every 20ms", t.elapsed())
	}
	t.pause(200*time.Millisecond + t.Slack)
	t.play(take(10, b).yes(10))
}
