package storetest

import (
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// decoy is the last charge before a counter is closed in the cases that are not about the
// last charge.
var decoy = take(1, calls).as("decoy").yes(1)

var durablePromises = []promise{{
	name:  "reopen/kept",
	says:  "A counter whose storage is opened again has what was charged and refunded before: tokens taken and use.",
	needs: reopens,
	story: []step{
		each(1, 2, 3).of(rate, quota, month).yes(1, 2, 3),
		give(1, month).yes(2),
		take(7, calls).as("other").yes(7),
		decoy,
		reopen(),
		read(rate, quota, month).yes(1, 2, 2),
		read(calls).as("other").yes(7),
		take(1, rate, quota, month).yes(2, 3, 3),
		take(1, calls).as("decoy 2").yes(1),
		reopen(),
		take(1, rate).no(2),
		read(quota, month).yes(3, 3),
	},
}, {
	name:  "reopen/last",
	says:  "A charge that has returned is kept, even if the counter is closed at once. Nothing is written later.",
	needs: reopens,
	story: []step{
		take(1, quota, calls).yes(1, 1), reopen(),
		take(1, quota, calls).yes(2, 2), reopen(),
		give(1, quota, calls).yes(1, 1), reopen(),
		read(quota, calls).yes(1, 1),
	},
}, {
	name:  "reopen/refused",
	says:  "A refused charge and a read leave nothing behind that is applied when the storage is opened again.",
	needs: reopens,
	story: []step{
		take(2, quota, month).yes(2, 2),
		each(1, 3).of(quota, month).no(2, 2),
		take(2, quota, month).no(2, 2),
		read(quota, month).yes(2, 2),
		decoy,
		reopen(),
		take(1, quota, month).yes(3, 3),
	},
}, {
	name:  "reopen/windows",
	says:  "Windows that have ended are kept until their Keep is over, beside the newer ones of the same name.",
	needs: reopens,
	story: []step{
		take(3, daily(0, 3)).yes(3),
		later(day),
		take(1, daily(1, 3)).yes(1),
		decoy,
		reopen(),
		give(1, daily(0, 3)).yes(2),
		take(1, daily(1, 3)).yes(2),
		later(day),
		take(1, daily(2, 3)).yes(1),
		take(1, calls).as("decoy 2").yes(1),
		reopen(),
		read(daily(2, 3), daily(1, 3), daily(0, 3)).yes(1, 2, 2),
		take(2, daily(0, 3)).no(2).waits(store.Never),
	},
}, {
	name:  "reopen/longer",
	says:  "A window that was charged with a later End is kept according to that End, also when the storage is opened again.",
	needs: reopens,
	story: []step{
		take(3, window("quota", 5, 0, time.Hour)).yes(3),
		take(1, window("quota", 5, 0, 9*day)).yes(4),
		later(4 * day),
		decoy,
		reopen(),
		take(2, window("quota", 5, 0, 9*day)).no(4).waits(5 * day),
		take(1, window("quota", 5, 0, 9*day)).yes(5),
	},
}, {
	name:  "reopen/extension",
	says:  "An extension or a cut of a window is kept when the storage is opened again, even if nothing was used.",
	needs: reopens,
	story: []step{
		take(2, quota).yes(2),
		set(5, quota).yes(2).outof(7),
		set(0, quota).as("blocked").yes(0).outof(0),
		decoy,
		reopen(),
		take(6, quota).no(2).outof(7).waits(store.Never),
		take(5, quota).yes(7).outof(7),
		take(1, quota).as("blocked").no(0).outof(0),
	},
}, {
	name:    "reopen/fraction",
	says:    "A fraction of a token is kept when the storage is opened again.",
	needs:   reopens,
	refills: true,
	story: []step{
		take(10, bucket("rate", 10, perSecond)).yes(10),
		later(1500 * time.Millisecond),
		take(1, bucket("rate", 10, perSecond)).yes(10),
		decoy,
		reopen(),
		take(1, bucket("rate", 10, perSecond)).no(10).waits(500 * time.Millisecond),
		later(500 * time.Millisecond),
		take(1, bucket("rate", 10, perSecond)).yes(10),
	},
}, {
	name:    "reopen/refill",
	says:    "A bucket refills from its last charge, not from when the storage was opened again.",
	needs:   reopens,
	refills: true,
	story: []step{
		take(10, bucket("rate", 10, perSecond)).yes(10),
		later(2 * time.Second),
		decoy,
		reopen(),
		later(time.Second),
		take(4, bucket("rate", 10, perSecond)).no(7).waits(time.Second),
		take(3, bucket("rate", 10, perSecond)).yes(10),
	},
}, {
	name:  "reopen/kinds",
	says:  "A bucket and a window of one name, and rare buckets, are kept apart when the storage is opened again.",
	needs: reopens,
	story: []step{
		each(1, 2).of(bucket("day", 4, perDay), quota).yes(1, 2),
		take(1, rareBucket("id-1"), rareBucket("id-2")).yes(1, 1),
		give(1, rareBucket("id-2")).yes(0),
		decoy,
		reopen(),
		read(quota, bucket("day", 4, perDay)).yes(2, 1),
		take(1, rareBucket("id-1")).no(1),
		take(1, rareBucket("id-2"), rareBucket("id-3")).yes(1, 1),
	},
}, {
	name:  "reopen/great-figures",
	says:  "Figures up to 2^53-1 are kept to the last digit.",
	needs: reopens,
	story: []step{
		take(1<<53-3, great...).yes(1<<53-3, 1<<53-3, 1<<53-3),
		take(1<<32+1, great...).as("other").yes(1<<32+1, 1<<32+1, 1<<32+1),
		decoy,
		reopen(),
		take(1, great...).yes(1<<53-2, 1<<53-2, 1<<53-2),
		take(1, great[0], great[1]).no(1<<53-2, 1<<53-2),
		read(great...).as("other").yes(1<<32+1, 1<<32+1, 1<<32+1),
	},
}, {
	name:  "reopen/any-bytes",
	says:  "Subjects and names of any bytes are kept as they are.",
	needs: reopens,
	test:  anyBytesReopened,
}}

// anyBytesReopened charges every pair of a subject and a name with a different number of
// units, and reads them all once the storage was opened again.
func anyBytesReopened(t *trial) {
	names := []string{"\xff", "\xfe", "\xff\xfe", "\ufffd", "a", "a\x00", "a\x00b", "a\n", "A", "é", "e\u0301", `a"`, "a\\u0000", "a "}
	var on []store.Meter
	for _, name := range names {
		on = append(on, window(name, store.Unlimited, 0, day))
	}
	on = t.meters(on...)
	count := int64(0)
	for _, subject := range names {
		for some := range slices.Chunk(on, store.MaxMeters) {
			c := &store.Charge{At: t.at(), Parts: []store.Part{store.NewPart(subject, 0, some...)}}
			for i := range some {
				count++
				c.Parts[0].N[i] = count
			}
			t.take(c)
		}
	}
	t.play(decoy, reopen())
	levels := make([]store.Level, len(names)*len(names))
	if err := store.Peek(t.ctx, t.c, t.at(), names, on, levels, nil); err != nil {
		t.failf("%s returned the error %q, want none", t.byPeek(), err)
	}
	for i, l := range levels {
		if want := int64(i) + 1; l.Used != want {
			t.failf("subject %q, name %q: Used is %d, want %d", names[i/len(names)], names[i%len(names)], l.Used, want)
		}
	}
}

// rareBucket returns the bucket of an ID, which admits one charge.
func rareBucket(id string) store.Meter {
	m := bucket(id, 1, perDay)
	m.Rare = true
	return m
}
