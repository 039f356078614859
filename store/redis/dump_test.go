package redis

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// dumped returns all records of a store, by their subjects.
func dumped(t testing.TB, s *Store, limit int) map[string]store.Record {
	t.Helper()
	all := map[string]store.Record{}
	for cursor := ""; ; {
		page, next, err := s.Dump(t.Context(), cursor, limit)
		require.NoError(t, err)
		require.NoError(t, store.CheckRecords(page))
		for _, r := range page {
			all[r.Subject] = r
		}
		if cursor = next; cursor == "" {
			return all
		}
	}
}

// TestDumpCluster dumps a Cluster of several nodes, and restores it on one server.
func TestDumpCluster(t *testing.T) {
	t.Parallel()
	_, s := onCluster(t)
	const subjects = 200
	for i := range subjects {
		require.NoError(t, s.Take(t.Context(), one(fmt.Sprint("key-", i))))
	}
	require.NoError(t, s.Take(t.Context(), moveOf("key-0", "acme>key-0")))
	records := dumped(t, s, 10)
	require.Len(t, records, subjects+1)
	require.Equal(t, "acme>key-0", records["key-0"].MovedTo)

	on := newStore(t, single(t, redistest.Start(t)), decisionScripts)
	require.NoError(t, on.Restore(t.Context(), slices.Collect(maps.Values(records))))
	require.Len(t, dumped(t, on, 10), subjects+1)
	c := one("acme>key-0")
	require.NoError(t, on.Take(t.Context(), c))
	require.EqualValues(t, 2, c.Parts[0].Levels[0].Used)
}

// TestDumpOwnKeys checks that a dump has no keys of other stores, of the directory, and
// of other programs on the server.
func TestDumpOwnKeys(t *testing.T) {
	t.Parallel()
	client := single(t, redistest.Start(t))
	stores := map[string]*Store{}
	for _, prefix := range []string{"ration", "ration?", "r*", "[r]", `r\`, "ration:directory:"} {
		s, err := New(client, Config{Prefix: prefix})
		require.NoError(t, err)
		charged(t, s, "of "+prefix)
		stores[prefix] = s
	}
	for _, key := range []string{"ration:{a", "ration:{a}b", "ration:{a}{b", "ration:{%zz}", "ration:{a}{b}{c}", "ration:a"} {
		require.NoError(t, client.Do(t.Context(), client.B().Set().Key(key).Value("x").Build()).Error())
	}
	for prefix, s := range stores {
		records := dumped(t, s, 1)
		require.Equal(t, []string{"of " + prefix}, slices.Collect(maps.Keys(records)))
		require.Len(t, records["of "+prefix].States, 5)
	}
}

// TestDumpMoving checks that a dump reports a subject whose move has begun and not ended.
func TestDumpMoving(t *testing.T) {
	t.Parallel()
	s := onApart(t)
	require.NoError(t, s.Take(t.Context(), one("key-7")))
	l, err := s.connected(t.Context())
	require.NoError(t, err)
	m := mover{store: s, link: l, from: "key-7", to: "acme>key-7", at: fmt.Sprint(time.Now().Unix())}
	for _, step := range []string{"claim", "close"} {
		_, err := m.step(t.Context(), step, s.keysOf(map[string]string{"claim": m.to, "close": m.from}[step]))
		require.NoError(t, err)
		_, _, err = s.Dump(t.Context(), "", 100)
		require.ErrorContains(t, err, "has begun and not ended: want it repeated")
	}
	require.NoError(t, s.Take(t.Context(), moveOf("key-7", "acme>key-7")))
	require.Len(t, dumped(t, s, 100), 2)
}

// TestDumpDamaged checks that a value that nobody can read is an error, and names its
// subject.
func TestDumpDamaged(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"x", "R", "R\x02\x80\x81", "R\x01\x80\x80" + string(make([]byte, tailLen)), "M\x02", "M\x02" + "0\x80\x85a"} {
		client := single(t, redistest.Start(t))
		s := newStore(t, client, decisionScripts)
		require.NoError(t, client.Do(t.Context(), client.B().Set().Key(s.key("key-7")).Value(value).Build()).Error())
		_, _, err := s.Dump(t.Context(), "", 100)
		require.ErrorContains(t, err, `subject "key-7"`, "%q", value)
		require.ErrorContains(t, s.Restore(t.Context(), []store.Record{{Subject: "key-7"}}), `subject "key-7"`, "%q", value)
	}
}

// TestRestoreRare checks that a charge finds a rare bucket that was restored from a store
// which does not keep what is rare.
func TestRestoreRare(t *testing.T) {
	t.Parallel()
	s := newStore(t, single(t, redistest.Start(t)), decisionScripts)
	id := store.Meter{Name: "id 1", Max: 3, Rate: store.Rate{Tokens: 1, Per: 86_400_000_000}}
	require.NoError(t, s.Restore(t.Context(), []store.Record{{Subject: "key-7", States: []store.MeterState{
		store.StateOf(&id, store.State{Bucket: store.Bucket{Tokens: 2, Per: id.Rate.Per, Last: time.Now().UnixMicro()}}),
	}}}))
	id.Rare = true
	for _, want := range []struct {
		ok   bool
		used int64
	}{{true, 2}, {true, 3}, {false, 3}} {
		c := chargeAt(store.Spend, time.Now(), "key-7", 1, id)
		require.NoError(t, s.Take(t.Context(), c))
		require.Equal(t, want.ok, c.OK)
		require.Equal(t, want.used, c.Parts[0].Levels[0].Used)
	}
}

// TestRestoreAgain restores random records, some of them twice, and dumps them. The dump
// has the same states, each for as long as its record says.
func TestRestoreAgain(t *testing.T) {
	t.Parallel()
	s, now := newStore(t, single(t, redistest.Start(t)), decisionScripts), time.Now()
	want := map[string]store.Record{}
	for i := range 300 {
		r := store.Record{Subject: fmt.Sprint("acme>", i)}
		for j := range rand.N(40) {
			m := store.MeterState{Name: fmt.Sprintf("name%%\n%d", j%7), Until: now.Unix() + 1 + rand.Int64N(1e9)}
			switch rand.N(3) {
			case 0:
				m.IsWindow, m.Start = true, now.Unix()-rand.Int64N(1e6)
				m.Window = store.Window{Used: rand.Int64N(store.MaxUnits), Extra: rand.Int64N(1000) - 500, Last: rand.Int64N(store.MaxLast)}
			case 1:
				m.Rare = true
				fallthrough
			default:
				m.Name += fmt.Sprint(m.Rare)
				per := rand.Int64N(1e6) + 1
				m.Bucket = store.Bucket{Tokens: rand.Int64N(1e6), Part: rand.Int64N(per), Per: per, Last: now.UnixMicro() - rand.Int64N(1e9)}
			}
			if !slices.ContainsFunc(r.States, func(o store.MeterState) bool { return o.SameMeter(&m) }) {
				r.States = append(r.States, m)
			}
		}
		want[r.Subject] = r
		require.NoError(t, s.Restore(t.Context(), []store.Record{r, r}[:1+i%2]))
	}
	got := dumped(t, s, 100)
	for subject, r := range want {
		require.Len(t, got[subject].States, len(r.States), subject)
		for _, w := range r.States {
			i := slices.IndexFunc(got[subject].States, func(o store.MeterState) bool { return o.SameMeter(&w) })
			require.GreaterOrEqual(t, i, 0, "%+v", w)
			g := got[subject].States[i]
			require.Equal(t, w.State, g.State)
			require.Equal(t, w.Rare, g.Rare)
			require.GreaterOrEqual(t, g.Until, w.Until)
		}
	}
}
