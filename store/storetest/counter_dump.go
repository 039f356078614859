package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// dumpable is a promise about a Dumper. It is skipped for a counter that is none.
func dumpable(name, says string, test func(t *trial)) promise {
	return promise{name: name, says: says, test: func(t *trial) {
		if _, ok := t.c.(store.Dumper); !ok {
			t.skipf("%T is no store.Dumper", t.c)
		}
		test(t)
	}}
}

// with makes a promise one that needs a field of the harness.
func (p promise) with(needs need) promise {
	p.needs = needs
	return p
}

var (
	slow  = bucket("slow", 9, store.Rate{}) // nothing refills it, so no clock changes it
	rareA = rarely("id a")
)

// rarely returns a rare bucket that nothing refills.
func rarely(name string) store.Meter {
	m := bucket(name, 9, store.Rate{})
	m.Rare = true
	return m
}

var dumpPromises = []promise{
	dumpable("dump/whole", "A dump that is restored to another store gives it every state of a subject: buckets, windows, ended ones, "+
		"extensions, IDs, and when units were last taken.", func(t *trial) {
		t.play(
			take(2, slow, month).as("acme>key").yes(2, 2), take(1, rareA).as("acme>key").yes(1), set(5, month).as("acme>key").yes(2).outof(7),
			later(time.Hour), take(1, daily(0, 3)).as("acme>key").yes(1), take(2, month).as("acme").yes(2),
			later(day), take(3, daily(1, 3)).as("acme>key").yes(3), take(9, soft(quota)).as("other").yes(9).waits(store.Never), give(9, quota).as("other").yes(0),
		)
		t.play(take(2, rareA).as("only an ID").yes(2))
		t.carry(t.dump(1), 1)
		t.play(
			read(rareA).as("only an ID").yes(2),
			read(slow, month, rareA).as("acme>key").yes(2, 2, 1).outof(9, 7, 9),
			read(daily(0, 3), daily(1, 3)).as("acme>key").yes(1, 3).lasts(61, 61),
			read(month).as("acme").yes(2).lasts(3), read(quota).as("other").yes(0),
			take(1, daily(1, 3)).as("acme>key").no(3), take(2, daily(0, 3)).as("acme>key").yes(3), take(8, slow).as("acme>key").no(2),
			take(7, slow, daily(2, 9)).as("acme>key").yes(9, 7),
		)
	}),
	dumpable("dump/bytes", "Subjects and names in a dump are those that were charged, whatever their bytes and lengths are.", func(t *trial) {
		texts := []string{"a", "a\x00", "\n", "%", "%25", "a{b}c", "}", "{", "\xff\xfe", "'", `"`, "*?[a]", "é", ":past", "a:ids", "\x00"}
		texts = append(texts, long("n", store.MaxName), long("m", store.MaxName))
		for i, text := range texts {
			n := int64(i%3 + 1)
			t.play(take(n, bucket(text, 9, store.Rate{}), daily(0, 9), window(text, 9, 0, day)).as(text).yes(n, n, n))
			t.play(take(n, bucket(text, 9, store.Rate{})).as(text + ">" + text).yes(n))
		}
		t.carry(t.dump(3), 5)
		for i, text := range texts {
			n := int64(i%3 + 1)
			t.play(read(bucket(text, 9, store.Rate{}), daily(0, 9), window(text, 9, 0, day)).as(text).yes(n, n, n))
			t.play(read(bucket(text, 9, store.Rate{})).as(text + ">" + text).yes(n))
		}
	}),
	refilling(dumpable("dump/fraction", "A bucket in a dump has the fraction of a token that it has, and the instant of it.", func(t *trial) {
		rate := bucket("rate", 3, store.Rate{Tokens: 1, Per: 3_600_000_000}) // one an hour
		t.play(take(3, rate).yes(3), later(90*time.Minute))
		t.play(take(1, rate).yes(3), later(6*time.Minute))
		t.carry(t.dump(1), 1)
		c := t.charge(take(1, rate))
		if err := t.c.Take(t.ctx, c); err != nil {
			t.failf("the charge returned the error %q", err)
		}
		if wait := c.Parts[0].Levels[0].Wait; c.OK || wait < 23*time.Minute || wait > 24*time.Minute {
			t.failf("after 3 tokens, 90 minutes, 1 token and 6 minutes a token is there in %v, want 24m", wait)
		}
	})),
	dumpable("dump/closed", "A subject that was moved is closed in the store to which a dump is restored.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		t.moves("key", "acme>key")
		t.moves("nobody", "acme>nobody")
		t.carry(t.dump(1), 1)
		t.isMoved(take(1, quota).as("key"), "key", "acme>key")
		t.isMoved(take(1, quota).as("nobody"), "nobody", "acme>nobody")
		t.play(take(1, quota).as("acme>key").yes(2), take(1, quota).as("acme>nobody").yes(1))
	}),
	dumpable("dump/complete", "A subject that has state throughout a dump is in it at least once, also if others come and go.", complete),
	dumpable("dump/nothing", "Dump changes nothing, and the dump of an empty store is empty.", func(t *trial) {
		if records := t.dump(10); len(records) > 0 {
			t.failf("the dump of an empty store has %d records: %+v", len(records), records)
		}
		t.play(take(2, slow, quota).yes(2, 2))
		t.dump(10)
		t.dump(1)
		t.play(read(slow, quota).yes(2, 2), take(1, slow, quota).yes(3, 3))
	}),
	dumpable("dump/invalid", "Dump refuses a cursor that it has not returned, and a limit below 1, with ErrInvalid.", func(t *trial) {
		t.play(take(1, quota).yes(1))
		for _, cursor := range []string{"no cursor", "-1", "\xff", long("9", 999)} {
			if _, _, err := t.dumper().Dump(t.ctx, cursor, 10); !errors.Is(err, store.ErrInvalid) {
				t.failf("Dump from cursor %.20q: error %v, want one that wraps %q", cursor, err, store.ErrInvalid)
			}
		}
		for _, limit := range []int{0, -1, math.MinInt} {
			if _, _, err := t.dumper().Dump(t.ctx, "", limit); !errors.Is(err, store.ErrInvalid) {
				t.failf("Dump of %d: error %v, want one that wraps %q", limit, err, store.ErrInvalid)
			}
		}
	}),
	dumpable("dump/ctx", "Dump and Restore return an error that wraps that of a ctx that is done. Restore changes nothing then.", func(t *trial) {
		t.play(take(1, quota).yes(1))
		records := t.dump(10)
		ctx, cancel := context.WithCancel(t.ctx)
		cancel()
		if _, _, err := t.dumper().Dump(ctx, "", 10); !errors.Is(err, context.Canceled) {
			t.failf("Dump: error %v, want one that wraps %q", err, context.Canceled)
		}
		for i := range records {
			records[i].Subject = "newcomer"
		}
		if err := t.dumper().Restore(ctx, records); !errors.Is(err, context.Canceled) {
			t.failf("Restore: error %v, want one that wraps %q", err, context.Canceled)
		}
		t.play(read(quota).as("newcomer").yes(0))
	}),
}

// complete dumps in small pages. Between two pages other subjects are charged and moved.
func complete(t *trial) {
	const stay = 300
	for i := range stay {
		t.play(take(1, slow, quota).as(fmt.Sprint("stays ", i)).yes(1, 1))
	}
	seen := map[string]bool{}
	for cursor, pages := "", 0; ; pages++ {
		records, next, err := t.dumper().Dump(t.ctx, cursor, 7)
		if err != nil || pages > 100*stay {
			t.failf("page %d of a dump: error %v, want none and an end", pages, err)
		}
		for _, r := range records {
			seen[r.Subject] = seen[r.Subject] || len(r.States) == 2
		}
		if cursor = next; cursor == "" {
			break
		}
		if pages < stay {
			t.play(take(1, quota).as(fmt.Sprint("comes ", pages)).yes(1), take(1, quota).as(fmt.Sprint("stays ", pages)).yes(2))
		}
	}
	for i := range stay {
		if !seen[fmt.Sprint("stays ", i)] {
			t.failf("subject %d of %d was there all the time, and is not in the dump with both of its states", i, stay)
		}
	}
}

func long(text string, n int) string {
	return string(slices.Repeat([]byte(text), n))
}

func (t *trial) dumper() store.Dumper { return t.c.(store.Dumper) }

// dump returns all records of the counter, from pages of about limit.
func (t *trial) dump(limit int) (all []store.Record) {
	for cursor, pages := "", 0; ; pages++ {
		records, next, err := t.dumper().Dump(t.ctx, cursor, limit)
		if err != nil {
			t.failf("Dump returned the error %q, want none", err)
		}
		if err := store.CheckRecords(records); err != nil {
			t.failf("Dump returned a record that is at fault: %v", err)
		}
		if all = append(all, records...); next == "" {
			return all
		}
		if cursor = next; pages > 100_000 {
			t.failf("the dump has no end")
		}
	}
}

// carry makes a fresh counter, and restores records to it, some at a time. Its clock is
// that of the story.
func (t *trial) carry(records []store.Record, limit int) {
	t.c = t.New(t.tb)
	if t.Advance != nil {
		t.Advance(t.now)
	}
	t.restore(records, limit)
}

func (t *trial) restore(records []store.Record, limit int) {
	for some := range slices.Chunk(records, limit) {
		if err := t.dumper().Restore(t.ctx, some); err != nil {
			t.failf("Restore returned the error %q, want none", err)
		}
	}
}
