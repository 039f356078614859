package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestTakeOneByTake has a Counter that is not a OneTaker, so One calls its Take.
func TestTakeOneByTake(t *testing.T) {
	c := &tally{used: map[[2]string]int64{}, fails: errors.New("broken")}
	m := bucket(5, perDay)
	for want := range int64(2) {
		l, ok, err := store.One(c).TakeOne(t.Context(), "a", &m, time.Unix(7, 0), 1)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, store.Level{Max: 5, Used: want + 1, Reset: 7}, l)
	}
	_, _, err := store.One(c).TakeOne(t.Context(), "a", &m, time.Unix(7, 0), 1)
	require.ErrorIs(t, err, c.fails)
	_, _, err = store.One(c).TakeOne(t.Context(), "", &m, time.Unix(7, 0), 1)
	require.ErrorIs(t, err, store.ErrInvalid)
	require.Equal(t, bucket(5, perDay), m)
}

// oneTaker is a tally with TakeOne.
type oneTaker struct{ tally }

func (o *oneTaker) TakeOne(_ context.Context, subject string, m *store.Meter, at time.Time, n int64) (store.Level, bool, error) {
	return store.Level{Max: m.Max, Used: n, Reset: time.Duration(at.Unix())}, subject == "a", o.fails
}

func TestTakeOneByOneTaker(t *testing.T) {
	o, m := &oneTaker{tally{fails: errors.New("broken")}}, bucket(5, perDay)
	l, ok, err := store.One(o).TakeOne(t.Context(), "a", &m, time.Unix(9, 0), 3)
	assert.ErrorIs(t, err, o.fails)
	assert.True(t, ok)
	assert.Equal(t, store.Level{Max: 5, Used: 3, Reset: 9}, l)
	assert.Zero(t, o.takes)
}
