package redis

import (
	"errors"
	"fmt"

	"github.com/ration-go/ration/store"
)

// closedError is the reply for a subject whose value is a mark.
type closedError struct {
	part  int    // the index of its part in the charge
	phase byte   // of the mark
	other string // the other subject of the Move
}

func (e *closedError) Error() string { return fmt.Sprintf("parts[%d] is closed", e.part) }

// asMoved returns the error of the contract for a closedError about charge c. It returns
// any other error as it is.
func asMoved(c *store.Charge, err error) error {
	e, ok := errors.AsType[*closedError](err)
	switch {
	case !ok:
		return err
	case e.part >= len(c.Parts):
		return fmt.Errorf("reply: part %d is closed: want one of %d", e.part, len(c.Parts))
	case e.phase == arriving || e.phase == arrived:
		return fmt.Errorf("%w: subject %.100q is being moved here from %.100q", store.ErrNotTaken, c.Parts[e.part].Subject, e.other)
	}
	return &store.MovedError{Subject: c.Parts[e.part].Subject, To: e.other}
}
