package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/store"
)

// stateful is the model with a flaw that has state of its own. One lock holds all of it.
type stateful struct {
	*model
	flaw func(o *stateful, c *store.Charge)

	one    sync.Mutex
	rows   map[string]key
	meters map[key]store.Meter
	ends   map[key]time.Time
	clocks map[string]int64
	cache  map[string]*store.Charge
	lists  map[string][]key
	swept  time.Time
}

// withState returns a maker of counters with that flaw.
func withState(flaw func(o *stateful, c *store.Charge)) func() store.Counter {
	return func() store.Counter {
		return &stateful{
			model: newModel(), flaw: flaw,
			rows: map[string]key{}, meters: map[key]store.Meter{}, ends: map[key]time.Time{},
			clocks: map[string]int64{}, cache: map[string]*store.Charge{}, lists: map[string][]key{},
		}
	}
}

func (o *stateful) Take(ctx context.Context, c *store.Charge) error {
	if done, err := o.prepare(ctx, c); done {
		return err
	}
	o.one.Lock()
	defer o.one.Unlock()
	o.flaw(o, c)
	return nil
}

// instant returns the instant of c.
func instant(c *store.Charge) time.Time {
	if c.At.IsZero() {
		return time.Now()
	}
	return c.At
}

// minuteBefore returns at less a minute. Flaws that trust a clock that is ahead allow
// others to be a minute behind it.
func minuteBefore(at time.Time) time.Time { return at.Add(-time.Minute) }

// onlyReads reports whether c only reads.
func onlyReads(c *store.Charge) bool {
	return c.Op != store.SetRemaining && isZero(c.Parts[0].N)
}

// hasCharged reports whether c has changed its i-th meter.
func hasCharged(c *store.Charge, i int) bool {
	return c.OK && (c.Op == store.SetRemaining || c.Parts[0].N[i] != 0)
}

// key returns the key of the i-th meter of c, in memory of its own.
func (o *stateful) key(c *store.Charge, i int) key {
	k := keyOf(&c.Parts[0], i)
	k.subject, k.name = strings.Clone(k.subject), strings.Clone(k.name)
	return k
}

// note keeps the meters of c as they were charged last.
func (o *stateful) note(c *store.Charge) {
	for i, m := range c.Parts[0].Meters {
		if hasCharged(c, i) {
			k := o.key(c, i)
			m.Name = k.name
			o.meters[k] = m
		}
	}
}

// sweep forgets some states, if at is another instant than at the last sweep.
func (o *stateful) sweep(at time.Time, which func(k key) bool) {
	if !at.Equal(o.swept) {
		o.swept = at
		maps.DeleteFunc(o.states, func(k key, _ store.State) bool { return which(k) })
	}
}

// list adds the i-th meter of c to the list id, if it is a window that was charged, and
// returns the list.
func (o *stateful) list(c *store.Charge, i int, id string) []key {
	k := o.key(c, i)
	if k.window && hasCharged(c, i) && !slices.Contains(o.lists[id], k) {
		o.lists[id] = append(o.lists[id], k)
	}
	return o.lists[id]
}

// full reports whether k is a bucket with some capacity that is full at an instant.
func (o *stateful) full(k key, at time.Time) bool {
	m := o.meters[k]
	return !k.window && m.Max > 0 && o.states[k].Bucket.FullAt(&m) <= at.UnixMicro()
}

// cut forgets all but the last of keys.
func (o *stateful) cut(last int, keys []key) {
	for i := range max(0, len(keys)-last) {
		delete(o.states, keys[i])
	}
}

// forgetsWindows returns a flaw that forgets a window at the instant that until computes
// when the window is charged.
func forgetsWindows(until func(m *store.Meter, at time.Time) time.Time) func(o *stateful, c *store.Charge) {
	return func(o *stateful, c *store.Charge) {
		hidden := map[key]store.State{} // from a read, which changes nothing
		for i := range c.Parts[0].Meters {
			k := keyOf(&c.Parts[0], i)
			if end, ok := o.ends[k]; !ok || instant(c).Before(end) {
				continue
			}
			if s, ok := o.states[k]; ok && onlyReads(c) {
				hidden[o.key(c, i)] = s
			}
			delete(o.states, k)
		}
		o.model.take(c)
		maps.Copy(o.states, hidden)
		for i := range c.Parts[0].Meters {
			if m := &c.Parts[0].Meters[i]; m.IsWindow() && hasCharged(c, i) {
				o.ends[o.key(c, i)] = until(m, instant(c))
			}
		}
	}
}

// byText returns the flaw of a store that finds states by a text, and in which two states
// with the same text replace each other.
func byText(text func(k key) string) func(o *stateful, c *store.Charge) {
	return func(o *stateful, c *store.Charge) {
		o.model.take(c)
		for i := range c.Parts[0].Meters {
			if !hasCharged(c, i) {
				continue
			}
			k := o.key(c, i)
			row := text(k)
			if before, ok := o.rows[row]; ok && before != k {
				delete(o.states, before)
			}
			o.rows[row] = k
		}
	}
}
