package memory

import (
	"context"
	"fmt"
	"math/bits"
	"time"

	"github.com/ration-go/ration/store"
)

// Restore implements store.Dumper. It locks the shard of one record at a time. If the
// Store is full, it makes room as a charge does.
//
// A restored state has no figures of a limit until the first charge brings them. Until
// then it takes more memory, and an ended window whose End the source does not keep is
// not evicted before its Keep is over.
func (s *Store) Restore(ctx context.Context, records []store.Record) error {
	if err := store.CheckRecords(records); err != nil {
		return fmt.Errorf("store/memory: restore: %w", err)
	}
	in := &restoring{s: s, at: time.Now(), fields: map[store.Meter]*field{}}
	in.shift = s.clockShift(in.at)
	for i := range records {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := in.record(&records[i]); err != nil {
			return fmt.Errorf("store/memory: restore: subject %.100q: %w", records[i].Subject, err)
		}
	}
	return nil
}

// A restoring is one call of Restore.
type restoring struct {
	s      *Store
	at     time.Time
	shift  time.Duration          // see Store.clockShift
	fields map[store.Meter]*field // ended windows share them, so none has an extension
}

// record adds a record. To make room it may have to evict other subjects, which needs
// the locks of their shards.
func (in *restoring) record(r *store.Record) error {
	number, hash := in.s.hash(r.Subject)
	sh := &in.s.shards[number]
	for {
		sh.mu.Lock()
		room, err := in.put(sh, hash, r)
		sh.mu.Unlock()
		if room || err != nil {
			return err
		}
		if !in.s.evict(sh, in.at, in.s.micros(in.at)) {
			return fmt.Errorf("more than %d subjects: %w", in.s.max, store.ErrFull)
		}
	}
}

// put adds a record to its shard, which is locked. It reports false if there is no room.
// Then, and after an error, nothing has changed.
func (in *restoring) put(sh *shard, hash uint64, r *store.Record) (room bool, err error) {
	if r.MovedTo != "" {
		return in.putClosed(sh, hash, r)
	}
	if err := sh.closed.check(r.Subject); err != nil {
		return false, err
	}
	slot, known := sh.findSlot(hash, r.Subject)
	if !known && len(r.States) == 0 {
		return true, nil
	}
	now := in.s.micros(in.at)
	if !known {
		if !sh.makeSpace(1, in.at, now) || !in.s.countSubjects(1) {
			return false, nil
		}
		slot = sh.insert(hash, r.Subject)
	}
	a := sh.account(slot)
	for i := range r.States {
		in.putState(sh, a, r.States[i])
	}
	sh.noteDue(a, in.at, now)
	return true, nil
}

// putClosed closes the subject of a record.
func (in *restoring) putClosed(sh *shard, hash uint64, r *store.Record) (room bool, err error) {
	until := time.Unix(r.Until, 0)
	was, isClosed := sh.closed.find(r.Subject)
	if isClosed && was.to != r.MovedTo {
		return false, fmt.Errorf("%w: closed for %.100q: want it closed for %.100q, or open", store.ErrInvalid, was.to, r.MovedTo)
	}
	sh.dropSpent(hash, r.Subject, in.at, in.s.micros(in.at))
	if _, known := sh.findSlot(hash, r.Subject); known {
		return false, fmt.Errorf("%w: in use: want no state of a subject that is closed", store.ErrInvalid)
	}
	if isClosed && was.until.After(until) {
		until = was.until
	}
	if !isClosed && !in.s.countSubjects(1) {
		return false, nil
	}
	sh.close(r.Subject, r.MovedTo, until)
	return true, nil
}

// putState keeps a state, unless the account has one that supersedes it.
func (in *restoring) putState(sh *shard, a *account, s store.MeterState) {
	if s.IsOver(in.at.UnixMicro()) {
		return
	}
	s.Bucket.Last -= in.shift.Microseconds()
	m := meterOf(&s)
	if held := a.readState(&m, -1); held != (store.State{}) {
		was := s
		was.State = held
		if !s.Supersedes(&was) {
			return
		}
	}
	f := in.fields[m]
	if f == nil {
		f = &field{Meter: m}
		in.fields[m] = f
	}
	sh.restoreState(a, f, &s.State, in.at, in.s.micros(in.at))
}

// meterOf returns a meter for a state whose limit is not known. The meter is full, or
// past its Keep, no sooner than the state says. The next charge brings another one.
func meterOf(s *store.MeterState) store.Meter {
	m := store.Meter{Name: s.Name, Rare: s.Rare}
	if !s.IsWindow {
		m.Max, m.Rate = limitOf(s)
		return m
	}
	m.Start, m.End = s.Start, s.End
	if m.End == 0 {
		m.End = s.Until
	}
	const longest = int64(1<<63-1) / int64(time.Second)
	m.Keep = time.Duration(min(s.Until-m.End, longest)) * time.Second
	return m
}

// limitOf returns a limit by which a bucket is full at its Until or later. It is rounded
// up to a power of two, so that many accounts share a layout.
func limitOf(s *store.MeterState) (limit int64, rate store.Rate) {
	b := &s.Bucket
	if s.Until >= store.MaxUnits && b.Per == 1 {
		return min(b.Tokens+1, store.MaxUnits), store.Rate{} // nothing refills it
	}
	micros := int64(store.MaxUnits)
	if s.Until < (store.MaxUnits+b.Last)/1_000_000 {
		micros = max(s.Until*1_000_000-b.Last, 1)
	}
	limit = b.Tokens + (micros+b.Part-1)/b.Per + 1
	most := (store.MaxUnits - 1) / b.Per // for store.Check
	if rounded := int64(1) << bits.Len64(uint64(limit-1)); rounded <= most {
		return rounded, store.Rate{Tokens: 1, Per: b.Per}
	}
	return min(limit, most), store.Rate{Tokens: 1, Per: b.Per}
}
