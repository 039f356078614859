package gate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store"
)

// A lastReader finds when keys were last used.
type lastReader struct {
	*Gate
	at   time.Time
	keys []apikey.Key
	uses []LastUse // of keys, in their order

	subjects []string
	keyOf    []int // the index of the key of each subject
}

// newLastReader finds the subjects of the keys.
func (g *Gate) newLastReader(ctx context.Context, at time.Time, keys []apikey.Key) (*lastReader, error) {
	r := &lastReader{Gate: g, at: at, keys: keys, uses: make([]LastUse, len(keys))}
	roots, err := g.rootsOf(ctx, keys)
	if err != nil {
		return nil, err
	}
	subjects := make([][]string, len(keys))
	err = g.forEach(len(keys), func(i int) (err error) {
		root, ok := roots[keys[i].GroupID]
		r.uses[i] = LastUse{KeyID: keys[i].ID, Unknown: !ok}
		if ok {
			subjects[i], err = g.subjectsOfKey(ctx, keys[i].ID, root)
		}
		return err
	})
	for i := range subjects {
		r.add(i, subjects[i])
	}
	return r, err
}

// add adds the subjects of a key.
func (r *lastReader) add(key int, subjects []string) {
	for _, subject := range subjects {
		r.subjects, r.keyOf = append(r.subjects, subject), append(r.keyOf, key)
	}
}

// recentDays is how many days are read of every key. Most keys that are in use were used
// in these, and are not asked for the others.
const recentDays = 3

// readAll sets the At of every use.
func (r *lastReader) readAll(ctx context.Context) error {
	days := recordsBack(quota.RecordName, r.at, r.recordDays())
	recent := min(recentDays, len(days))
	if err := r.read(ctx, days[:recent], r.subjects, r.keyOf); err != nil || recent == len(days) {
		return err
	}
	var subjects []string // of the keys that were not used of late
	var keyOf []int
	for i, key := range r.keyOf {
		if r.uses[key].At.IsZero() {
			subjects = append(subjects, r.subjects[i])
			keyOf = append(keyOf, key)
		}
	}
	return r.read(ctx, days[recent:], subjects, keyOf)
}

// read looks for the last use of subjects in some days, the latest first. keyOf has the
// index of the key of each subject.
func (r *lastReader) read(ctx context.Context, days []store.Meter, subjects []string, keyOf []int) error {
	last, err := r.lastOf(ctx, days, subjects)
	if err != nil {
		return err
	}
	for i, key := range keyOf {
		u := &r.uses[key]
		u.At = later(u.At, latestOf(days, last[i*len(days):]))
	}
	return nil
}

// lastOf reads the Last of meters for subjects, in the order of store.Peek.
func (r *lastReader) lastOf(ctx context.Context, meters []store.Meter, subjects []string) ([]int64, error) {
	n := len(subjects) * len(meters)
	if n == 0 {
		return nil, nil
	}
	levels := make([]store.Level, n)
	last := make([]int64, n)
	subjects = append([]string(nil), subjects...) // followMoves changes them
	err := followMoves(subjects, func() error {
		return store.Peek(ctx, r.counter, r.at, subjects, meters, levels, last)
	})
	return last, err
}

// readRotations sets the Rotation of the keys that have two good secrets.
func (r *lastReader) readRotations(ctx context.Context) error {
	subjects := map[int][]string{} // by the index of the key
	for i, key := range r.keyOf {
		if k := &r.keys[key]; k.Retiring != (apikey.Digest{}) && r.at.Before(k.RetiringUntil) {
			subjects[key] = append(subjects[key], r.subjects[i])
		}
	}
	keys := slices.Sorted(maps.Keys(subjects))
	return r.forEach(len(keys), func(i int) error {
		key := keys[i]
		if err := r.readRotation(ctx, key, subjects[key]); err != nil {
			return fmt.Errorf("gate: last use of key %s: %w", r.keys[key].ID, err)
		}
		return nil
	})
}

// readRotation sets the Rotation of a key, which has these subjects.
func (r *lastReader) readRotation(ctx context.Context, key int, subjects []string) error {
	k := &r.keys[key]
	current := recordsBack(secretRecordName(&k.Digest), r.at, r.recordDays())
	retiring := recordsBack(secretRecordName(&k.Retiring), r.at, r.recordDays())
	n := len(current)
	last, err := r.lastOf(ctx, append(current, retiring...), subjects)
	if err != nil {
		return err
	}
	u := &RotationUse{RetiringUntil: k.RetiringUntil}
	for ; len(last) > 0; last = last[2*n:] {
		u.Current = later(u.Current, latestOf(current, last[:n]))
		u.Retiring = later(u.Retiring, latestOf(retiring, last[n:]))
	}
	r.uses[key].Rotation = u
	return nil
}

// recordsBack returns the meters of a usage record for the last n days, the latest first.
func recordsBack(name string, at time.Time, n int) []store.Meter {
	days := make([]store.Meter, n)
	for i := range days {
		days[i] = quota.Record(name, at, 0) // a read does not change how long a window is kept
		at = time.Unix(days[i].Start, 0).Add(-time.Nanosecond)
	}
	return days
}

// latestOf returns when units were last taken from one of the days, the latest of which
// comes first. It returns zero if none were.
func latestOf(days []store.Meter, last []int64) time.Time {
	for i := range days {
		if at, ok := days[i].LastTaken(last[i]); ok {
			return at.UTC()
		}
	}
	return time.Time{}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
