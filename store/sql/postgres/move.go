package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ration-go/ration/store"
)

var moveStatement = statement{
	text:  "SELECT outcome, other FROM ration_move($1,$2,$3,$4,$5)",
	types: []uint32{textOID, textOID, int8OID, int8OID, int8OID},
}

// grace is how long rows are kept when they are of no use, in case clocks differ.
const grace = time.Hour

// move carries out a Move, in one transaction.
func (s *Store) move(ctx context.Context, c *store.Charge) error {
	if err := c.Check(); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("store/postgres: move: %w: %w", store.ErrNotTaken, ctx.Err())
	}
	from, to := strings.Clone(c.Parts[0].Subject), strings.Clone(c.Parts[1].Subject)
	row, err := s.call(ctx, &moveStatement, []byte(escapeText(from)), []byte(escapeText(to)),
		encodeInt8(instant(c)), encodeInt8(int64(store.ClosedFor/time.Second)), encodeInt8(int64(grace/time.Second)))
	if err != nil {
		if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
			err = fmt.Errorf("%w: %w", ctx.Err(), err)
		}
		return fmt.Errorf("store/postgres: move: %w", err)
	}
	switch outcome := string(row[0]); outcome {
	case "moved":
		c.OK = true
		return nil
	case "closed":
		return &store.MovedError{Subject: from, To: unescapeText(string(row[1]))}
	case "used":
		return fmt.Errorf("%w, %w: parts[1].subject: %.100q: in use: want a subject without state", store.ErrInvalid, store.ErrNotTaken, to)
	default:
		return fmt.Errorf("store/postgres: move: outcome %q of ration_move: want one that is known", outcome)
	}
}
