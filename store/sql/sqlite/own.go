package sqlite

import "sync"

// ownChanges are the changes of ration_changes that this Store has made while a Run was
// running. The Store has told of them itself, so the Run does not.
type ownChanges struct {
	mu      sync.Mutex
	runs    int
	changes map[int64]bool // whether the change with a number is committed
}

// begin adds a change that is about to be committed.
func (o *ownChanges) begin(number int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.runs > 0 {
		o.changes[number] = false
	}
}

// end says whether a change was committed. If it was not, its number goes to the next
// change, which may be that of another process.
func (o *ownChanges) end(number int64, committed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.changes[number]; !known {
		return
	}
	if o.changes[number] = committed; !committed {
		delete(o.changes, number)
	}
}

// is reports whether a change is one of the Store's own. It is pending if that is not
// known yet.
func (o *ownChanges) is(number int64) (own, pending bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	committed, known := o.changes[number]
	return known, known && !committed
}

// run begins to keep numbers, until stop is called.
func (o *ownChanges) run() (stop func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.runs++; o.runs == 1 {
		o.changes = map[int64]bool{}
	}
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.runs--; o.runs == 0 {
			o.changes = nil
		}
	}
}

// forget drops the numbers up to one that a Run has read.
func (o *ownChanges) forget(upTo int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for number, committed := range o.changes {
		if committed && number <= upTo {
			delete(o.changes, number)
		}
	}
}
