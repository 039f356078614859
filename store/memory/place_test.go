package memory

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// TestStalePlaceOfInvalidSubject passes the place of an evicted account with a subject
// that Check refuses. The free account there is nobody's.
func TestStalePlaceOfInvalidSubject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		c := store.NewCharge("a", 1, store.Meter{Name: "rate", Max: 10, Rate: store.Rate{Tokens: 1, Per: 1}})
		require.NoError(t, s.Take(t.Context(), c))
		place := c.Parts[0].Place
		time.Sleep(time.Hour)
		sh := &s.shards[place>>32]
		require.True(t, sh.sweep(spent, time.Now(), s.micros(time.Time{}), len(sh.index)))

		for name, parts := range map[string][]store.Part{
			"one part":       {{Place: place}},
			"a part charged": {{Place: place, Meters: c.Parts[0].Meters, N: []int64{1}}},
			"two parts":      {{Place: place}, {Subject: "b", Place: place}},
			"a long subject": {{Place: place, Subject: strings.Repeat("x", store.MaxSubject+1)}},
		} {
			err := s.Take(t.Context(), &store.Charge{Parts: parts})
			require.ErrorIs(t, err, store.ErrInvalid, name)
		}
	})
}

// TestKnownMeterOfUnknownKind charges a meter that the account has, as a Kind that this
// package does not know. Every path refuses it.
func TestKnownMeterOfUnknownKind(t *testing.T) {
	for name, m := range map[string]store.Meter{
		"bucket": {Name: "rate", Max: 10, Rate: store.Rate{Tokens: 1, Per: 1}},
		"window": {Name: "day", Max: 10, End: 86400},
	} {
		s, c := New(Config{}), store.NewCharge("a", 1, m)
		require.NoError(t, s.Take(t.Context(), c))
		c.Parts[0].Meters[0].Kind = 1
		require.ErrorIs(t, s.Take(t.Context(), c), store.ErrInvalid, name)
		c.Parts[0].Place = 0
		require.ErrorIs(t, s.Take(t.Context(), c), store.ErrInvalid, name)
		_, _, err := s.TakeOne(t.Context(), "a", &c.Parts[0].Meters[0], c.At, 1)
		require.ErrorIs(t, err, store.ErrInvalid, name)
		c.Parts[0].Meters[0].Kind = store.Plain
		c.Parts[0].N[0] = 0
		require.NoError(t, s.Take(t.Context(), c))
		if name == "window" {
			require.EqualValues(t, 1, c.Parts[0].Levels[0].Used)
		}
	}
}
