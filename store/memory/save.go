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
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// Save writes everything that the Store holds to a file: keys, plans, links, groups and
// counters. Of a key it writes the digests, and the secret only if it is sealed. Only the
// owner of the file can read it.
//
// Save replaces the file as a whole or not at all. The file contains every change that
// was made before the call. It may or may not contain a change that is made during the
// call, but each record and each subject in it is complete.
//
// After an error the path holds the old file. If only the last step failed, it holds the
// new file, which may not survive a failure of the machine.
//
// Save refuses a path that is a symbolic link, or anything else than a regular file,
// because a rename would replace the link and not its target.
//
// The new file is first written beside the old one, under its name with ".tmp" and a
// number appended. A process that is killed during Save leaves that file behind.
//
// Other calls wait for a short time only. Save locks the directory while it copies the
// records, and then one shard of the counters at a time. Concurrent calls of Save run one
// after another. A store.Move between families waits until the counters are written.
func (s *Store) Save(path string) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	if err := replaceFile(path, s.save); err != nil {
		return fmt.Errorf("store/memory: save: %w", err)
	}
	return nil
}

// replaceFile writes a new file and renames it to path.
func replaceFile(path string, write func(io.Writer) error) error {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s: mode %v: want a regular file, which is replaced", path, info.Mode())
	}
	dir, name := filepath.Dir(path), filepath.Base(path)
	f, err := os.CreateTemp(dir, name+".tmp*") // with mode 0600
	if err != nil {
		return err
	}

	// The content must be on the disk before the name is. Otherwise a failure of the machine
	// could leave an empty file under the name of the old one.
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

// syncDir makes a rename in a directory durable. It does nothing where the operating
// system or the file system does not support that.
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
	buffer, now := bufio.NewWriter(w), time.Now()
	out := &writer{sum: sha256.New(), meters: map[store.Meter]int64{}, now: now, shift: s.clockShift(now)}
	out.enc = json.NewEncoder(io.MultiWriter(buffer, out.sum))
	out.directory(s)
	s.moving.Lock()
	for i := range s.shards {
		out.shard(&s.shards[i])
	}
	s.moving.Unlock()
	out.put(&record{End: &end{out.records, hex.EncodeToString(out.sum.Sum(nil))}})
	return errors.Join(out.err, buffer.Flush())
}

// A writer writes records until the first error.
type writer struct {
	enc     *json.Encoder
	sum     hash.Hash // of what was written
	records int
	err     error
	meters  map[store.Meter]int64 // the meters that were written, and their positions
	now     time.Time             // when save began
	shift   time.Duration         // see Store.clockShift

	accounts []accountCopy // of one shard; the slice is used again for the next
}

func (w *writer) put(r *record) {
	if w.err == nil {
		w.err = w.enc.Encode(r)
		w.records++
	}
}

// directory writes the keys, plans, links and groups of one instant: it copies all of
// them under both locks, and encodes them when the locks are free again.
func (w *writer) directory(s *Store) {
	s.keys.mu.RLock()
	s.plans.mu.RLock()
	h := &head{formatVersion, w.now.UnixMicro(), s.keys.last, s.plans.last}
	keys := snapshot(&s.keys.list)
	plans, groups := snapshot(&s.plans.list), snapshot(&s.plans.groups.list)
	var links []numbered[usageplan.Link]
	for _, of := range s.plans.ofPlan {
		links = append(links, snapshot(of)...)
	}
	s.plans.mu.RUnlock()
	s.keys.mu.RUnlock()

	// The links come from a map. Load wants them in the order of their numbers.
	slices.SortFunc(links, func(a, b numbered[usageplan.Link]) int { return cmp.Compare(a.Number, b.Number) })

	w.put(&record{Head: h})
	for i := range plans {
		w.put(&record{Plan: &plans[i]})
	}
	for i := range links {
		w.put(&record{Link: &links[i]})
	}
	for i := range groups {
		w.put(&record{Group: &groups[i]})
	}
	for i := range keys {
		w.put(&record{Key: &keys[i]})
	}
}

// snapshot returns the records of a list. It does not clone them: nothing that a record
// refers to is ever changed.
func snapshot[T any](l *list[T]) []numbered[T] {
	all := make([]numbered[T], 0, len(l.items)-l.deleted)
	for _, it := range l.items {
		if !it.deleted {
			all = append(all, numbered[T]{it.number, it.record})
		}
	}
	return all
}

// shard writes the accounts of a shard that have something to lose. Under the shard's
// lock it only copies them: encoding takes longer, and decisions wait for the lock.
func (w *writer) shard(sh *shard) {
	at := time.Now()
	w.accounts = w.accounts[:0]
	sh.mu.Lock()
	now := sh.store.micros(at)
	for _, e := range sh.index {
		if e != 0 {
			if a := sh.account(e.slot()); a.dueAt(spent, at, now) > now {
				w.accounts = append(w.accounts, accountCopy{a.subject(), a.states(at)})
			}
		}
	}
	var moved map[string]closed
	if sh.closed != nil {
		moved = maps.Clone(sh.closed.subjects)
	}
	sh.mu.Unlock()

	for subject, c := range moved {
		w.put(&record{Moved: &savedMove{[]byte(subject), []byte(c.to), c.until.Add(time.Second - 1).Unix()}})
	}
	for _, a := range w.accounts {
		out := &savedAccount{Subject: []byte(a.subject)}
		for i := range a.states {
			out.States = append(out.States, w.figures(&a.states[i]))
		}
		w.put(&record{Account: out})
	}
}

// figures returns a state in the form of the file. It first writes the meter, if that is
// new.
func (w *writer) figures(m *meterState) []int64 {
	position, ok := w.meters[m.Meter]
	if !ok {
		position = int64(len(w.meters))
		w.meters[m.Meter] = position
		w.put(&record{Meter: newSavedMeter(&m.Meter)})
	}
	if m.IsWindow() {
		return []int64{position, m.window.Used, m.window.Extra, m.window.Last}
	}

	// The buckets' clock of this process means nothing to another one, whose own clock
	// begins with the wall clock. So Last is written by the wall clock.
	return []int64{position, m.bucket.Tokens, m.bucket.Part, byWallClock(m.bucket.Last, w.shift)}
}

// byWallClock returns an instant of the buckets' clock by the wall clock, within what
// JSON holds exactly. shift is that of Store.clockShift.
func byWallClock(last int64, shift time.Duration) int64 {
	return min(max(last+shift.Microseconds(), -store.MaxUnits), store.MaxUnits)
}

// An accountCopy is an account outside its shard's lock.
type accountCopy struct {
	subject string
	states  []meterState
}

// A meterState is a meter and its state, which is the bucket or the window.
type meterState struct {
	store.Meter
	bucket store.Bucket
	window store.Window
}

// states returns what an account holds and is still kept. The meters of the layout come
// first. restoreState relies on it: it takes an older window of the same name for an
// ended one.
func (a *account) states(at time.Time) (all []meterState) {
	addWindow := func(f *field, cell int64) {
		if f.isKept(at) {
			all = append(all, meterState{Meter: f.Meter, window: windowOf(cell, f.extra)})
		}
	}
	addBucket := func(m *store.Meter, b store.Bucket) {
		all = append(all, meterState{Meter: *m, bucket: b})
	}

	for i := range a.layout.fields {
		if f := &a.layout.fields[i]; f.IsWindow() {
			addWindow(f, *a.cell(f.cell))
		} else {
			addBucket(&f.Meter, a.bucket(f))
		}
	}
	if a.overflow == nil {
		return all
	}
	all = slices.Grow(all, len(a.overflow.windows)+a.overflow.buckets.len())
	for _, w := range a.overflow.windows {
		addWindow(w.field, w.cell)
	}
	for b := range a.overflow.buckets.all() {
		addBucket(&b.Meter, b.state)
	}
	return all
}
