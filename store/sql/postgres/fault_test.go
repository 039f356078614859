package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestFaultInBatch has one charge of a batch that the database refuses. The others are
// decided, in few transactions.
func TestFaultInBatch(t *testing.T) {
	t.Parallel()
	s := migrated(t)
	require.NoError(t, s.Take(t.Context(), store.NewCharge("first", 1, window("quota", 5))))
	execute(t, s, `CREATE SEQUENCE calls;
		ALTER TABLE ration_windows ADD CHECK (subject <> 'bad');
		CREATE OR REPLACE FUNCTION ration_clock() RETURNS bigint LANGUAGE sql VOLATILE AS
			$$ SELECT nextval('calls') * 0 + `+fmt.Sprint(time.Now().UnixMicro())+` $$`)
	charges, errs := make([]*store.Charge, 128), make([]error, 128)
	for i := range charges {
		charges[i] = store.NewCharge("good", 1, window("quota", 1000))
	}
	charges[77] = store.NewCharge("bad", 1, window("quota", 1000))
	s.takeBatch(t.Context(), charges, errs)
	for i, err := range errs {
		if i == 77 {
			require.ErrorIs(t, err, store.ErrNotTaken)
			continue
		}
		require.NoError(t, err)
		require.True(t, charges[i].OK)
	}
	require.EqualValues(t, 127, charges[127].Parts[0].Levels[0].Used)
	require.LessOrEqual(t, value[int64](t, s, "SELECT last_value FROM calls"), int64(1+2*7))
}
