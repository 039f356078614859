package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// listener records the changes that a Notifier reports.
type listener struct {
	mu    sync.Mutex
	heard []string
}

// listen subscribes a listener that reads at once what has changed. It ignores the empty
// ID, by which a Notifier may report at any time that anything may have changed.
func listen(n usageplan.Notifier, read func(id string) string) (e *listener, stop func()) {
	e = new(listener)
	return e, n.OnChange(func(id string) {
		if id != "" {
			e.hear(id + " " + read(id))
		}
	})
}

func (e *listener) hear(what string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, what)
}

// wants checks what was reported since its last call. A store that is notified from
// elsewhere may take a moment.
func (e *listener) wants(v *visit, want ...string) {
	var heard []string
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		e.mu.Lock()
		heard = slices.Clone(e.heard)
		e.mu.Unlock()
		if len(heard) >= len(want) || time.Now().After(deadline) {
			break
		}
	}
	if !slices.Equal(heard, want) {
		v.failf("reported changes %q: want %q", heard, want)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = e.heard[len(heard):]
}

var notifyKeys = []directoryCase[apikey.Store]{{
	"notify", "A Notifier reports each change of a key, with the key's ID, once the change can be read. It reports no " +
		"change that failed, and nothing after it was stopped.",
	func(v *visit, s apikey.Store) {
		n, ok := s.(usageplan.Notifier)
		if !ok {
			return
		}
		read := func(id string) string { return version(v, s, id) }
		heard, stop := listen(n, read)
		other, stopOther := listen(n, read)
		defer stopOther()
		told := func(want string) {
			heard.wants(v, want)
			other.wants(v, want)
		}
		k := insertKeys(v, s, 1)[0]
		told(keyID(0) + " 1")
		v.wants(s.InsertKey(v.ctx, k), apikey.ErrExists)
		v.ok(s.UpdateKey(v.ctx, k))
		told(keyID(0) + " 2")
		v.wants(s.UpdateKey(v.ctx, k), apikey.ErrConflict)
		v.ok(s.DeleteKey(v.ctx, k.ID))
		told(keyID(0) + " gone")
		stop()
		insertKeys(v, s, 1)
		other.wants(v, keyID(0)+" 1")
		v.ok(s.DeleteKey(v.ctx, k.ID))
		other.wants(v, keyID(0)+" gone")
		heard.wants(v)
	},
}}

// version returns what can be read of a key.
func version(v *visit, s apikey.Store, id string) string {
	k, err := s.Key(v.ctx, id)
	return versionRead(k.Version, err)
}

// versionRead returns what a look-up of a record has read: its version, "gone" if there
// is no record, or an error.
func versionRead(version int64, err error) string {
	switch {
	case errors.Is(err, apikey.ErrNotFound), errors.Is(err, usageplan.ErrNotFound):
		return "gone"
	case err != nil:
		return err.Error()
	}
	return fmt.Sprint(version)
}

var notifyPlans = []directoryCase[usageplan.Store]{{
	"notify", "A Notifier reports each change once it can be read, with the ID of the plan, or for a link the ID of the " +
		"key. It reports no change that failed, and nothing after it was stopped.",
	func(v *visit, s usageplan.Store) {
		n, ok := s.(usageplan.Notifier)
		if !ok {
			return
		}
		read := func(id string) string { return versions(v, s, id) }
		heard, stop := listen(n, read)
		other, stopOther := listen(n, read)
		defer stopOther()
		told := func(want string) {
			heard.wants(v, want)
			other.wants(v, want)
		}
		insertPlans(v, s, 1)
		told(planID(0) + " 1 []")
		v.wants(s.InsertPlan(v.ctx, aPlan(0)), usageplan.ErrExists)
		v.ok(s.UpdatePlan(v.ctx, aPlan(0)))
		told(planID(0) + " 2 []")
		v.wants(s.UpdatePlan(v.ctx, aPlan(0)), usageplan.ErrConflict)
		v.wants(s.DeletePlan(v.ctx, planID(0), 1), usageplan.ErrConflict)
		v.ok(s.InsertLink(v.ctx, aLink(0, 0)))
		told(keyID(0) + " gone [1]")
		v.ok(s.UpdateLink(v.ctx, aLink(0, 0)))
		told(keyID(0) + " gone [2]")
		v.ok(s.DeleteLink(v.ctx, planID(0), keyID(0)))
		told(keyID(0) + " gone []")
		v.ok(s.DeletePlan(v.ctx, planID(0), 0))
		told(planID(0) + " gone []")
		stop()
		insertPlans(v, s, 1)
		other.wants(v, planID(0)+" 1 []")
		v.ok(s.DeletePlan(v.ctx, planID(0), 0))
		other.wants(v, planID(0)+" gone []")
		heard.wants(v)
	},
}}

// versions returns what can be read of an ID: the version of the plan, and the versions
// of the key's links.
func versions(v *visit, s usageplan.Store, id string) string {
	plan, links := "gone", []int64{}
	if p, err := s.Plan(v.ctx, id); err == nil {
		plan = fmt.Sprint(p.Version)
	} else if !errors.Is(err, usageplan.ErrNotFound) {
		return err.Error()
	}
	of, err := s.KeyLinks(v.ctx, id)
	if err != nil {
		return err.Error()
	}
	for i := range of {
		links = append(links, of[i].Version)
	}
	return fmt.Sprint(plan, " ", links)
}
