package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

var (
	pruneStatement = statement{text: "SELECT ration_prune($1,$2)", types: []uint32{int8OID, int4OID}}
	clockStatement = statement{text: "SELECT ration_clock()"}
)

// pruneSize is how many rows of a table one transaction of Prune deletes at most.
const pruneSize = 500

// Prune deletes rows that are of no use: windows that have ended and need not be kept,
// buckets that are full, and subjects that have neither or may open again. It returns how
// many rows it has deleted.
//
// Nothing is deleted unless a service calls Prune, once an hour or a day. Several
// processes may call it. Prune deletes in small transactions, each of which keeps few
// charges waiting for a few milliseconds. If ctx ends, Prune returns after the present
// one.
//
// Prune goes by the clock of the server or that of this process, whichever is earlier,
// and leaves rows for an hour more.
func (s *Store) Prune(ctx context.Context) (rows int64, err error) {
	clock, err := s.call(ctx, &clockStatement)
	if err != nil {
		return 0, fmt.Errorf("store/postgres: prune: %w", err)
	}
	now := time.UnixMicro(int64(binary.BigEndian.Uint64(clock[0])))
	if own := time.Now(); own.Before(now) {
		now = own
	}
	before := encodeInt8(now.Add(-grace).Unix())
	for {
		reply, err := s.call(ctx, &pruneStatement, before, encodeInt4(pruneSize))
		if err != nil {
			return rows, fmt.Errorf("store/postgres: prune: %w", err)
		}
		deleted := int64(binary.BigEndian.Uint64(reply[0]))
		if deleted == 0 {
			return rows, nil
		}
		rows += deleted
	}
}
