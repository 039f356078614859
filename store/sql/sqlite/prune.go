package sqlite

import (
	"context"
	"database/sql"
	"fmt"
)

// pruneRows is how many rows Prune removes in one transaction. Charges wait meanwhile.
const pruneRows = 500

// Prune removes what no charge needs any more, and returns how many rows it removed:
// windows after their End and Keep, buckets that are full, and subjects that were moved
// and closed for store.ClosedFor. It goes by the clock of this process. It works in small
// transactions, so that charges wait for a few milliseconds only, and stops when ctx is
// done.
//
// Nothing calls Prune by itself. Call it now and then, such as once an hour, in one of
// the processes that share the file. The space of removed rows is used again.
func (s *Store) Prune(ctx context.Context) (removed int, err error) {
	now := s.now().Unix()
	for _, which := range []func(*statements) *sql.Stmt{
		func(s *statements) *sql.Stmt { return s.pruneWindows },
		func(s *statements) *sql.Stmt { return s.pruneBuckets },
		func(s *statements) *sql.Stmt { return s.reopen },
	} {
		for n := int64(pruneRows); n == pruneRows; removed += int(n) {
			err = s.writer.decide(ctx, func(stmts *statements) error {
				result, err := which(stmts).ExecContext(context.Background(), now, pruneRows)
				if err == nil {
					n, err = result.RowsAffected()
				}
				return err
			})
			if err != nil {
				return removed, fmt.Errorf("store/sqlite: prune: %w", explain(err))
			}
		}
	}
	return removed, nil
}
