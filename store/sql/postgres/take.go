package postgres

import (
	"context"
	"fmt"

	"github.com/ration-go/ration/store"
)

// takeStatement decides a batch. The numbers of its parameters are those of the function
// in the migration.
var takeStatement = statement{
	text: "SELECT clock, closed, held, decided FROM ration_take($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)",
	types: []uint32{
		textArrayOID, textArrayOID, textArrayOID, textArrayOID, textArrayOID, textArrayOID, int8ArrayOID,
		int8ArrayOID, int8ArrayOID, int8ArrayOID, int8ArrayOID, int8ArrayOID, int8ArrayOID, int8ArrayOID, int8ArrayOID,
		int8ArrayOID, int4OID,
	},
}

// takeBatch decides charges, which have no Move, in one transaction.
//
// If one of them may be at fault for a failure, each half is decided by itself, so that
// in the end only that one fails. This takes few transactions.
func (s *Store) takeBatch(ctx context.Context, charges []*store.Charge, errs []error) {
	ctx, cancel := lingering(ctx)
	defer cancel()
	s.takeHalves(ctx, charges, errs)
}

func (s *Store) takeHalves(ctx context.Context, charges []*store.Charge, errs []error) {
	err := s.decide(ctx, charges, errs)
	if half := len(charges) / 2; half > 0 && isFault(err) {
		s.takeHalves(ctx, charges[:half], errs[:half])
		s.takeHalves(ctx, charges[half:], errs[half:])
		return
	}
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
	}
}

// decide decides charges in one transaction. It returns the error of all of them, or sets
// those of single charges.
func (s *Store) decide(ctx context.Context, charges []*store.Charge, errs []error) error {
	r := newRequest()
	for _, c := range charges {
		r.add(c)
	}
	reply, err := s.ask(ctx, r)
	if err != nil {
		return err
	}
	return reply.replay(r, errs)
}

// ask calls ration_take.
func (s *Store) ask(ctx context.Context, r *request) (*reply, error) {
	row, err := s.call(ctx, &takeStatement, r.arguments()...)
	if err != nil {
		return nil, err
	}
	reply, err := decodeReply(row, len(r.buckets))
	if err == nil && (len(reply.states) != len(r.buckets)+len(r.windows) || len(reply.decided) != len(r.asked)) {
		err = fmt.Errorf("%d states and %d decisions: want %d and %d",
			len(reply.states), len(reply.decided), len(r.buckets)+len(r.windows), len(r.asked))
	}
	if err != nil {
		return nil, fmt.Errorf("reply of ration_take: %w", err)
	}
	return reply, nil
}
