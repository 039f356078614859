package memory

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestTakeAtPlace finds an account by its place alone. It finds none at the place of an
// account that was evicted.
func TestTakeAtPlace(t *testing.T) {
	for _, subject := range []string{"short", strings.Repeat("long", maxInline)} {
		synctest.Test(t, func(t *testing.T) {
			s := New(Config{MaxSubjects: 1})
			take := func(subject string, place uint64, used int64) uint64 {
				t.Helper()
				m := store.Meter{Name: "quota", Max: 10, Start: time.Now().Unix() / 60 * 60}
				m.End = m.Start + 60
				c := store.NewCharge(subject, 1, m)
				c.Parts[0].Place = place
				require.NoError(t, s.Take(t.Context(), c))
				require.True(t, c.OK)
				require.Equal(t, used, c.Parts[0].Levels[0].Used)
				return c.Parts[0].Place
			}
			place := take(subject, 0, 1)
			require.NotZero(t, place, "a charge that makes an account returns its place")
			require.Equal(t, place, take(subject, 0, 2))

			sh := &s.shards[place>>32]
			index := sh.index
			sh.index = make([]entry, len(index)) // an empty index finds nothing
			take(subject, place, 3)
			sh.index = index

			time.Sleep(time.Hour) // the subject has nothing to lose, so it is evicted
			take("another", place, 1)
			take("another", place, 2)
			time.Sleep(time.Hour)
			take(subject, place, 1)
			take(subject, place, 2)
		})
	}
}
