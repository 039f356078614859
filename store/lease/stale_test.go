package lease_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
)

// TestRefundAfterLife has the store fail for longer than units may be spent. A unit that
// comes back then is not spent, but given back to the store.
func TestRefundAfterLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(100 * time.Microsecond)
		c := newCounter(t, s, lease.Config{})
		day := today(1 << 30)
		admitted := spend(t, c, 1000, 20*time.Microsecond, day)
		s.broken.Store(true)
		for ok := true; ok; { // nothing is left
			if ok, _ = take(c, 1, day); ok {
				admitted++
			}
		}
		time.Sleep(5 * time.Second)

		ok, err := take(c, -5, day)
		require.NoError(t, err)
		require.True(t, ok)
		_, err = take(c, 1, day)
		require.ErrorIs(t, err, store.ErrNotTaken)
		s.broken.Store(false)
		time.Sleep(5 * time.Second)
		require.Equal(t, admitted-5, s.used(t, day))
	})
}

// TestRecordsInOutage has the store fail for longer than units may be spent. A usage
// record is counted here all the same, and charged when the store is back.
func TestRecordsInOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFar(100 * time.Microsecond)
		c := newCounter(t, s, lease.Config{})
		use := newRecord()
		require.EqualValues(t, 1000, spend(t, c, 1000, 20*time.Microsecond, use))
		s.broken.Store(true)
		require.EqualValues(t, 50, spend(t, c, 50, time.Second, use))
		s.broken.Store(false)
		time.Sleep(5 * time.Second)
		require.EqualValues(t, 1050, s.used(t, use))
	})
}
