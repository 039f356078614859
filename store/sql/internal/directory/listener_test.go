package directory

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/usageplan"
)

// TestListenerState is a timeline of a Watch: it listens, hears a change, and loses its
// connection. Each step takes a second.
func TestListenerState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(nil, &Postgres, "store/test")
		broken := make(chan error)
		down := false
		start := time.Now()
		at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		for second, step := range []struct {
			what string
			do   func()
			want usageplan.ListenerState
		}{
			{"no Watch", func() {}, usageplan.ListenerState{}},
			{"a Watch listens", func() {
				go func() {
					ended <- Watch(ctx, s, nil, nil, func(ctx context.Context, heard func()) error {
						if down {
							return errors.New("down")
						}
						heard()
						select {
						case err := <-broken:
							return err
						case <-ctx.Done():
							return ctx.Err()
						}
					})
				}()
			}, usageplan.ListenerState{Running: true, Since: at(1)}},
			{"a change", func() { Tell(s, "k") }, usageplan.ListenerState{Running: true, Since: at(1), Heard: at(2)}},
			{"the connection breaks", func() { down = true; broken <- errors.New("reset") }, usageplan.ListenerState{Running: true, Heard: at(2), Lost: 1}},
			{"it is down, and pauses grow", func() {}, usageplan.ListenerState{Running: true, Heard: at(2), Lost: 1, Failed: 6}},
			{"the Watch ends", func() { cancel() }, usageplan.ListenerState{Heard: at(2), Lost: 1, Failed: 7}},
		} {
			step.do()
			synctest.Wait()
			require.Equal(t, step.want, s.ListenerState(), step.what)
			require.WithinDuration(t, at(second), time.Now(), 0)
			time.Sleep(time.Second)
		}
		require.Error(t, <-ended)
	})
}
