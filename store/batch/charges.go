package batch

import (
	"context"
	"sync"

	"github.com/ration-go/ration/store"
)

// Charges gathers the charges of concurrent callers into batches, so that one transaction
// or one round trip decides many. It implements [store.Counter].
type Charges struct {
	take      func(ctx context.Context, charges []*store.Charge, errs []error)
	queue     *Queue[*question, struct{}]
	questions sync.Pool // of *question
	lists     sync.Pool // of *lists
}

// lists are the arguments of one take.
type lists struct {
	charges []*store.Charge
	errs    []error
}

// NewCharges returns Charges that are decided by take.
//
// The function take decides the charges one after the other, as if each had come alone: a
// later charge sees what an earlier one has changed. It fills in the answer of each, or
// sets the error of the same index in errs. The errors are those that [store.Counter]
// describes. In particular, an error wraps store.ErrNotTaken only if the charge
// certainly did not happen. The charges have passed Charge.Check.
//
// ctx is done when all callers of the batch have given up. It has no deadline and no
// values of theirs.
//
// When take has returned, it must not use ctx, either slice or a charge. Several takes
// may be in progress at a time if Config.Calls is more than 1. If take panics, the error
// of each charge is a [PanicError], and later charges are decided as usual.
func NewCharges(take func(ctx context.Context, charges []*store.Charge, errs []error), cfg Config) *Charges {
	q := &Charges{take: take}
	q.queue = NewQueue(q.run, func(r **question) int { return (*r).meters() }, cfg)
	return q
}

// Take implements store.Counter. It gives the batch a copy of c. So after Take has
// returned, nothing reads or writes c, even if ctx has ended and the batch goes on.
func (q *Charges) Take(ctx context.Context, c *store.Charge) error {
	if err := c.Check(); err != nil {
		return err
	}
	copied, _ := q.questions.Get().(*question)
	if copied == nil {
		copied = new(question)
	}
	copied.ask(c)
	item, err := q.queue.ask(ctx, &copied)
	if err != nil {
		return err // the batch may still use the copy
	}
	err = item.Err
	q.queue.recycle(item)
	if err == nil {
		copied.answer(c)
	}
	q.questions.Put(copied)
	return err
}

// Load returns how many batches are in flight, and how many charges wait for the next
// one.
func (q *Charges) Load() (batches, waiting int) { return q.queue.Load() }

// run carries out a batch by take.
func (q *Charges) run(ctx context.Context, items []*Item[*question, struct{}]) {
	l, _ := q.lists.Get().(*lists)
	if l == nil {
		l = new(lists)
	}
	for _, item := range items {
		l.charges = append(l.charges, &item.Request.charge)
		l.errs = append(l.errs, nil)
	}
	q.take(ctx, l.charges, l.errs)
	for i, item := range items {
		item.Err = l.errs[i]
	}
	clear(l.charges)
	clear(l.errs)
	l.charges, l.errs = l.charges[:0], l.errs[:0]
	q.lists.Put(l)
}
