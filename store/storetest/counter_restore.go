package storetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/store"
)

var restorePromises = []promise{
	dumpable("restore/repeated", "Restoring a record again changes nothing.", func(t *trial) {
		t.play(take(2, slow, daily(0, 9), daily(1, 9), rareA).yes(2, 2, 2, 2))
		records := t.dump(1)
		t.carry(append(records, records...), 100)
		t.restore(records, 1)
		t.play(read(slow, daily(0, 9), daily(1, 9), rareA).yes(2, 2, 2, 2), take(7, slow).yes(9))
	}),
	dumpable("restore/kept", "Restoring an older record takes back nothing that was charged meanwhile.", func(t *trial) {
		t.play(take(1, slow, daily(0, 9), daily(1, 9)).yes(1, 1, 1))
		records := t.dump(1)
		t.carry(records, 1)
		t.later(us)
		t.play(take(2, slow, daily(0, 9), daily(1, 9)).yes(3, 3, 3), take(1, month, rareA).yes(1, 1))
		t.restore(records, 1)
		t.play(read(slow, daily(0, 9), daily(1, 9), month, rareA).yes(3, 3, 3, 1, 1))
	}),
	dumpable("restore/later", "Restoring a later record replaces an earlier one, and adds the meters that are new.", func(t *trial) {
		t.play(take(1, slow, daily(0, 9), daily(1, 9), rareA).yes(1, 1, 1, 1))
		before := t.dump(1)
		t.later(us)
		t.play(take(2, slow, daily(0, 9), daily(1, 9)).yes(3, 3, 3), set(1, daily(0, 9)).yes(3).outof(4), take(1, month, rarely("id b")).yes(1, 1))
		after := t.dump(1)
		t.carry(append(before, after...), 100)
		t.play(read(slow, daily(0, 9), daily(1, 9), month, rareA, rarely("id b")).yes(3, 3, 3, 1, 1, 1).outof(9, 4, 9, 4, 9, 9))
	}),
	dumpable("restore/windows", "A window that is restored beside a newer or an older one of its name leaves that one as it is.", func(t *trial) {
		t.play(take(2, daily(1, 9)).yes(2))
		middle := t.dump(1)
		t.carry(nil, 1)
		t.play(take(1, daily(0, 9)).yes(1), take(3, daily(2, 9)).yes(3))
		t.restore(middle, 1)
		t.play(read(daily(0, 9), daily(1, 9), daily(2, 9)).yes(1, 2, 3), take(1, daily(2, 9)).yes(4), take(1, daily(1, 9)).yes(3))
	}),
	dumpable("restore/open", "States of a subject that is closed are refused with a MovedError. Nothing of it is charged.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		records := t.dump(1)
		t.carry(nil, 1)
		t.moves("key", "acme>key")
		var moved *store.MovedError
		if err := t.dumper().Restore(t.ctx, records); !errors.As(err, &moved) || moved.Subject != "key" || moved.To != "acme>key" {
			t.failf("the error is %v, want a MovedError from %q to %q", err, "key", "acme>key")
		}
		t.isMoved(take(1, quota).as("key"), "key", "acme>key")
		t.play(read(quota).as("acme>key").yes(0))
	}),
	dumpable("restore/closed", "A record that closes a subject is refused with ErrInvalid if the subject has state, or is closed for another one.", func(t *trial) {
		t.play(take(1, quota).as("key").yes(1))
		t.moves("gone", "blue>gone")
		for _, subject := range []string{"key", "gone"} {
			r := store.Record{Subject: subject, MovedTo: "acme>" + subject, Until: t.at().Add(store.ClosedFor).Unix()}
			if err := t.dumper().Restore(t.ctx, []store.Record{r}); !errors.Is(err, store.ErrInvalid) {
				t.failf("a record that closes %q: error %v, want one that wraps %q", r.Subject, err, store.ErrInvalid)
			}
		}
		t.play(take(1, quota).as("key").yes(2))
		t.isMoved(take(1, quota).as("gone"), "gone", "blue>gone")
	}),
	dumpable("restore/invalid", "Records with a figure out of its range are refused with ErrInvalid, and none of them is restored.", func(t *trial) {
		t.play(take(1, slow, quota).yes(1, 1))
		for name, spoil := range spoiled {
			records := t.dump(10)
			i := slices.IndexFunc(records, func(r store.Record) bool { return r.Subject == "somebody" })
			if i < 0 || len(records[i].States) != 2 {
				t.failf("the dump of a bucket and a window is %+v", records)
			}
			sound, r := records[i], records[i]
			sound.Subject, r.Subject = "newcomer", "newcomer 2"
			r.States = slices.Clone(r.States)
			spoil(&r)
			if err := t.dumper().Restore(t.ctx, []store.Record{sound, r}); !errors.Is(err, store.ErrInvalid) {
				t.failf("%s: error %v, want one that wraps %q", name, err, store.ErrInvalid)
			}
			t.play(read(slow, quota).as("newcomer").yes(0, 0), read(slow, quota).as("newcomer 2").yes(0, 0))
		}
	}),
	dumpable("restore/durable", "What was restored is there when the storage is opened again.", func(t *trial) {
		t.play(take(2, slow, daily(0, 9), daily(1, 9), rareA).yes(2, 2, 2, 2))
		t.moves("key", "acme>key")
		t.carry(t.dump(1), 100)
		t.play(reopen(), read(slow, daily(0, 9), daily(1, 9), rareA).yes(2, 2, 2, 2))
		t.isMoved(take(1, quota).as("key"), "key", "acme>key")
	}).with(reopens),
	dumpable("restore/full", "If there is no room for a subject, Restore returns ErrFull. It forgets no allowance that is in use, restored ones included.", func(t *trial) {
		t.play(take(1, slow).as("slow").yes(1), take(1, rate).as("rate").yes(1), take(1, rareA).as("rare").yes(1), take(1, quota).as("window").yes(1))
		records := t.dump(10)
		t.c = t.Full(t.tb)
		t.restore(records, 10)
		room := t.fill()
		for i := range 2 * room {
			t.refused(fmt.Sprint("newcomer ", i))
		}
		newcomer := records[0]
		newcomer.Subject = "newcomer"
		if err := t.dumper().Restore(t.ctx, []store.Record{newcomer}); !errors.Is(err, store.ErrFull) {
			t.failf("the error is %v, want one that wraps %q", err, store.ErrFull)
		}
		t.play(
			read(slow).as("slow").yes(1), read(rate).as("rate").yes(1), read(rareA).as("rare").yes(1), read(quota).as("window").yes(1),
			read(slow, quota).as("newcomer").yes(0, 0),
		)
	}).with(isFull),
}

// spoiled are faults of a record with a bucket and a window.
var spoiled = map[string]func(r *store.Record){
	"no subject":          func(r *store.Record) { r.Subject = "" },
	"a long subject":      func(r *store.Record) { r.Subject = long("x", store.MaxSubject+1) },
	"states and a move":   func(r *store.Record) { r.MovedTo, r.Until = "other", 1<<40 },
	"a move onto itself":  func(r *store.Record) { r.States, r.MovedTo, r.Until = nil, r.Subject, 1<<40 },
	"an until of its own": func(r *store.Record) { r.Until = 1 << 40 },
	"a state twice":       func(r *store.Record) { r.States = append(r.States, r.States[0]) },
	"no name":             func(r *store.Record) { r.States[0].Name = "" },
	"a great figure":      func(r *store.Record) { r.States[1].Until = store.MaxUnits + 1 },
	"use below zero":      func(r *store.Record) { *stateOf(r, true) = store.State{Window: store.Window{Used: -1}} },
	"tokens below zero":   func(r *store.Record) { *stateOf(r, false) = store.State{Bucket: store.Bucket{Tokens: -1, Per: 1}} },
	"no denominator":      func(r *store.Record) { *stateOf(r, false) = store.State{Bucket: store.Bucket{Tokens: 1}} },
	"more than a fraction": func(r *store.Record) {
		*stateOf(r, false) = store.State{Bucket: store.Bucket{Tokens: 1, Part: 9, Per: 9}}
	},
	"a window in a bucket": func(r *store.Record) { stateOf(r, false).Window.Used = 1 },
	"a bucket in a window": func(r *store.Record) { stateOf(r, true).Bucket.Tokens = 1 },
}

// stateOf returns the state of a record's window, or of its bucket.
func stateOf(r *store.Record, window bool) *store.State {
	for i := range r.States {
		if r.States[i].IsWindow == window {
			return &r.States[i].State
		}
	}
	return new(store.State)
}
