package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/store"
)

// Take implements store.Counter. It gathers the charges of concurrent callers into one
// transaction. A charge that only reads does not wait for the disk.
func (s *Store) Take(ctx context.Context, c *store.Charge) error {
	err := c.Check()
	switch {
	case err != nil:
	case onlyReads(c):
		err = s.takeRead(ctx, c)
	default:
		err = s.charges.Take(ctx, c)
	}
	if err != nil {
		return wrap("take", err)
	}
	return nil
}

// wrap names the package and what it was doing, unless the error is one of the contract,
// which says everything.
func wrap(doing string, err error) error {
	if _, isMove := errors.AsType[*store.MovedError](err); isMove || errors.Is(err, store.ErrInvalid) {
		return err
	}
	return fmt.Errorf("store/sqlite: %s: %w", doing, explain(err))
}

func onlyReads(c *store.Charge) bool {
	if c.Op != store.Spend {
		return false
	}
	for p := range c.Parts {
		for _, n := range c.Parts[p].N {
			if n != 0 {
				return false
			}
		}
	}
	return true
}

// takeBatch decides charges one after the other, in one transaction.
//
// If one of them may be at fault for a failure, such as one that needs a damaged page, it
// decides each half of the charges for itself, so that in the end only those at fault
// fail. After such an error SQLite carries out nothing more in a transaction.
func (s *Store) takeBatch(ctx context.Context, charges []*store.Charge, errs []error) {
	err := s.writer.decide(ctx, func(stmts *statements) error {
		b := s.newBook(stmts)
		for i, c := range charges {
			if errs[i] = b.take(c); errs[i] != nil && !errors.Is(errs[i], store.ErrNotTaken) {
				return errs[i]
			}
		}
		return b.write()
	})
	if half := len(charges) / 2; half > 0 && isFault(err) && errors.Is(err, store.ErrNotTaken) {
		s.takeBatch(ctx, charges[:half], errs[:half])
		s.takeBatch(ctx, charges[half:], errs[half:])
		return
	}
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
	}
}
