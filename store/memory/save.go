package memory

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// Save writes all that the Store holds to a file: keys (digests, and no secrets but
// sealed ones), plans, links and counters. The file is replaced whole or not at all, and
// only its owner can read it. It has what was written before Save was called; what comes
// meanwhile it may have or not, but each record and each subject is whole. After an error
// the old file is there, or the new one, of which it is not known that it outlives a
// failure of the machine.
//
// Save refuses a path that is a symbolic link, or no regular file: a rename would replace
// it, and not what it stands for.
//
// The new file is written beside the old one under its name, ".tmp" and a number. A
// process that is killed meanwhile leaves it behind.
//
// Nobody waits long: the directory is locked while its records are copied, and of the
// counters one shard at a time. Savings come one after another.
func (s *Store) Save(path string) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	if err := replace(path, s.save); err != nil {
		return fmt.Errorf("store/memory: save: %w", err)
	}
	return nil
}

// replace writes a new file in the place of an old one.
func replace(path string, write func(io.Writer) error) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: mode %v: want a regular file, which is replaced", path, info.Mode())
	}
	dir, name := filepath.Dir(path), filepath.Base(path)
	f, err := os.CreateTemp(dir, name+".tmp*") // its mode is 0600
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// syncDir makes what was renamed in a directory last. Where a system or a file system
// cannot do that, it is nothing.
func syncDir(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}

// save writes the records.
func (s *Store) save(w io.Writer) error {
	buffer := bufio.NewWriter(w)
	out := &writer{sum: sha256.New(), meters: map[store.Meter]int64{}, at: time.Now()}
	out.set = s.set(out.at)
	out.enc = json.NewEncoder(io.MultiWriter(buffer, out.sum))
	out.directory(s)
	for i := range s.shards {
		out.shard(&s.shards[i])
	}
	out.put(&record{End: &end{out.records, hex.EncodeToString(out.sum.Sum(nil))}})
	return errors.Join(out.err, buffer.Flush())
}

// writer writes records, until the first error.
type writer struct {
	enc     *json.Encoder
	sum     hash.Hash
	records int
	err     error
	meters  map[store.Meter]int64 // that are written, and their places
	at      time.Time
	set     time.Duration // by which the wall's clock was set since the buckets' began

	accounts []copied // of one shard
}

func (w *writer) put(r *record) {
	if w.err == nil {
		w.err = w.enc.Encode(r)
		w.records++
	}
}

// directory writes keys, plans and links as they are at one instant.
func (w *writer) directory(s *Store) {
	s.keys.mu.RLock()
	s.plans.mu.RLock()
	h := &head{formatVersion, w.at.UnixMicro(), s.keys.last, s.plans.last}
	keys, plans := snapshot(&s.keys.list), snapshot(&s.plans.list)
	var links []numbered[usageplan.Link]
	for _, of := range s.plans.ofPlan {
		links = append(links, snapshot(of)...)
	}
	s.plans.mu.RUnlock()
	s.keys.mu.RUnlock()
	slices.SortFunc(links, func(a, b numbered[usageplan.Link]) int { return cmp.Compare(a.Number, b.Number) })
	w.put(&record{Head: h})
	for i := range plans {
		w.put(&record{Plan: &plans[i]})
	}
	for i := range links {
		w.put(&record{Link: &links[i]})
	}
	for i := range keys {
		w.put(&record{Key: &keys[i]})
	}
}

// snapshot is the records of a list. They need no clones: what a record refers to is
// never changed.
func snapshot[T any](l *list[T]) []numbered[T] {
	all := make([]numbered[T], 0, len(l.items)-l.gone)
	for _, it := range l.items {
		if !it.gone {
			all = append(all, numbered[T]{it.number, it.record})
		}
	}
	return all
}

// shard writes the accounts of a shard that have something to lose. Under its lock they
// are copied and no more.
func (w *writer) shard(sh *shard) {
	now := time.Now()
	w.accounts = w.accounts[:0]
	sh.mu.Lock()
	micros := sh.store.epoch + now.Sub(sh.store.base).Microseconds()
	for _, e := range sh.index {
		if e != 0 {
			if a := sh.at(e.slot()); a.due(spent, now, micros) > micros {
				w.accounts = append(w.accounts, copied{a.subject(), a.states(now)})
			}
		}
	}
	sh.mu.Unlock()
	for _, a := range w.accounts {
		out := &saved{Subject: []byte(a.subject)}
		for i := range a.states {
			out.States = append(out.States, w.figures(&a.states[i]))
		}
		w.put(&record{Account: out})
	}
}

// figures is a state as a file has it. Its meter is written before it, if it was not yet.
func (w *writer) figures(m *metered) []int64 {
	place, ok := w.meters[m.Meter]
	if !ok {
		place = int64(len(w.meters))
		w.meters[m.Meter] = place
		w.put(&record{Meter: meterOf(&m.Meter)})
	}
	if m.IsWindow() {
		return []int64{place, m.window.Used, m.window.Extra}
	}
	last := m.bucket.Last + w.set.Microseconds() // who loads it begins with the wall's
	return []int64{place, m.bucket.Tokens, m.bucket.Part, min(max(last, -store.MaxUnits), store.MaxUnits)}
}

// copied is an account, outside its shard's lock.
type copied struct {
	subject string
	states  []metered
}

type metered struct {
	store.Meter
	bucket store.Bucket
	window store.Window
}

// subject is whose account it is.
func (a *account) subject() string {
	if a.name.length > inlined {
		return a.more.subject
	}
	return string(a.name.bytes[:a.name.length])
}

// states is what an account holds, in an order in which it can be put back.
func (a *account) states(at time.Time) (all []metered) {
	window := func(h *held, used int64) {
		if h.kept(at) {
			all = append(all, metered{Meter: h.Meter, window: store.Window{Used: used, Extra: h.extra}})
		}
	}
	bucket := func(m *store.Meter, b store.Bucket) {
		all = append(all, metered{Meter: *m, bucket: b})
	}
	for i := range a.layout.held {
		if h := &a.layout.held[i]; h.IsWindow() {
			window(h, a.cells[h.cell])
		} else {
			bucket(&h.Meter, a.bucket(h))
		}
	}
	if a.more == nil {
		return all
	}
	all = slices.Grow(all, len(a.more.windows)+a.more.buckets.len())
	for _, w := range a.more.windows {
		window(w.held, w.used)
	}
	for b := range a.more.buckets.all() {
		bucket(&b.Meter, b.state)
	}
	return all
}
