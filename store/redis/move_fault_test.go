package redis

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// do sends a command that must not fail.
func do(t *testing.T, s *Store, words ...string) {
	t.Helper()
	client := s.link.Load().client
	require.NoError(t, client.Do(t.Context(), client.B().Arbitrary(words...).Build()).Error())
}

// breakMove makes a Move that fails before a step.
func breakMove(t *testing.T, s *Store, from, to, step string) {
	t.Helper()
	sound := s.scripts
	fault := "if step == '" + step + "' then return redis.error_reply('BROKEN') end"
	s.scripts.move = newScript(strings.Replace(sound.move.text, "local steps = {}", fault+" local steps = {}", 1))
	require.ErrorContains(t, s.Take(t.Context(), moveOf(from, to)), "BROKEN")
	s.scripts = sound
}

// TestMoveOfAnotherType has a key of another type in place of a hash. A Move in several
// steps could not read it. It finds that out before it closes anything.
func TestMoveOfAnotherType(t *testing.T) {
	t.Parallel()
	s := onApart(t)
	for _, suffix := range []string{":past", ":ids"} {
		flushAll(t, s)
		require.NoError(t, s.Take(t.Context(), one("from")))
		do(t, s, "SET", "ration:{from}"+suffix, "x")
		before := dump(t, s.link.Load().client)
		err := s.Take(t.Context(), moveOf("from", "acme>to"))
		require.ErrorContains(t, err, "WRONGTYPE")
		require.ErrorContains(t, err, `"ration:{from}"`)
		require.ErrorIs(t, err, store.ErrNotTaken)
		require.Equal(t, before, dump(t, s.link.Load().client))
	}
}

// TestMoveElsewhere has two Moves of one subject to different places at the same time.
// One of them succeeds. The other one does not keep its new subject closed.
func TestMoveElsewhere(t *testing.T) {
	t.Parallel()
	s := onApart(t)
	for name, goOn := range map[string]func(loser *mover) error{
		"it goes on": func(loser *mover) error {
			return asMoved(moveOf("from", "lost>to"), loser.inSteps(t.Context()))
		},
		"it is repeated": func(*mover) error { return s.Take(t.Context(), moveOf("from", "lost>to")) },
		"it had looked": func(loser *mover) error {
			loser.store.scripts.move = newScript(strings.Replace(decisionScripts.move.text, "local steps = {}",
				"if step == 'look' then return { 'OPEN' } end local steps = {}", 1))
			return asMoved(moveOf("from", "lost>to"), loser.inSteps(t.Context()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			flushAll(t, s)
			require.NoError(t, s.Take(t.Context(), one("from")))
			breakMove(t, s, "from", "lost>to", "close")
			require.ErrorIs(t, s.Take(t.Context(), one("lost>to")), store.ErrNotTaken)
			require.NoError(t, s.Take(t.Context(), moveOf("from", "won>to")))

			other, err := New(s.link.Load().client, Config{Separate: true})
			require.NoError(t, err)
			loser := &mover{store: other, link: other.link.Load(), from: "from", to: "lost>to", at: "0"}
			var moved *store.MovedError
			require.ErrorAs(t, goOn(loser), &moved)
			require.Equal(t, "won>to", moved.To)
			require.False(t, loser.begun)

			require.NoError(t, s.Take(t.Context(), one("lost>to")))
			require.EqualValues(t, 1, used(t, s, "lost>to"))
			require.EqualValues(t, 1, used(t, s, "won>to"))
		})
	}
}

// TestMoveHalfRights has a user who may not use one of the commands. The error says that
// nothing has moved only if that is so.
func TestMoveHalfRights(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Store{
		"apart": onApart(t), "one step": newStore(t, single(t, redistest.Start(t)), decisionScripts),
	} {
		for _, command := range []string{"SET", "DEL", "RENAME", "HSET", "PEXPIRE"} {
			t.Run(name+" "+command, func(t *testing.T) {
				flushAll(t, s)
				charged(t, s, "from")
				do(t, s, "HDEL", "ration:{from}:ids", "id\n") // so that a hash is missing
				before := dump(t, s.link.Load().client)
				s.scripts.move = newScript(`local server = redis
					local redis = { error_reply = server.error_reply, pcall = server.pcall, call = function(command, ...)
						if command == '` + command + `' then error({ err = 'NOPERM no right to the command' }) end
						return server.call(command, ...)
					end }
					` + decisionScripts.move.text)
				err := s.Take(t.Context(), moveOf("from", "acme>to"))
				if err != nil {
					require.ErrorContains(t, err, "NOPERM")
				}
				if errors.Is(err, store.ErrNotTaken) {
					require.Equal(t, before, dump(t, s.link.Load().client))
				}
				s.scripts = decisionScripts
				if name == "apart" {
					require.NoError(t, s.Take(t.Context(), moveOf("from", "acme>to")))
				}
			})
		}
	}
}

// TestMoveOutOfMemory repeats a Move that has only its last step to make, on a server
// without memory. The error does not say that there is nothing to repeat.
func TestMoveOutOfMemory(t *testing.T) {
	t.Parallel()
	s := onApart(t)
	charged(t, s, "from")
	breakMove(t, s, "from", "acme>to", "open")
	do(t, s, "CONFIG", "SET", "maxmemory", "1")
	err := s.Take(t.Context(), moveOf("from", "acme>to"))
	require.ErrorContains(t, err, "OOM")
	require.ErrorContains(t, err, "to be repeated")
	require.NotErrorIs(t, err, store.ErrNotTaken)
	do(t, s, "CONFIG", "SET", "maxmemory", "0")
	require.NoError(t, s.Take(t.Context(), moveOf("from", "acme>to")))
	requireCharged(t, s, "acme>to")
}
