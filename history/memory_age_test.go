package history

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMemoryForgetsOld checks that entries beyond MaxAge are not only left out of lists.
// The next Append removes them, since a MaxAge may be a promise to keep nothing longer.
func TestMemoryForgetsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(Bounds{MaxAge: time.Hour})
		add := func(id string) {
			require.NoError(t, m.Append(t.Context(), Entry{At: time.Now(), Action: Create, Kind: KindKey, ID: id}))
		}
		kept := func() (ids []string) {
			for _, e := range m.entries {
				if e.ID != "" {
					ids = append(ids, e.ID)
				}
			}
			return ids
		}
		add("a")
		add("b")
		time.Sleep(2 * time.Hour)
		add("c")
		require.Equal(t, []string{"c"}, kept())
	})
}
