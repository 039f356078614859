package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/retry"
)

var errRaced = errors.New("raced")

// TestDo checks how many attempts are made, and how long they take at most.
func TestDo(t *testing.T) {
	for name, test := range map[string]struct {
		races int           // races that are lost before an attempt succeeds
		after time.Duration // when ctx is done; 0 means never
		tries int
		errs  []error
		most  time.Duration
	}{
		"at once":         {0, 0, 1, nil, 0},
		"once":            {1, 0, 2, nil, time.Millisecond},
		"six times":       {6, 0, 7, nil, 63 * time.Millisecond},
		"again and again": {99, 0, retry.Tries, []error{errRaced}, 1100 * time.Millisecond},
		"given up":        {99, time.Nanosecond, 1, []error{errRaced, context.DeadlineExceeded}, time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, began, tries := t.Context(), time.Now(), 0
				if test.after > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.after)
					defer cancel()
				}
				err := retry.Do(ctx, func() (bool, error) {
					if tries++; tries <= test.races {
						return true, errRaced
					}
					return false, nil
				})
				require.Equal(t, test.tries, tries)
				require.Equal(t, test.errs == nil, err == nil)
				for _, want := range test.errs {
					require.ErrorIs(t, err, want)
				}
				require.LessOrEqual(t, time.Since(began), test.most)
			})
		})
	}
}

// TestOther returns at once with an error that is not a lost race.
func TestOther(t *testing.T) {
	tries := 0
	err := retry.Do(t.Context(), func() (bool, error) { tries++; return false, errRaced })
	require.Equal(t, errRaced, err)
	require.Equal(t, 1, tries)
}
