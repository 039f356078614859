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

// watched is a client that notes of each script call whether a flight made it, rather
// than the caller, and whether it took a connection of its own.
type watched struct {
	rueidis.Client
	calls []call
}

type call struct{ flown, ownConnection bool }

func (w *watched) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if cmd.Commands()[0] != "PING" {
		flown := strings.Contains(string(debug.Stack()), "(*flight).fly(")
		w.calls = append(w.calls, call{flown, cmd.IsBlock()})
	}
	return w.Client.Do(ctx, cmd)
}

// TestOwnCall is that a caller with little time makes the call itself, on a connection
// that no other call uses, once there is such a connection. A caller that can wait does
// not.
func TestOwnCall(t *testing.T) {
	client := &watched{Client: dial(t, redistest.Start(t))}
	s := newStore(t, client, counting)
	take := func(within time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		require.NoError(t, s.Take(ctx, one("a")))
	}
	warm := func() bool { return s.link.Load().warm.Load() }
	own, flown := call{false, true}, call{true, false}

	take(time.Minute)
	client.calls = nil // the script may have had to be sent
	require.False(t, warm(), "nobody needed it")
	take(brief)
	require.Eventually(t, warm, 10*time.Second, time.Millisecond)
	take(brief)
	take(time.Minute)
	require.NoError(t, s.Take(t.Context(), one("a")))
	s.link.Load().warm.Store(false)
	take(brief)
	require.Equal(t, []call{flown, own, flown, flown, flown}, client.calls)
}

// TestOwnCallsAreFew has many callers with little time at once: few of them need a
// connection.
func TestOwnCallsAreFew(t *testing.T) {
	for _, separate := range []bool{false, true} {
		addr := redistest.Start(t)
		s, err := New(dial(t, addr), Config{Separate: separate})
		require.NoError(t, err)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for range 50 {
					ctx, cancel := context.WithTimeout(t.Context(), brief)
					assert.NoError(t, s.Take(ctx, one("a")))
					cancel()
				}
			})
		}
		wg.Wait()
		control := single(t, addr)
		clients, err := control.Do(t.Context(), control.B().ClientList().Build()).ToString()
		require.NoError(t, err)
		shared := 4 // the client makes as many connections for the calls of all
		require.LessOrEqual(t, strings.Count(clients, "\n"), 1+shared+ownCalls)
	}
}

// TestOwnCallTextOfScript has a server forget the script while callers make their calls
// themselves.
func TestOwnCallTextOfScript(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, counting)
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
