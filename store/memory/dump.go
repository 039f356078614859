package memory

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/ration-go/ration/internal/cursor"
	"github.com/ration-go/ration/store"
)

// Dump implements store.Dumper. Its cursor is the place in the Store at which it goes on:
// a shard and a slot of its slabs. An account keeps its slot until it is evicted or
// moved. The closed subjects of a shard follow its accounts, all on one page.
//
// Other calls wait for a short time only: Dump locks one shard at a time, and copies the
// states of at most limit accounts.
func (s *Store) Dump(ctx context.Context, from string, limit int) (records []store.Record, next string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	shard, slot, err := s.parsePlace(from)
	if err == nil && limit < 1 {
		err = fmt.Errorf("limit: %d: want 1 or more", limit)
	}
	if err != nil {
		return nil, "", fmt.Errorf("store/memory: dump: %w: %w", store.ErrInvalid, err)
	}

	at := time.Now()
	d := &dump{at: at, shift: s.clockShift(at), limit: limit}
	for ; shard < len(s.shards); shard, slot = shard+1, 0 {
		if slot = d.shard(&s.shards[shard], slot); slot > 0 || len(d.records) >= limit {
			break
		}
	}
	switch {
	case slot > 0:
		next = placeCursor(shard, slot)
	case shard+1 < len(s.shards):
		next = placeCursor(shard+1, 0)
	}
	return d.records, next, nil
}

// placeCursor returns the cursor of a place. The lowest place that a page can begin with
// is slot 1 of the first shard, and no cursor is below 2.
func placeCursor(shard int, slot uint32) string {
	return cursor.Format(uint64(shard)<<tagShift + uint64(slot) + 1)
}

func (s *Store) parsePlace(from string) (shard int, slot uint32, err error) {
	number, err := cursor.Parse(from)
	if err != nil || number == 0 {
		return 0, 0, err
	}
	number--
	if number>>tagShift >= uint64(len(s.shards)) {
		return 0, 0, cursor.Fault(from)
	}
	return int(number >> tagShift), uint32(number & maxSlots), nil
}

// A dump has what one call of Dump has found.
type dump struct {
	at      time.Time
	shift   time.Duration // see Store.clockShift
	limit   int
	records []store.Record
}

// shard adds records of a shard, from a slot on. It returns the slot at which the next
// page goes on, or 0 if the shard is done.
func (d *dump) shard(sh *shard, slot uint32) (next uint32) {
	var accounts []accountCopy
	sh.mu.Lock()
	now := sh.store.micros(d.at)
	for ; slot < sh.slots && len(d.records)+len(accounts) < d.limit; slot++ {
		a := sh.account(slot)
		if a.name.length != noSubject && a.dueAt(spent, d.at, now) > now {
			accounts = append(accounts, accountCopy{a.subject(), a.states(d.at)})
		}
	}
	done := slot >= sh.slots
	var moved map[string]closed
	if done && sh.closed != nil {
		moved = maps.Clone(sh.closed.subjects)
	}
	sh.mu.Unlock()

	for i := range accounts {
		d.account(&accounts[i])
	}
	for subject, c := range moved {
		d.records = append(d.records, store.Record{Subject: subject, MovedTo: c.to, Until: c.until.Add(time.Second - 1).Unix()})
	}
	if done {
		return 0
	}
	return slot
}

// account adds the record of an account. The states that mean nothing are left out.
func (d *dump) account(a *accountCopy) {
	r := store.Record{Subject: a.subject}
	for i := range a.states {
		m := &a.states[i]
		m.bucket.Last = byWallClock(m.bucket.Last, d.shift)
		st := store.StateOf(&m.Meter, store.State{Bucket: m.bucket, Window: m.window})
		if !st.IsOver(d.at.UnixMicro()) {
			r.States = append(r.States, st)
		}
	}
	if len(r.States) > 0 {
		d.records = append(d.records, r)
	}
}
