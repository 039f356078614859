package redis

import (
	"context"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store/redis/redistest"
)

// watched is a client that notes of each command whether a flight made it, rather than the caller.
type watched struct {
	rueidis.Client
	flown []bool
}

func (w *watched) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	w.flown = append(w.flown, strings.Contains(string(debug.Stack()), "(*flight).fly("))
	return w.Client.Do(ctx, cmd)
}

// TestOwnCall is that who has little time calls the server himself, once it has answered; who can wait does not, nor does
// anybody of a server that is not known to answer.
func TestOwnCall(t *testing.T) {
	client := &watched{Client: dial(t, redistest.Start(t))}
	s := newStore(t, client, counting)
	take := func(within time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		require.NoError(t, s.Take(ctx, one("a")))
	}
	take(brief)
	first := len(client.flown) // the script may have had to be sent
	take(brief)
	take(time.Minute)
	require.NoError(t, s.Take(t.Context(), one("a")))
	s.link.Load().answers.Store(false)
	take(brief)
	take(brief)
	require.NotContains(t, client.flown[:first], false)
	require.Equal(t, []bool{false, true, true, true, false}, client.flown[first:])
}
