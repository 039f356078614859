package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestPeekByTake has a Counter that is not a Peeker, so Peek calls its Take with
// MaxMeters meters at a time.
func TestPeekByTake(t *testing.T) {
	at := time.Unix(1_790_000_000, 0)
	var meters []store.Meter
	c := &tally{used: map[[2]string]int64{}}
	subjects := []string{"a", "b", "c"}
	for i := range 20 {
		meters = append(meters, store.Meter{Name: fmt.Sprint(i), Max: int64(i)})
		for j, s := range subjects {
			c.used[[2]string{s, fmt.Sprint(i)}] = int64(100*j + i)
		}
	}
	for _, n := range []int{0, 1, 16, 17, 18, 20} {
		c.takes = 0
		levels := make([]store.Level, 3*n+1)
		require.NoError(t, store.Peek(t.Context(), c, at, subjects, meters[:n], levels, nil))
		for j := range subjects {
			for i, m := range meters[:n] {
				require.Equal(t, store.Level{Max: m.Max, Used: int64(100*j + i), Reset: 1_790_000_000}, levels[j*n+i], "%d meters", n)
			}
		}
		require.Zero(t, levels[3*n], "%d meters: past the last level", n)
		require.Equal(t, 3*((n+16)/17), c.takes, "%d meters", n)
	}
	require.NoError(t, store.Peek(t.Context(), c, at, nil, meters, nil, nil))
}

func TestPeekFails(t *testing.T) {
	c := &tally{used: map[[2]string]int64{}, fails: errors.New("broken")}
	meters := []store.Meter{bucket(1, perDay), bucket(2, perDay)}
	for room := range 6 {
		err := store.Peek(t.Context(), c, time.Now(), []string{"a", "b", "c"}, meters, make([]store.Level, room), nil)
		require.ErrorIs(t, err, store.ErrInvalid)
		require.ErrorIs(t, err, store.ErrNotTaken)
		require.EqualError(t, err, invalidPrefix+fmt.Sprintf("levels: room for %d: want 6", room))
	}
	require.Zero(t, c.takes)
	assert.ErrorIs(t, store.Peek(t.Context(), c, time.Now(), []string{"a", "b", "c"}, meters, make([]store.Level, 6), nil), c.fails)
	assert.Equal(t, 3, c.takes, "Peek stops at the first error")
	assert.ErrorIs(t, store.Peek(t.Context(), c, time.Now(), []string{""}, meters, make([]store.Level, 6), nil), store.ErrInvalid)
}

// peeker is a tally with Peek. Max and Used of each level are its indices.
type peeker struct{ tally }

func (p *peeker) Peek(_ context.Context, at time.Time, subjects []string, meters []store.Meter, levels []store.Level, last []int64) error {
	for i := range subjects {
		for j := range meters {
			levels[i*len(meters)+j] = store.Level{Max: int64(i), Used: int64(j), Reset: time.Duration(at.Unix())}
		}
	}
	return p.fails
}

func TestPeekByPeeker(t *testing.T) {
	p := &peeker{tally{fails: errors.New("broken")}}
	meters := []store.Meter{bucket(1, perDay), {Name: "other"}, {Name: "third"}}
	levels := make([]store.Level, 6)
	assert.ErrorIs(t, store.Peek(t.Context(), p, time.Unix(9, 0), []string{"a", "b"}, meters, levels, nil), p.fails)
	assert.Equal(t, store.Level{Max: 1, Used: 2, Reset: 9}, levels[5])
	assert.ErrorIs(t, store.Peek(t.Context(), p, time.Unix(9, 0), []string{"a", "b"}, meters, levels[:5], nil), store.ErrInvalid)
	assert.Zero(t, p.takes)
}
