package redis

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
)

// TestMain has tests wait beside one another: most of them wait for a server.
func TestMain(m *testing.M) {
	longtest.Parallel(6)
	m.Run()
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
	s.one, s.many = replaced(s.one), replaced(s.many)
	for _, other := range []*script{&s.move, &s.dump, &s.restore} {
		if strings.Contains(other.text, old) {
			*other = replaced(*other)
		}
	}
	return s
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

// withClock returns s with a clock that the test moves. Keys expire by the server's own
// clock, so keys that would expire at once get a longer life.
func withClock(t testing.TB, s scripts) scripts {
	t.Helper()
	s = without(t, s, "milliseconds(a.longer)", "milliseconds(largest(HOUR, a.longer))")
	return without(t, s, "redis.call('TIME')", "redis.call('HMGET', 'clock', 's', 'us')")
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
