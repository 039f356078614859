package sqlite_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/sql/sqlite"
)

// TestFaultInBatch has a trigger of the owner refuse one subject. Charges of others,
// which share transactions with those of that subject, are decided.
func TestFaultInBatch(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(folder(t), "ration.db"), sqlite.Config{})
	require.NoError(t, s.Change(t.Context(), `CREATE TRIGGER refuses BEFORE INSERT ON ration_windows
		WHEN NEW.subject = CAST('bad' AS BLOB) BEGIN SELECT RAISE(ABORT, 'refused by its owner'); END`))
	meter := store.Meter{Name: "quota", Max: 1000, Start: 0, End: 1 << 40}
	var wg sync.WaitGroup
	for range 8 {
		for _, subject := range []string{"good", "bad"} {
			wg.Go(func() {
				for range 10 {
					err := s.Take(t.Context(), store.NewCharge(subject, 1, meter))
					if subject == "good" {
						assert.NoError(t, err)
						continue
					}
					assert.ErrorContains(t, err, "refused by its owner")
					assert.ErrorIs(t, err, store.ErrNotTaken)
				}
			})
		}
	}
	wg.Wait()
	read := store.NewCharge("good", 0, meter)
	require.NoError(t, s.Take(t.Context(), read))
	require.EqualValues(t, 80, read.Parts[0].Levels[0].Used)
}
