package observe

import (
	"container/list"
	"sync"

	"github.com/ration-go/ration/gate"
)

// keyTallies counts refusals by key. The list has the KeyCounts, and begins with the key
// that was refused last.
type keyTallies struct {
	most  int
	mu    sync.Mutex // guards everything below
	order list.List
	byID  map[string]*list.Element
}

// The kinds of counts of a key.
const (
	refused = iota
	wouldRefuse
)

// count counts a refusal of a key that is known.
func (k *keyTallies) count(d *gate.Decided, kind int) {
	key := d.Outcome.Key
	if key == nil || k.most <= 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.find(key.ID)
	n.Name, n.Plan, n.Last = key.Name, planID(d.Outcome.Plan), d.Request.At
	switch {
	case kind == wouldRefuse:
		n.WouldRefuse++
	case d.Outcome.Reason == gate.Throttled:
		n.Refused++
		n.Throttled++
	default:
		n.Refused++
	}
}

// find returns the count of a key, and makes the key the first of the list. If the key is
// new and there are too many, find evicts the last one.
func (k *keyTallies) find(id string) *KeyCount {
	if e := k.byID[id]; e != nil {
		k.order.MoveToFront(e)
		return e.Value.(*KeyCount)
	}
	if k.byID == nil {
		k.byID = map[string]*list.Element{}
	}
	if len(k.byID) >= k.most {
		last := k.order.Remove(k.order.Back()).(*KeyCount)
		delete(k.byID, last.ID)
	}
	made := &KeyCount{ID: id}
	k.byID[id] = k.order.PushFront(made)
	return made
}

// list returns the counts of all keys.
func (k *keyTallies) list() (all []KeyCount) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for e := k.order.Front(); e != nil; e = e.Next() {
		all = append(all, *e.Value.(*KeyCount))
	}
	return all
}
