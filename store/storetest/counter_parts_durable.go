package storetest

import (
	"errors"
	"time"

	"github.com/ration-go/ration/store"
)

// partDurablePromises are about parts, soft meters, Last and moved subjects when the
// storage is opened again.
var partDurablePromises = []promise{{
	name:  "reopen/parts",
	says:  "All parts of a charge that has returned are kept when the storage is opened again, and nothing of a refused one.",
	needs: reopens,
	story: []step{
		take(1, quota, calls).as(key1).yes(1, 1).and(take(2, quota).as(search).yes(2)).and(take(3, many).as(acme).yes(3)),
		take(1, quota, calls).as(key1).no(1, 1).and(take(2, quota).as(search).no(2)).and(take(1, many).as(acme).no(3)),
		decoy, reopen(),
		read(quota, calls).as(key1).yes(1, 1).and(read(quota).as(search).yes(2)).and(read(many).as(acme).yes(3)),
		take(1, quota).as(search).yes(3).and(take(1, many).as(acme).yes(4)),
		take(1, calls).as("decoy 2").yes(1), reopen(),
		take(1, quota).as(search).no(3).and(take(1, many).as(acme).no(4)).and(take(1, quota).as(key1).no(1)),
	},
}, {
	name:  "reopen/soft",
	says:  "What a soft window has counted above its Max is kept when the storage is opened again.",
	needs: reopens,
	story: []step{
		take(5, soft(quota)).yes(5).waits(store.Never), decoy, reopen(),
		read(soft(quota)).yes(5), take(1, quota).no(5), take(2, soft(quota)).yes(7).waits(day),
	},
}, {
	name:  "reopen/taken",
	says:  "The Last of each window is kept when the storage is opened again, also of one that has ended.",
	needs: reopens,
	story: []step{
		later(time.Hour), take(1, quota).yes(1).lasts(61),
		later(time.Hour), take(2, month).yes(2).lasts(1 + 120/22), give(2, month).yes(0).lasts(1 + 120/22),
		decoy, reopen(),
		read(quota, month).yes(1, 0).lasts(61, 1+120/22),
		later(day), take(1, daily(1, 3)).yes(1).lasts(121),
		take(1, calls).as("decoy 2").yes(1).lasts(1440), reopen(),
		read(quota, daily(1, 3)).yes(1, 1).lasts(61, 121),
	},
}, {
	name:  "reopen/moved",
	says:  "A subject that was closed stays closed when the storage is opened again, and the other one has its state.",
	needs: reopens,
	test: func(t *trial) {
		t.play(take(1, quota, three).as("key").yes(1, 1))
		t.moves("key", "acme>key")
		t.moves("unused", "acme>unused")
		t.play(decoy, reopen())
		t.isMoved(take(1, quota).as("key"), "key", "acme>key")
		t.isMoved(take(1, quota).as("unused"), "unused", "acme>unused")
		t.play(take(1, quota, three).as("acme>key").yes(2, 2))
		t.moves("key", "acme>key")
		t.moves("acme>key", "key")
		t.play(take(1, calls).as("decoy 2").yes(1), reopen(), read(quota, three).as("key").yes(2, 2))
		t.isMoved(read(quota).as("acme>key"), "acme>key", "key")
	},
}}

// partPeerPromises are about the same at a second counter.
var partPeerPromises = []promise{{
	name:  "peer/parts",
	says:  "Each of two counters over one storage decides by what the other has admitted in any part.",
	needs: peers,
	story: []step{
		take(1, quota).as(key1).yes(1).and(take(1, quota).as(acme).yes(1)),
		take(1, quota).as(key2).yes(1).and(take(1, quota).as(acme).yes(2)).there(),
		take(1, quota).as(acme).yes(3).and(take(1, quota).as(key2).yes(2)),
		take(1, quota).as(key1).no(1).and(take(1, quota).as(acme).no(3)).there(),
		give(1, quota).as(acme).yes(2).and(read(quota).as(key1).yes(1)).there(),
		take(1, quota).as(key1).yes(2).and(take(1, quota).as(acme).yes(3)),
		read(quota).as(key1).yes(2).and(read(quota).as(key2).yes(2)).and(read(quota).as(acme).yes(3)).there(),
	},
}, {
	name:  "peer/taken",
	says:  "Last never moves back, also if another counter over the storage took units later.",
	needs: peers,
	story: []step{
		later(time.Hour), take(1, quota).yes(1).lasts(61),
		askew(-30 * time.Minute), take(1, quota).yes(2).lasts(61).there(),
		askew(0), later(time.Hour), take(1, quota).yes(3).lasts(121).there(),
		read(quota).yes(3).lasts(121),
	},
}, {
	name:  "peer/moved",
	says:  "A subject that one counter closes is closed for the other at once, even if that has just charged it.",
	needs: peers,
	test: func(t *trial) {
		t.play(take(1, quota).as("key").yes(1), take(1, quota).as("key").yes(2).there())
		t.moves("key", "acme>key")
		c := t.charge(take(1, quota).as("key"))
		err := t.peer.Take(t.ctx, c)
		var moved *store.MovedError
		if !errors.As(err, &moved) || moved.To != "acme>key" {
			t.failf("%s, at the second counter: error %v, want a MovedError to %q", t.where(c), err, "acme>key")
		}
		t.play(take(1, quota).as("acme>key").yes(3).there(), take(1, quota).as("acme>key").no(3))
	},
}}
