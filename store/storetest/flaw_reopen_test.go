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
func onDisk(take func(f *flawed, c *store.Charge), open func(f *flawed) map[key]store.State) func() Harness {
	if take == nil {
		take = func(f *flawed, c *store.Charge) { f.model.take(c) }
	}
	return func() Harness {
		var f *flawed
		fresh := func(states map[key]store.State) store.Counter {
			f = newFlawed(take)
			f.states = states
			return f
		}
		return Harness{
			Bubble: synctest.Test,
			New:    func(testing.TB) store.Counter { return fresh(map[key]store.State{}) },
			Reopen: func(testing.TB) store.Counter {
				moved := f.moved
				fresh(open(f))
				f.moved = moved
				return f
			},
		}
	}
}

// each returns an open that changes each state, or forgets it.
func eachState(change func(f *flawed, k *key, s *store.State) (keep bool)) func(f *flawed) map[key]store.State {
	return func(f *flawed) map[key]store.State {
		states := map[key]store.State{}
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
	open: onDisk(nil, func(*flawed) map[key]store.State { return map[key]store.State{} }),
}, {
	name:   "keeps windows on disk and buckets in memory",
	caught: []string{"reopen/kept", "reopen/fraction", "reopen/refill", "reopen/kinds", "reopen/great-figures"},
	open:   onDisk(nil, eachState(func(_ *flawed, k *key, _ *store.State) bool { return k.window })),
}, {
	name:   "writes a charge behind its answer",
	caught: []string{"reopen/last"},
	open: onDisk(func(f *flawed, c *store.Charge) {
		f.before = maps.Clone(f.states)
		f.model.take(c)
	}, func(f *flawed) map[key]store.State { return f.before }),
}, {
	name:   "logs charges before it decides, and replays the log",
	caught: []string{"reopen/refused"},
	open: onDisk(func(f *flawed, c *store.Charge) {
		if f.model.take(c); !c.OK {
			o := clone(c)
			o.Parts[0].Meters = slices.Clone(c.Parts[0].Meters)
			f.refused = append(f.refused, o)
		}
	}, func(f *flawed) map[key]store.State {
		for _, c := range f.refused {
			for i := range c.Parts[0].Meters {
				c.Parts[0].Meters[i].Max = store.Unlimited
			}
			f.model.take(c)
		}
		return f.states
	}),
}, {
	name:   "saves the newest window of a name",
	caught: []string{"reopen/windows"},
	open: onDisk(nil, eachState(func(f *flawed, k *key, _ *store.State) bool {
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
		for i := range c.Parts[0].Meters {
			m, k := &c.Parts[0].Meters[i], keyOf(&c.Parts[0], i)
			if _, ok := f.kept[k]; !ok && m.IsWindow() {
				f.kept[k] = time.Unix(m.End, 0).Add(m.Keep)
			}
		}
		f.model.take(c)
	}, eachState(func(f *flawed, k *key, _ *store.State) bool { return !k.window || time.Now().Before(f.kept[*k]) })),
}, {
	name:   "saves no extension",
	caught: []string{"reopen/extension"},
	open:   onDisk(nil, eachState(func(_ *flawed, _ *key, s *store.State) bool { s.Window.Extra = 0; return true })),
}, {
	name:   "saves windows in use only",
	caught: []string{"reopen/extension"},
	open:   onDisk(nil, eachState(func(_ *flawed, k *key, s *store.State) bool { return !k.window || s.Window.Used > 0 })),
}, {
	name:   "saves whole tokens",
	caught: []string{"reopen/fraction"},
	open:   onDisk(nil, eachState(func(_ *flawed, _ *key, s *store.State) bool { s.Bucket.Part = 0; return true })),
}, {
	name:   "starts the clocks of buckets when it is opened",
	caught: []string{"reopen/refill"},
	open: onDisk(nil, eachState(func(_ *flawed, _ *key, s *store.State) bool {
		s.Bucket.Last = time.Now().UnixMicro()
		return true
	})),
}, {
	name:   "saves a window over the bucket of the same name",
	caught: []string{"reopen/kinds"},
	open: onDisk(nil, eachState(func(f *flawed, k *key, _ *store.State) bool {
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
		for i := range c.Parts[0].Meters {
			if c.Parts[0].Meters[i].Rare {
				f.kept[keyOf(&c.Parts[0], i)] = time.Time{}
			}
		}
		f.model.take(c)
	}, eachState(func(f *flawed, k *key, _ *store.State) bool { _, rare := f.kept[*k]; return !rare })),
}, {
	name:   "saves figures as 32-bit floats",
	caught: []string{"reopen/great-figures"},
	open: onDisk(nil, eachState(func(_ *flawed, _ *key, s *store.State) bool {
		s.Window.Used = int64(float32(s.Window.Used))
		return true
	})),
}, {
	name:   "saves names as text of JSON",
	caught: []string{"reopen/any-bytes"},
	open: onDisk(nil, eachState(func(_ *flawed, k *key, _ *store.State) bool {
		k.subject, k.name = strings.ToValidUTF8(k.subject, "\ufffd"), strings.ToValidUTF8(k.name, "\ufffd")
		return true
	})),
}}
