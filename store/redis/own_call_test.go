package redis

import (
	"context"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
)

// watched is a client that records of each script call whether a batch made it or the
// caller itself, and whether it took a connection of its own.
type watched struct {
	rueidis.Client
	calls []call
}

type call struct{ batched, ownConnection bool }

func (w *watched) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if cmd.Commands()[0] != "PING" {
		batched := strings.Contains(string(debug.Stack()), "(*sender).call(")
		w.calls = append(w.calls, call{batched, cmd.IsBlock()})
	}
	return w.Client.Do(ctx, cmd)
}

// TestOwnCall checks that a caller with little time makes the call on its own goroutine,
// on a connection that no other call uses, once there is such a connection. A caller that
// can wait does not.
func TestOwnCall(t *testing.T) {
	client := &watched{Client: dial(t, redistest.Start(t))}
	s := newStore(t, client, decisionScripts)
	take := func(within time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		require.NoError(t, s.Take(ctx, one("a")))
	}
	warm := func() bool { return s.link.Load().warm.Load() }
	own, batched := call{false, true}, call{true, false}

	take(time.Minute)
	client.calls = nil // the script may have had to be sent
	require.False(t, warm(), "no call needed it")
	take(nearDeadline)
	require.Eventually(t, warm, 10*time.Second, time.Millisecond)
	take(nearDeadline)
	take(time.Minute)
	require.NoError(t, s.Take(t.Context(), one("a")))
	s.link.Load().warm.Store(false)
	take(nearDeadline)
	require.Equal(t, []call{batched, own, batched, batched, batched}, client.calls)
}

// TestOwnCallsAreFew has many callers with little time at once. Only a few of them take a
// connection of their own.
func TestOwnCallsAreFew(t *testing.T) {
	for _, separate := range []bool{false, true} {
		addr := redistest.Start(t)
		s, err := New(dial(t, addr), Config{Separate: separate})
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for range 50 {
					ctx, cancel := context.WithTimeout(t.Context(), nearDeadline)
					assert.NoError(t, s.Take(ctx, one("a")))
					cancel()
				}
			})
		}
		wg.Wait()
		control := single(t, addr)
		clients, err := control.Do(t.Context(), control.B().ClientList().Build()).ToString()
		require.NoError(t, err)
		shared := 4 // the client makes so many connections for the calls of all
		require.LessOrEqual(t, strings.Count(clients, "\n"), 1+shared+maxOwnCalls)
	}
}

// TestOwnCallTextOfScript has a server forget the script while callers make own calls.
func TestOwnCallTextOfScript(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	for range 3 {
		_, err := hurried(t, s, "a")
		require.NoError(t, err)
	}
	require.Eventually(t, s.link.Load().warm.Load, 10*time.Second, time.Millisecond)
	require.NoError(t, client.Do(t.Context(), client.B().ScriptFlush().Build()).Error())
	_, err := hurried(t, s, "a")
	require.NoError(t, err)
	require.EqualValues(t, 4, used(t, s, "a"))
}
