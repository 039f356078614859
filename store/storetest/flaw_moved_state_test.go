package storetest

import (
	"time"

	"github.com/ration-go/ration/store"
)

var movedStateFlaws = []flaw{{
	name:    "closes a subject, and forgets its state",
	caught:  []string{"move/state"},
	counter: losing(func(w *wider, k key, s *store.State) bool { return false }),
}, {
	name:    "moves the states of windows only",
	caught:  []string{"move/fraction", "move/state"},
	counter: losing(func(w *wider, k key, s *store.State) bool { return k.window }),
}, {
	name:   "moves no window that has ended",
	caught: []string{"move/state"},
	counter: losing(func(w *wider, k key, s *store.State) bool {
		for o := range w.states {
			if k.window && o.window && o.subject == k.subject && o.name == k.name && o.start > k.start {
				return false
			}
		}
		return true
	}),
}, {
	name:    "moves no extension",
	caught:  []string{"move/state"},
	counter: losing(func(w *wider, k key, s *store.State) bool { s.Window.Extra = 0; return true }),
}, {
	name:    "moves no bucket of an ID",
	caught:  []string{"move/state"},
	counter: losing(func(w *wider, k key, s *store.State) bool { return k.name != "id 1" }),
}, {
	name:    "moves whole tokens",
	caught:  []string{"move/fraction"},
	counter: losing(func(w *wider, k key, s *store.State) bool { s.Bucket.Part = 0; return true }),
}, {
	name:   "starts the clocks of buckets when they are moved",
	caught: []string{"move/fraction"},
	counter: losing(func(w *wider, k key, s *store.State) bool {
		s.Bucket.Last = time.Now().UnixMicro()
		return true
	}),
}, {
	name:    "moves no Last",
	caught:  []string{"move/taken"},
	counter: losing(func(w *wider, k key, s *store.State) bool { s.Window.Last = 0; return true }),
}, {
	name:   "moves what a window has used up to its Max",
	caught: []string{"move/taken"},
	counter: losing(func(w *wider, k key, s *store.State) bool {
		s.Window.Used = min(s.Window.Used, quota.Max)
		return true
	}),
}}

// losing makes a flawed counter that changes what a Move carries, or leaves it behind.
func losing(carries func(w *wider, k key, s *store.State) bool) func() store.Counter {
	return moving(func(w *wider, c *store.Charge) error {
		from := c.Parts[0].Subject
		was := w.hold()
		w.mu.Lock()
		kept := map[key]store.State{}
		for k, s := range was {
			if k.subject != from {
				continue
			}
			if carries(w, k, &s) {
				kept[k] = s
			}
		}
		for k := range was {
			if k.subject == from {
				delete(w.states, k)
			}
		}
		for k, s := range kept {
			w.states[k] = s
		}
		w.mu.Unlock()
		return w.move(from, c.Parts[1].Subject)
	})
}
