package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

func TestFamily(t *testing.T) {
	for subject, want := range map[string]string{
		"acme": "acme", "acme>search": "acme", "acme>search>key": "acme", "acme>": "acme",
		">key": "", ">": "", "": "", "acme/key": "acme/key", "\xff>\x00": "\xff",
	} {
		require.Equal(t, want, store.Family(subject), "%q", subject)
	}
}

func TestNewCharge(t *testing.T) {
	c := store.NewCharge("a", 3, bucket(5, perDay), store.Meter{Name: "day", Max: 7, End: 86400})
	require.NoError(t, c.Check())
	require.Equal(t, store.Spend, c.Op)
	require.True(t, c.At.IsZero())
	require.Len(t, c.Parts, 1)
	require.Equal(t, store.NewPart("a", 3, c.Parts[0].Meters...), c.Parts[0])
	require.Equal(t, []int64{3, 3}, c.Parts[0].N)
	require.Len(t, c.Parts[0].Levels, 2)
	require.Zero(t, c.Parts[0].Place)

	empty := store.NewCharge("a", 3)
	require.NoError(t, empty.Check())
	require.Empty(t, empty.Parts[0].N)
}

func TestMovedError(t *testing.T) {
	var err error = fmt.Errorf("take: %w", &store.MovedError{Subject: "a\x00", To: "b>" + strings.Repeat("x", 500)})
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.NotErrorIs(t, err, store.ErrInvalid)
	require.EqualError(t, err, `take: store: not taken: subject "a\x00" has moved to "b>`+strings.Repeat("x", 98)+`"`)
	var moved *store.MovedError
	require.True(t, errors.As(err, &moved))
	require.Equal(t, "a\x00", moved.Subject)
}
