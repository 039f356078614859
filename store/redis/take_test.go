package redis

import (
	"context"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// noClient is a client type for a nil pointer.
type noClient struct{ rueidis.Client }

func TestNew(t *testing.T) {
	client := dial(t, miniredis.RunT(t).Addr())
	_, err := New(client, Config{Prefix: "any%thing:\n"})
	require.NoError(t, err)
	_, err = New(nil, Config{Prefix: "a{b"})
	require.ErrorContains(t, err, "client: nil: want one that is connected")
	require.ErrorContains(t, err, `prefix: "a{b"`)
	_, err = New((*noClient)(nil), Config{})
	require.ErrorContains(t, err, "client: nil *redis.noClient: want one that is connected")
}

// TestOneCommand counts the commands that the server gets: one call of the script for a
// decision, whatever is in it. The text of the script is sent only if the server does not
// know it.
func TestOneCommand(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	next := quota
	next.Start, next.End = quota.End, quota.End+86400
	charges := []*store.Charge{
		store.NewCharge("a", 1, throttle),
		store.NewCharge("a", 1, throttle, quota, record),
		store.NewCharge("a", 1, throttle, quota, record),
		store.NewCharge("a", 0, quota, throttle),
		store.NewCharge("a", store.MaxUnits, quota, throttle),
		store.NewCharge("a", 1, next),
		store.NewCharge("a", -1, quota),
		chargeAt(store.SetRemaining, time.Time{}, "a", 1<<40, quota),
		twoParts("a", "a>b"),
	}
	for _, forget := range []bool{false, true} {
		require.NoError(t, client.Do(t.Context(), client.B().ConfigResetstat().Build()).Error())
		for _, c := range charges {
			if forget {
				require.NoError(t, client.Do(t.Context(), client.B().ScriptFlush().Build()).Error())
			}
			require.NoError(t, s.Take(t.Context(), c))
		}
		calls := commands(t, client)
		if forget {
			assert.Equal(t, len(charges), calls["eval"])
			assert.Equal(t, len(charges), calls["evalsha"], "all of them failed")
		} else {
			assert.LessOrEqual(t, calls["eval"], 2, "each of the two scripts")
			assert.Equal(t, len(charges), calls["evalsha"])
		}
	}
	require.EqualValues(t, 2*3-2, used(t, s, "a"))
}

// commands returns how often each command was called since the statistics were reset.
func commands(t testing.TB, client rueidis.Client) map[string]int {
	t.Helper()
	info, err := client.Do(t.Context(), client.B().Info().Section("commandstats").Build()).ToString()
	require.NoError(t, err)
	calls := map[string]int{}
	for _, found := range regexp.MustCompile(`cmdstat_([^:]+):calls=(\d+)`).FindAllStringSubmatch(info, -1) {
		calls[found[1]], err = strconv.Atoi(found[2])
		require.NoError(t, err)
	}
	return calls
}

// TestWork counts the commands inside the script. A history adds none, and the common
// shapes need three.
func TestWork(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	at := time.Unix(quota.Start, 0)
	charge := func() *store.Charge {
		start := at.Unix() / 86400 * 86400
		c := chargeAt(store.Spend, at, "a", 1, throttle, quota, record)
		for i := range c.Parts[0].Meters[1:] {
			c.Parts[0].Meters[1+i].Start, c.Parts[0].Meters[1+i].End = start, start+86400
		}
		return c
	}
	for range 90 {
		require.NoError(t, s.Take(t.Context(), charge()))
		at = at.Add(24 * time.Hour)
	}
	require.NoError(t, s.Take(t.Context(), charge()))
	require.NoError(t, client.Do(t.Context(), client.B().ConfigResetstat().Build()).Error())
	for range 10 {
		require.NoError(t, s.Take(t.Context(), charge()))
	}
	calls := commands(t, client)
	delete(calls, "config|resetstat")
	delete(calls, "info")
	require.Equal(t, map[string]int{"evalsha": 10, "get": 10, "time": 10, "setrange": 10}, calls)

	// Every ended window is kept, and can be read in one call.
	levels := make([]store.Level, 90)
	var days []store.Meter
	for i := range 90 {
		m := record
		m.Start += int64(i) * 86400
		m.End += int64(i) * 86400
		days = append(days, m)
	}
	require.NoError(t, store.Peek(t.Context(), s, at, []string{"a"}, days, levels, nil))
	for i := range levels {
		require.EqualValues(t, 1, levels[i].Used, "day %d", i)
	}
}

// TestPastIsBounded ends thousands of windows, and counts how many are kept.
func TestPastIsBounded(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, withClock(t, decisionScripts))
	clock := clock{client: client}
	minute := store.Meter{Name: "minute", Max: 5, Keep: time.Hour}
	now := time.Unix(quota.Start, 0)
	largest := int64(0)
	for range 2000 {
		clock.set(t, now)
		minute.Start, minute.End = now.Unix(), now.Unix()+60
		require.NoError(t, s.Take(t.Context(), chargeAt(store.Spend, now, "a", 1, minute)))
		size, err := client.Do(t.Context(), client.B().Hlen().Key("ration:{a}:past").Build()).AsInt64()
		require.NoError(t, err)
		largest = max(largest, size)
		now = now.Add(time.Minute)
	}
	assert.GreaterOrEqual(t, largest, int64(120), "Keep, and an hour")
	assert.Less(t, largest, int64(200))
	ttl, err := client.Do(t.Context(), client.B().Ttl().Key("ration:{a}:past").Build()).AsInt64()
	require.NoError(t, err)
	assert.InDelta(t, 7200, ttl, 70)
}

// TestRare charges with a new id each time. The value does not grow, the usual charges
// stay on the fast path, and ids that are full again are dropped.
func TestRare(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, withClock(t, decisionScripts))
	clock := clock{client: client}
	now := time.Unix(quota.Start, 0)
	charge := func(meters ...store.Meter) *store.Charge {
		c := chargeAt(store.Spend, now, "a", 1, append([]store.Meter{throttle, quota, record}, meters...)...)
		require.NoError(t, s.Take(t.Context(), c))
		return c
	}
	length := func() int64 {
		n, err := client.Do(t.Context(), client.B().Strlen().Key("ration:{a}").Build()).AsInt64()
		require.NoError(t, err)
		return n
	}
	clock.set(t, now)
	charge()
	usual, largest := length(), int64(0)
	for i := range 2000 {
		clock.set(t, now)
		id := store.Meter{Name: fmt.Sprint("id ", i), Max: 1, Rate: store.Rate{Tokens: 1, Per: 600_000_000}, Rare: true}
		require.True(t, charge(id).OK)
		require.False(t, charge(id).OK)
		size, err := client.Do(t.Context(), client.B().Hlen().Key("ration:{a}:ids").Build()).AsInt64()
		require.NoError(t, err)
		largest = max(largest, size)
		now = now.Add(30 * time.Second)
	}
	assert.Equal(t, usual, length())
	assert.GreaterOrEqual(t, largest, int64(2*10), "those of ten minutes")
	assert.Less(t, largest, int64(2*2*10))
	require.NoError(t, client.Do(t.Context(), client.B().ConfigResetstat().Build()).Error())
	require.EqualValues(t, 2002, charge().Parts[0].Levels[2].Used)
	calls := commands(t, client)
	require.Equal(t, 1, calls["setrange"])
	require.Equal(t, 1, calls["hmget"], "the clock of the test")
	require.Zero(t, calls["set"]+calls["hset"])
}

// TestClocksThatDiffer has one of many callers with a clock that is a year wrong. That
// caller gets wrong answers. No counts of the others are lost.
func TestClocksThatDiffer(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	for _, wrong := range []time.Duration{-365 * 24 * time.Hour, 365 * 24 * time.Hour} {
		flushed(t, client)
		for range 3 {
			require.NoError(t, s.Take(t.Context(), one("a")))
			far := one("a")
			far.At = far.At.Add(wrong)
			far = chargeAt(store.Spend, far.At, "a", 1, quota, record, throttle)
			for i := range far.Parts[0].Meters[:2] {
				far.Parts[0].Meters[i].Start += int64(wrong / time.Second)
				far.Parts[0].Meters[i].End += int64(wrong / time.Second)
			}
			require.NoError(t, s.Take(t.Context(), far))
		}
		require.EqualValues(t, 3, used(t, s, "a"), "%v", wrong)
	}
}

// TestClockAhead has a caller with a clock that is ahead charge once. The window that all
// others charge moves to the past, and is kept there until it has ended by the server's
// clock.
func TestClockAhead(t *testing.T) {
	for _, ahead := range []time.Duration{48 * time.Hour, 365 * 24 * time.Hour} {
		for _, keep := range []time.Duration{0, 24 * time.Hour, 90 * 24 * time.Hour} {
			t.Run(fmt.Sprintf("%v,keep=%v", ahead, keep), func(t *testing.T) {
				server := longLived(t)
				s := newStore(t, dial(t, server.Addr()), decisionScripts)
				now := time.Unix(quota.Start, 0).Add(2 * time.Hour)
				charge := func(at time.Time) bool {
					server.SetTime(now)
					start := at.Truncate(24 * time.Hour).Unix()
					m := store.Meter{Name: "day", Max: 3, Start: start, End: start + 86400, Keep: keep}
					c := chargeAt(store.Spend, at, "a", 1, m)
					require.NoError(t, s.Take(t.Context(), c))
					return c.OK
				}
				for i := range 5 {
					require.Equal(t, i < 3, charge(now))
				}
				require.True(t, charge(now.Add(ahead)))
				for range 20 {
					now = now.Add(time.Hour)
					server.FastForward(time.Hour)
					require.False(t, charge(now), "at %v", now)
				}
			})
		}
	}
}

// TestServersClock has a server, and therefore all of its callers, with a clock that is a
// year wrong.
func TestServersClock(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, withClock(t, decisionScripts))
	clock := clock{client: client}
	for _, wrong := range []time.Duration{-365 * 24 * time.Hour, 365 * 24 * time.Hour} {
		flushed(t, client)
		clock.set(t, time.Now().Add(wrong))
		for i := range 3 {
			require.NoError(t, s.Take(t.Context(), one("a")))
			other := one("a")
			other.Parts[0].Meters = []store.Meter{{Name: fmt.Sprint("bucket ", i), Max: 1}}
			require.NoError(t, s.Take(t.Context(), other))
		}
		require.EqualValues(t, 3, used(t, s, "a"), "%v", wrong)
	}
}

// TestKeys has subjects and names with every byte there is.
func TestKeys(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s, err := New(client, Config{Prefix: "app:counts"})
	require.NoError(t, err)
	var all [256]byte
	for i := range all {
		all[i] = byte(i)
	}
	odd := []string{"{", "}", "{}", "}{", "%", "%7D", "%257D", "\n", "%0A", "\x00", "a", "a\n", "\na", "a\nb", "{a}", "a}:past",
		"a:past", ">", ">a", ">b", "a>", "a>b", "a>b>c", "a}{>b", "a>}{b", "%>", "%>a", "\nb", "\nwa\n", "b", "w", "é", " ", "\r\n", strings.Repeat("}", 128), strings.Repeat("\n", 128),
		string(all[:128]), string(all[128:])}

	for i, subject := range odd {
		for round := range 2 {
			for j, name := range odd {
				window := quota
				window.Name = name
				meters := []store.Meter{{Name: name, Max: 1 << 40}, window}
				c := store.NewCharge(subject, int64(100*i+j+1), meters...)
				require.NoError(t, s.Take(t.Context(), c))
				require.EqualValues(t, (round+1)*(100*i+j+1), c.Parts[0].Levels[0].Used, "bucket %q of %q", name, subject)
				require.EqualValues(t, (round+1)*(100*i+j+1), c.Parts[0].Levels[1].Used, "window %q of %q", name, subject)
			}
		}
	}
	keys, err := client.Do(t.Context(), client.B().Keys().Pattern("*").Build()).AsStrSlice()
	require.NoError(t, err)
	require.Len(t, keys, len(odd))
	for _, key := range keys {
		require.Regexp(t, `(?s)^app:counts:\{[^}]+\}(\{[^}]*\})?$`, key)
	}
}

// TestFalseFriends has counts whose bytes look like a name.
func TestFalseFriends(t *testing.T) {
	s := newStore(t, dial(t, redistest.Start(t)), decisionScripts)
	n := int64(binary.LittleEndian.Uint32([]byte("\nbA\n"))) + 1<<52
	c := store.NewCharge("a", n, record)
	require.NoError(t, s.Take(t.Context(), c))
	require.EqualValues(t, n, c.Parts[0].Levels[0].Used)
	for i := range int64(2) {
		c = store.NewCharge("a", 1, []store.Meter{{Name: "A", Max: 9}}...)
		require.NoError(t, s.Take(t.Context(), c))
		require.EqualValues(t, i+1, c.Parts[0].Levels[0].Used)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "}", "%7D", "%", "a}b", "\x00\xff"} {
		f.Add(s, s+"}")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := string(appendEscaped(nil, a, '}')), string(appendEscaped(nil, b, '}'))
		require.Equal(t, a == b, x == y, "%q and %q", a, b)
		require.NotContains(t, x, "}")
	})
}

// TestManyClients charges one quota from several connections at once, while the server
// forgets the script again and again.
func TestManyClients(t *testing.T) {
	addr := redistest.Start(t)
	const limit = 2000
	day := quota
	day.Max = limit
	var (
		admitted atomic.Int64
		wg       sync.WaitGroup
		clients  []rueidis.Client
	)
	for range 4 {
		clients = append(clients, dial(t, addr))
	}
	for i := range 16 {
		client := clients[i%len(clients)]
		s := newStore(t, client, decisionScripts)
		wg.Go(func() {
			for j := range 200 {
				c := chargeAt(store.Spend, time.Now(), "a", 1, throttle, day, record)
				if !assert.NoError(t, s.Take(t.Context(), c)) {
					return
				}
				if c.OK {
					admitted.Add(1)
				}
				if i == 0 && j%20 == 0 {
					assert.NoError(t, client.Do(t.Context(), client.B().ScriptFlush().Build()).Error())
				}
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, limit, admitted.Load())
	require.EqualValues(t, limit, used(t, newStore(t, clients[0], decisionScripts), "a"))
}

// TestPeekBatches peeks at more than one batch, on a server that does not know the
// script.
func TestPeekBatches(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	var subjects []string
	for i := range 300 {
		subjects = append(subjects, fmt.Sprint("subject ", i))
		c := one(subjects[i])
		c.Parts[0].N[0] = int64(i + 1)
		require.NoError(t, s.Take(t.Context(), c))
	}
	before := dump(t, client)
	require.NoError(t, client.Do(t.Context(), client.B().ScriptFlush().Build()).Error())
	levels := make([]store.Level, 2*len(subjects))
	require.NoError(t, s.Peek(t.Context(), time.Time{}, subjects, []store.Meter{quota, throttle}, levels, nil))
	for i := range subjects {
		require.EqualValues(t, i+1, levels[2*i].Used)
		require.Zero(t, levels[2*i+1].Used)
	}
	require.Equal(t, before, dump(t, client))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Peek(ctx, time.Time{}, subjects, []store.Meter{quota}, levels, nil), store.ErrNotTaken)
}
