package storetest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ration-go/ration/store"
)

// onDisk returns harnesses of counters whose states open changes when the storage is
// opened again.
func onDisk(take func(f *flawed, c *store.Charge), open func(f *flawed) map[key]state) func() Harness {
	if take == nil {
		take = func(f *flawed, c *store.Charge) { f.model.take(c) }
	}
	return func() Harness {
		var f *flawed
		fresh := func(states map[key]state) store.Counter {
			f = newFlawed(take)
			f.states = states
			return f
		}
		return Harness{
			Bubble: synctest.Test,
			New:    func(testing.TB) store.Counter { return fresh(map[key]state{}) },
			Reopen: func(testing.TB) store.Counter { return fresh(open(f)) },
		}
	}
}

// each returns an open that changes each state, or forgets it.
func eachState(change func(f *flawed, k *key, s *state) (keep bool)) func(f *flawed) map[key]state {
	return func(f *flawed) map[key]state {
		states := map[key]state{}
		for k, s := range f.states {
			if change(f, &k, &s) {
				states[k] = s
			}
		}
		return states
	}
}

var reopenFlaws = []flaw{{
	name: "keeps nothing on disk",
	caught: []string{"reopen/kept", "reopen/last", "reopen/refused", "reopen/windows", "reopen/longer", "reopen/extension",
		"reopen/fraction", "reopen/refill", "reopen/kinds", "reopen/great-figures", "reopen/any-bytes"},
	open: onDisk(nil, func(*flawed) map[key]state { return map[key]state{} }),
}, {
	name:   "keeps windows on disk and buckets in memory",
	caught: []string{"reopen/kept", "reopen/fraction", "reopen/refill", "reopen/kinds", "reopen/great-figures"},
	open:   onDisk(nil, eachState(func(_ *flawed, k *key, _ *state) bool { return k.window })),
}, {
	name:   "writes a charge behind its answer",
	caught: []string{"reopen/last"},
	open: onDisk(func(f *flawed, c *store.Charge) {
		f.before = maps.Clone(f.states)
		f.model.take(c)
	}, func(f *flawed) map[key]state { return f.before }),
}, {
	name:   "logs charges before it decides, and replays the log",
	caught: []string{"reopen/refused"},
	open: onDisk(func(f *flawed, c *store.Charge) {
		if f.model.take(c); !c.OK {
			o := *c
			o.Meters = slices.Clone(c.Meters)
			f.refused = append(f.refused, &o)
		}
	}, func(f *flawed) map[key]state {
		for _, c := range f.refused {
			for i := range c.Meters {
				c.Meters[i].Max = store.Unlimited
			}
			f.model.take(c)
		}
		return f.states
	}),
}, {
	name:   "saves the newest window of a name",
	caught: []string{"reopen/windows"},
	open: onDisk(nil, eachState(func(f *flawed, k *key, _ *state) bool {
		for o := range f.states {
			if o.window && k.window && o.subject == k.subject && o.name == k.name && o.start > k.start {
				return false
			}
		}
		return true
	})),
}, {
	name:   "saves the End of the first charge",
	caught: []string{"reopen/longer"},
	open: onDisk(func(f *flawed, c *store.Charge) {
		for i := range c.Meters {
			m, k := &c.Meters[i], keyOf(c, i)
			if _, ok := f.kept[k]; !ok && m.IsWindow() {
				f.kept[k] = time.Unix(m.End, 0).Add(m.Keep)
			}
		}
		f.model.take(c)
	}, eachState(func(f *flawed, k *key, _ *state) bool { return !k.window || time.Now().Before(f.kept[*k]) })),
}, {
	name:   "saves no extension",
	caught: []string{"reopen/extension"},
	open:   onDisk(nil, eachState(func(_ *flawed, _ *key, s *state) bool { s.window.Extra = 0; return true })),
}, {
	name:   "saves windows in use only",
	caught: []string{"reopen/extension"},
	open:   onDisk(nil, eachState(func(_ *flawed, k *key, s *state) bool { return !k.window || s.window.Used > 0 })),
}, {
	name:   "saves whole tokens",
	caught: []string{"reopen/fraction"},
	open:   onDisk(nil, eachState(func(_ *flawed, _ *key, s *state) bool { s.bucket.Part = 0; return true })),
}, {
	name:   "starts the clocks of buckets when it is opened",
	caught: []string{"reopen/refill"},
	open: onDisk(nil, eachState(func(_ *flawed, _ *key, s *state) bool {
		s.bucket.Last = time.Now().UnixMicro()
		return true
	})),
}, {
	name:   "saves a window over the bucket of the same name",
	caught: []string{"reopen/kinds"},
	open: onDisk(nil, eachState(func(f *flawed, k *key, _ *state) bool {
		for o := range f.states {
			if o.window && !k.window && o.subject == k.subject && o.name == k.name {
				return false
			}
		}
		return true
	})),
}, {
	name:   "keeps rare buckets in memory",
	caught: []string{"reopen/kinds"},
	open: onDisk(func(f *flawed, c *store.Charge) {
		for i := range c.Meters {
			if c.Meters[i].Rare {
				f.kept[keyOf(c, i)] = time.Time{}
			}
		}
		f.model.take(c)
	}, eachState(func(f *flawed, k *key, _ *state) bool { _, rare := f.kept[*k]; return !rare })),
}, {
	name:   "saves figures as 32-bit floats",
	caught: []string{"reopen/great-figures"},
	open: onDisk(nil, eachState(func(_ *flawed, _ *key, s *state) bool {
		s.window.Used = int64(float32(s.window.Used))
		return true
	})),
}, {
	name:   "saves names as text of JSON",
	caught: []string{"reopen/any-bytes"},
	open: onDisk(nil, eachState(func(_ *flawed, k *key, _ *state) bool {
		k.subject, k.name = strings.ToValidUTF8(k.subject, "\ufffd"), strings.ToValidUTF8(k.name, "\ufffd")
		return true
	})),
}}
