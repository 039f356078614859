package redis

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/storetest"
)

// TestMain has tests wait beside one another: most of them wait for a server.
func TestMain(m *testing.M) {
	longtest.Parallel(6)
	m.Run()
}

// onMiniredis returns a harness of counters that each have a miniredis, whose clock the
// test moves.
func onMiniredis(open func(t testing.TB, addr string) store.Counter) storetest.Harness {
	var (
		server *miniredis.Miniredis
		now    time.Time
	)
	h := storetest.Harness{
		New: func(t testing.TB) store.Counter {
			server, now = miniredis.RunT(t), time.Now()
			server.SetTime(now)
			return open(t, server.Addr())
		},
		Advance: func(d time.Duration) {
			now = now.Add(d)
			server.SetTime(now)
			server.FastForward(d)
		},
	}
	return openedAgain(h, func(t testing.TB) store.Counter { return open(t, server.Addr()) })
}

// openedAgain returns h with a function that opens another Store over the server of the
// last one. The Store keeps nothing in its process, so another one stands for a restart
// as well as for a second process.
func openedAgain(h storetest.Harness, open func(t testing.TB) store.Counter) storetest.Harness {
	h.Reopen, h.Peer = open, open
	return h
}

// TestCounter checks the contract on miniredis, whose clock the test moves, and on a real
// server: by its own clock, by a clock that the test moves, and without the struct
// library.
func TestCounter(t *testing.T) {
	t.Parallel()
	t.Run("server=miniredis", func(t *testing.T) {
		if testing.Short() {
			t.Skip("slow")
		}
		t.Parallel()
		storetest.TestCounter(t, onMiniredis(func(t testing.TB, addr string) store.Counter {
			return newStore(t, dial(t, addr), decisionScripts)
		}))
	})
	t.Run("server=redis", func(t *testing.T) {
		t.Parallel()
		addr := redistest.Start(t)
		client := dial(t, addr)
		storetest.TestCounter(t, openedAgain(storetest.Harness{
			New:   func(t testing.TB) store.Counter { return newStore(t, flushed(t, client), decisionScripts) },
			Slack: 500 * time.Millisecond,
		}, func(t testing.TB) store.Counter { return newStore(t, dial(t, addr), decisionScripts) }))
	})
	t.Run("server=cluster", func(t *testing.T) {
		t.Parallel()
		client := cluster(t)
		storetest.TestCounter(t, openedAgain(storetest.Harness{
			New:   func(t testing.TB) store.Counter { return newStore(t, flushed(t, client), decisionScripts) },
			Slack: 500 * time.Millisecond,
		}, func(t testing.TB) store.Counter { return newStore(t, client, decisionScripts) }))
	})
	for name, script := range allScripts(t) {
		t.Run("server=redis,clock=moved,"+name, func(t *testing.T) {
			if testing.Short() && name == "struct=no" {
				t.Skip("slow")
			}
			t.Parallel()
			addr := redistest.Start(t)
			client := dial(t, addr)
			clock := clock{client: client}
			storetest.TestCounter(t, openedAgain(storetest.Harness{
				New: func(t testing.TB) store.Counter {
					flushed(t, client)
					clock.set(t, time.Now())
					return newStore(t, client, moved(t, script))
				},
				Advance: func(d time.Duration) { clock.set(t, clock.now.Add(d)) },
			}, func(t testing.TB) store.Counter { return newStore(t, dial(t, addr), moved(t, script)) }))
		})
	}
}

// allScripts returns the scripts that a real server runs, and the scripts that a server
// without the struct library would run.
func allScripts(t testing.TB) map[string]scripts {
	t.Helper()
	return map[string]scripts{"struct=yes": decisionScripts, "struct=no": without(t, decisionScripts, "rawget(_G, 'struct')", "nil")}
}

// cluster returns a client of a Cluster of one node, which has all slots and checks them.
func cluster(t testing.TB) rueidis.Client {
	t.Helper()
	addr := redistest.Start(t, "--cluster-enabled", "yes")
	node, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true})
	require.NoError(t, err)
	defer node.Close()
	slots := node.B().Arbitrary("CLUSTER", "ADDSLOTSRANGE", "0", "16383").Build()
	require.NoError(t, node.Do(t.Context(), slots).Error())
	require.Eventually(t, func() bool { // a new node waits for 2s
		info, err := node.Do(t.Context(), node.B().ClusterInfo().Build()).ToString()
		return err == nil && strings.Contains(info, "cluster_state:ok")
	}, 30*time.Second, 10*time.Millisecond)
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	require.Equal(t, rueidis.ClientModeCluster, client.Mode())
	return client
}

func newStore(t testing.TB, client rueidis.Client, s scripts) *Store {
	t.Helper()
	c, err := New(client, Config{})
	require.NoError(t, err)
	c.scripts = s
	return c
}

// flushed empties the server of client.
func flushed(t testing.TB, client rueidis.Client) rueidis.Client {
	t.Helper()
	require.NoError(t, client.Do(t.Context(), client.B().Flushall().Build()).Error())
	return client
}

// without returns s with the text old replaced by new.
func without(t testing.TB, s scripts, old, new string) scripts {
	t.Helper()
	replaced := func(s script) script {
		require.Equal(t, 1, strings.Count(s.text, old))
		return newScript(strings.Replace(s.text, old, new, 1))
	}
	return scripts{one: replaced(s.one), many: replaced(s.many)}
}

// clock replaces TIME. Its time is in a key of the server.
type clock struct {
	client rueidis.Client
	now    time.Time
}

func (c *clock) set(t testing.TB, now time.Time) {
	t.Helper()
	c.now = now
	s, us := strconv.FormatInt(now.Unix(), 10), strconv.Itoa(now.Nanosecond()/1000)
	set := c.client.B().Hset().Key("clock").FieldValue().FieldValue("s", s).FieldValue("us", us).Build()
	require.NoError(t, c.client.Do(t.Context(), set).Error())
}

// moved returns s with a clock that the test moves. Keys expire by the server's own
// clock, so keys that would expire at once get a longer life.
func moved(t testing.TB, s scripts) scripts {
	t.Helper()
	s = without(t, s, "milliseconds(longer[hash])", "milliseconds(largest(HOUR, longer[hash]))")
	return without(t, s, "redis.call('TIME')", "redis.call('HMGET', 'clock', 's', 'us')")
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
