package redis

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// moveOf returns a Move.
func moveOf(from, to string) *store.Charge {
	return &store.Charge{Op: store.Move, At: time.Now(), Parts: []store.Part{{Subject: from}, {Subject: to}}}
}

// onApart returns a Store whose families are apart, on one server.
func onApart(t *testing.T) *Store {
	t.Helper()
	s, err := New(single(t, redistest.Start(t)), Config{Separate: true})
	require.NoError(t, err)
	return s
}

// charged returns a store on which a subject has every kind of state: a bucket, a window
// that is current, one that has ended, and a rare bucket.
func charged(t *testing.T, s *Store, subject string) {
	t.Helper()
	makePast(t, s, subject)
	id := store.Meter{Name: "id", Max: 1, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}, Rare: true}
	slow := store.Meter{Name: "slow", Max: 10, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}}
	c := chargeAt(store.Spend, time.Now(), subject, 1, slow, record, id)
	require.NoError(t, s.Take(t.Context(), c))
	require.True(t, c.OK)
}

// requireCharged checks that a subject has the state that charged made.
func requireCharged(t *testing.T, s *Store, subject string) {
	t.Helper()
	id := store.Meter{Name: "id", Max: 1, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}, Rare: true}
	slow := store.Meter{Name: "slow", Max: 10, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}}
	yesterday := quota
	yesterday.Start, yesterday.End, yesterday.Keep = quota.Start-86400, quota.End-86400, 90*24*time.Hour
	c := chargeAt(store.Spend, time.Now(), subject, 0, quota, yesterday, slow, record, id)
	require.NoError(t, s.Take(t.Context(), c))
	for i, want := range []int64{1, 7, 1, 1, 1} {
		require.Equal(t, want, c.Parts[0].Levels[i].Used, "%s of %q", c.Parts[0].Meters[i].Name, subject)
	}
}

// TestMove moves a subject with every kind of state, in one step and in several.
func TestMove(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T) *Store{
		"one step": func(t *testing.T) *Store { return newStore(t, single(t, redistest.Start(t)), decisionScripts) },
		"apart":    onApart,
		"cluster": func(t *testing.T) *Store {
			_, s := onCluster(t)
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			for _, to := range []string{"acme>key-7", "key-7>x"} {
				charged(t, s, "key-7")
				for range 2 {
					c := moveOf("key-7", to)
					require.NoError(t, s.Take(t.Context(), c))
					require.True(t, c.OK)
				}
				err := s.Take(t.Context(), one("key-7"))
				var moved *store.MovedError
				require.ErrorAs(t, err, &moved)
				require.Equal(t, &store.MovedError{Subject: "key-7", To: to}, moved)
				require.ErrorIs(t, err, store.ErrNotTaken)
				require.ErrorAs(t, s.Peek(t.Context(), time.Now(), []string{"key-7"}, []store.Meter{quota}, make([]store.Level, 1), nil), &moved)
				require.ErrorAs(t, s.Take(t.Context(), moveOf("key-7", "another")), &moved)
				requireCharged(t, s, to)

				charged(t, s, "in use")
				require.ErrorIs(t, s.Take(t.Context(), moveOf("in use", to)), store.ErrInvalid)
				requireCharged(t, s, "in use")
				requireCharged(t, s, to)
				flushAll(t, s)
			}

			require.NoError(t, s.Take(t.Context(), moveOf("nothing", "a>b")), "a subject without state")
			require.ErrorIs(t, s.Take(t.Context(), one("nothing")), store.ErrNotTaken)
			require.Zero(t, used(t, s, "a>b"))
			require.NoError(t, s.Take(t.Context(), one("a>b")))
			require.NoError(t, s.Take(t.Context(), moveOf("nothing", "a>b")), "once more")
			require.NoError(t, s.Take(t.Context(), moveOf("a>b", "nothing")), "back again")
			require.EqualValues(t, 1, used(t, s, "nothing"))
			ttl := ttlOf(t, s, "a>b")
			require.InDelta(t, store.ClosedFor, ttl, float64(time.Minute))
		})
	}
}

func flushAll(t *testing.T, s *Store) {
	t.Helper()
	for _, node := range s.link.Load().client.Nodes() {
		err := node.Do(t.Context(), node.B().Flushall().Build()).Error()
		if errorCode(err) != "READONLY" {
			require.NoError(t, err)
		}
	}
}

func ttlOf(t *testing.T, s *Store, subject string) time.Duration {
	t.Helper()
	client := s.link.Load().client
	ms, err := client.Do(t.Context(), client.B().Pttl().Key(s.key(subject)).Build()).AsInt64()
	require.NoError(t, err)
	return time.Duration(ms) * time.Millisecond
}

// TestMoveGoesOn breaks a Move off after each of its steps. Charges of both subjects fail
// then. A repeated Move goes on, and nothing is lost.
func TestMoveGoesOn(t *testing.T) {
	t.Parallel()
	s := onApart(t)
	broken := s.scripts
	for i, last := range []string{"look", "claim", "close", "copy", "drop", "open"} {
		for _, step := range []string{"is not reached", "is lost"} {
			t.Run(last+" "+step, func(t *testing.T) {
				flushAll(t, s)
				charged(t, s, "from")
				// The step fails before it does anything, or when it has done everything.
				breaks := "if step == '" + last + "' then error({ err = 'BROKEN' }) end "
				fault := breaks + "return steps[step]()"
				if step == "is lost" {
					fault = "local reply = steps[step]() " + breaks + "return reply"
				}
				s.scripts = broken
				s.scripts.move = newScript(strings.Replace(broken.move.text, "pcall(steps[step])", "pcall(function() "+fault+" end)", 1))
				err := s.Take(t.Context(), moveOf("from", "acme>to"))
				require.ErrorContains(t, err, "BROKEN")
				require.NotErrorIs(t, err, store.ErrNotTaken)
				s.scripts = broken

				closed := i > 2 || i == 2 && step == "is lost"
				claimed := i > 1 || i == 1 && step == "is lost"
				open := last == "open" && step == "is lost"
				if err := s.Take(t.Context(), chargeAt(store.Spend, time.Now(), "from", 0, quota)); closed {
					require.ErrorIs(t, err, store.ErrNotTaken)
				} else {
					require.NoError(t, err)
				}
				err = s.Take(t.Context(), chargeAt(store.Spend, time.Now(), "acme>to", 0, quota))
				var moved *store.MovedError
				require.False(t, errors.As(err, &moved))
				if claimed && !open {
					require.ErrorIs(t, err, store.ErrNotTaken)
				} else {
					require.NoError(t, err)
				}
				if closed {
					require.ErrorIs(t, s.Take(t.Context(), moveOf("from", "elsewhere")), store.ErrNotTaken)
				}

				require.NoError(t, s.Take(t.Context(), moveOf("from", "acme>to")))
				requireCharged(t, s, "acme>to")
				require.ErrorAs(t, s.Take(t.Context(), one("from")), &moved)
				require.NoError(t, s.Take(t.Context(), one("acme>to")))
				require.NoError(t, s.Take(t.Context(), moveOf("from", "acme>to")))
				require.EqualValues(t, 2, used(t, s, "acme>to"))
			})
		}
	}
}

// TestMoveRace makes the same Move from many goroutines, while others charge. No unit is
// lost, and none is there twice.
func TestMoveRace(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Store{
		"apart": onApart(t), "one step": newStore(t, single(t, redistest.Start(t)), decisionScripts),
	} {
		t.Run(name, func(t *testing.T) {
			for round := range 30 {
				from, to := fmt.Sprint("from ", round), fmt.Sprint("acme>to ", round)
				admitted := make(chan int64)
				const chargers, movers = 4, 3
				for range chargers {
					go func() {
						n := int64(0)
						for subject := from; n < 20; {
							c := one(subject)
							err := s.Take(t.Context(), c)
							var moved *store.MovedError
							switch {
							case errors.As(err, &moved):
								subject = moved.To
							case errors.Is(err, store.ErrNotTaken):
							case err != nil:
								t.Error(err)
								n = 20
							case c.OK:
								n++
							}
						}
						admitted <- n
					}()
				}
				moves := make(chan error)
				for range movers {
					go func() { moves <- s.Take(t.Context(), moveOf(from, to)) }()
				}
				for range movers {
					require.NoError(t, <-moves)
				}
				sum := int64(0)
				for range chargers {
					sum += <-admitted
				}
				require.Equal(t, sum, used(t, s, to))
				require.ErrorIs(t, s.Take(t.Context(), one(from)), store.ErrNotTaken)
			}
		})
	}
}

// TestApart charges several families. A Cluster whose slots differ cannot, and says so
// before any call. A family is always in one slot.
func TestApart(t *testing.T) {
	t.Parallel()
	client := cluster(t)
	s := newStore(t, client, decisionScripts)
	require.NoError(t, s.Take(t.Context(), twoParts("acme", "acme>team", "acme>key")))
	require.NoError(t, client.Do(t.Context(), client.B().ConfigResetstat().Build()).Error())
	err := s.Take(t.Context(), twoParts("acme", "account"))
	require.ErrorIs(t, err, store.ErrApart)
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.Zero(t, commands(t, client)["evalsha"])

	var same string // a family in the slot of acme, by chance
	for i := 0; same == ""; i++ {
		if name := fmt.Sprint("other ", i); slotOf(s.key(name)) == slotOf(s.key("acme")) {
			same = name
		}
	}
	require.NoError(t, s.Take(t.Context(), twoParts("acme>key", same)))
	require.EqualValues(t, 1, used(t, s, same))

	separate := onApart(t)
	require.NoError(t, separate.Take(t.Context(), twoParts("acme", "acme>team")))
	require.ErrorIs(t, separate.Take(t.Context(), twoParts("acme", "account")), store.ErrApart)
	together := newStore(t, single(t, redistest.Start(t)), decisionScripts)
	require.NoError(t, together.Take(t.Context(), twoParts("acme", "account")))
}
