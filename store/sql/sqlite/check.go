package sqlite

import (
	"context"
	"fmt"
)

// Check reports whether the file can be written, and has the schema of this package. It
// changes nothing. It waits for a process that writes, for up to Config.Busy or until ctx
// is done.
func (s *Store) Check(ctx context.Context) error {
	if err := s.check(ctx, len(Migrations())); err != nil {
		return fmt.Errorf("store/sqlite: check: %w", cause(err))
	}
	return nil
}
