package redis

import (
	"fmt"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// TestDirectory checks the contracts of keys and plans, while a Run is running.
func TestDirectory(t *testing.T) {
	t.Parallel()
	for name, connect := range map[string]func(t testing.TB) func(t testing.TB) rueidis.Client{
		"server=miniredis": func(testing.TB) func(t testing.TB) rueidis.Client {
			return func(t testing.TB) rueidis.Client { return dial(t, miniredis.RunT(t).Addr()) }
		},
		"server=redis": func(t testing.TB) func(t testing.TB) rueidis.Client {
			client := dial(t, redistest.Start(t))
			return func(t testing.TB) rueidis.Client { return flushed(t, client) }
		},
		"server=redis,protocol=2": func(t testing.TB) func(t testing.TB) rueidis.Client {
			client, err := rueidis.NewClient(rueidis.ClientOption{
				InitAddress: []string{redistest.Start(t)}, DisableCache: true, AlwaysRESP2: true,
			})
			require.NoError(t, err)
			t.Cleanup(client.Close)
			return func(t testing.TB) rueidis.Client { return flushed(t, client) }
		},
		"server=cluster": func(t testing.TB) func(t testing.TB) rueidis.Client {
			client := cluster(t)
			return func(t testing.TB) rueidis.Client { return flushed(t, client) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "server=redis" && name != "server=cluster" {
				t.Skip("to the store it is a server like any other")
			}
			t.Parallel()
			fresh := connect(t)
			t.Run("keys", func(t *testing.T) {
				storetest.TestKeys(t, opening(fresh, running, func(s *Store) apikey.Store { return s }))
			})
			t.Run("plans", func(t *testing.T) {
				storetest.TestPlans(t, opening(fresh, running, func(s *Store) usageplan.Store { return s }))
			})
			t.Run("history", func(t *testing.T) {
				storetest.TestHistory(t, opening(fresh, running, func(s *Store) history.Store { return s.History(storetest.HistoryBounds()) }))
			})
		})
	}
}

// opening returns a harness of Stores over clients of empty servers. Another Store over
// the same client stands for a restart as well as for a second process, because a Store
// keeps nothing in its process.
func opening[C, S any](fresh func(t testing.TB) C, open func(t testing.TB, client C) *Store, as func(s *Store) S) storetest.Directory[S] {
	var client C
	again := func(t testing.TB) S { return as(open(t, client)) }
	return storetest.Directory[S]{
		New:    func(t testing.TB) S { client = fresh(t); return again(t) },
		Reopen: again,
		Peer:   again,
	}
}

// TestNames checks that no counter, whatever its prefix and subject, has a key of the
// directory.
func TestNames(t *testing.T) {
	client := dial(t, miniredis.RunT(t).Addr())
	s := newStore(t, client, decisionScripts)
	directory := map[string]bool{}
	for _, part := range []string{
		"", "last", "keys", "digests", "groups", "links-of-key:past", "links-of-key:}:past", "links-of-key:ration}:past",
	} {
		directory[s.directoryKey(part)] = true
	}
	for _, prefix := range []string{"ration", "ration:directory", "ration:directory:", "ration:", "directory"} {
		other, err := New(client, Config{Prefix: prefix})
		require.NoError(t, err)
		for _, subject := range []string{
			"ration", "ration}:keys", "ration}:links-of-key:", "ration}", "}", "directory:{ration}:keys", "{ration}:keys",
		} {
			r := other.request(chargeAt(store.Spend, time.Time{}, subject, 0, []store.Meter{quota}...), time.Unix(0, 0))
			require.NotContains(t, directory, r.key())
			require.NotContains(t, directory, r.key()+":past")
		}
		if prefix != s.prefix {
			require.NotContains(t, directory, other.directoryKey("keys"))
		}
	}
}

// TestHostileIDs has ids that could be mistaken for others.
func TestHostileIDs(t *testing.T) {
	s := newStore(t, dial(t, redistest.Start(t)), decisionScripts)
	ids := []string{
		"", "1", "1:", "1:1", ":", "a", "aa", "aaa", "}", "{x}", "past", "keys", "links-of-key:a", "a\n", "a\x00", "é", "*", "%s",
	}
	for _, plan := range ids {
		for _, key := range ids {
			require.NoError(t, s.InsertLink(t.Context(), usageplan.Link{PlanID: plan, KeyID: key}), "%q %q", plan, key)
		}
		require.NoError(t, s.InsertPlan(t.Context(), usageplan.Plan{ID: plan}))
		require.NoError(t, s.InsertGroup(t.Context(), usageplan.Group{ID: plan}))
		require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: plan, Digest: apikey.DigestOf(plan), GroupID: plan}))
	}
	for i, id := range ids {
		ofKey, err := s.KeyLinks(t.Context(), id)
		require.NoError(t, err)
		ofPlan, next, err := s.PlanLinks(t.Context(), id, "", 100)
		require.NoError(t, err)
		require.Empty(t, next)
		require.Len(t, ofKey, len(ids))
		require.Len(t, ofPlan, len(ids))
		for j, other := range ids {
			require.Equal(t, usageplan.Link{PlanID: other, KeyID: id, Version: 1}, ofKey[j])
			require.Equal(t, usageplan.Link{PlanID: id, KeyID: other, Version: 1}, ofPlan[len(ids)-1-j])
		}
		p, err := s.Plan(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, id, p.ID)
		k, err := s.KeyByDigest(t.Context(), apikey.DigestOf(ids[i]))
		require.NoError(t, err)
		require.Equal(t, id, k.ID)
		a, err := s.AccessByKey(t.Context(), id)
		require.NoError(t, err)
		require.Len(t, a.Links, len(ids))
		require.Len(t, a.Plans, len(ids))
		if id == "" {
			require.Empty(t, a.Groups)
		} else {
			require.Equal(t, []usageplan.Group{{ID: id, Version: 1}}, a.Groups)
		}
	}
}

// TestExamined checks that a page of a filtered listing examines at most maxExamined
// keys, however few it returns.
func TestExamined(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	for i := range 2*maxExamined + 5 {
		require.NoError(t, s.InsertKey(t.Context(), apikey.Key{ID: fmt.Sprint(i), Name: fmt.Sprint("name", i/5)}))
	}
	page := func(f apikey.Filter, cursor string, limit, looks int) ([]apikey.Key, string) {
		require.NoError(t, client.Do(t.Context(), client.B().ConfigResetstat().Build()).Error())
		keys, next, err := s.Keys(t.Context(), f, cursor, limit)
		require.NoError(t, err)
		calls := commands(t, client)
		require.Equal(t, 1, calls["eval"]+calls["evalsha"])
		require.Equal(t, looks, calls["hget"])
		return keys, next
	}
	// Now the server knows the script.
	_, _, err := s.Keys(t.Context(), apikey.Filter{}, "", 1)
	require.NoError(t, err)
	oldest := apikey.Filter{NamePrefix: "name0"}
	none, next := page(oldest, "", 2, maxExamined)
	require.Empty(t, none)
	none, next = page(oldest, next, 2, maxExamined)
	require.Empty(t, none)
	two, next := page(oldest, next, 2, 2)
	require.Equal(t, []string{"4", "3"}, []string{two[0].ID, two[1].ID})
	three, next := page(oldest, next, 3, 3)
	require.Len(t, three, 3)
	require.Empty(t, next)

	beyond, _ := page(apikey.Filter{NamePrefix: `name400{"id"`}, "", 1, maxExamined) // these bytes follow the name in the record
	require.Empty(t, beyond)
	most, next := page(apikey.Filter{}, "", 1<<30, maxExamined)
	require.Len(t, most, maxExamined)
	most, _ = page(apikey.Filter{}, next, 5000, maxExamined)
	require.Equal(t, fmt.Sprint(maxExamined+4), most[0].ID)
}

// TestOneRoundTrip counts the commands that the server gets for each operation, once it
// knows the scripts.
func TestOneRoundTrip(t *testing.T) {
	client := dial(t, redistest.Start(t))
	s := newStore(t, client, decisionScripts)
	for _, reset := range []bool{false, true} {
		for _, op := range operations() {
			for _, key := range []string{"last", "keys", "keys-by-age", "digests", "plans", "plans-by-age", "links",
				"links-of-plan:p", "links-of-key:k", "links-of-key:new", "groups", "groups-by-age"} {
				require.NoError(t, client.Do(t.Context(), client.B().Del().Key(s.directoryKey(key)).Build()).Error())
			}
			sample(t, s)
			require.NoError(t, client.Do(t.Context(), client.B().ConfigResetstat().Build()).Error())
			require.NoError(t, op.call(t.Context(), s))
			calls := commands(t, client)
			asked := calls["evalsha"]
			if asked == 0 {
				asked = calls["hget"] // a plain look-up
			}
			if reset {
				require.Zero(t, calls["eval"], op.name)
				require.Equal(t, 1, asked, op.name)
			}
			require.Zero(t, calls["keys"]+calls["scan"]+calls["hscan"]+calls["zscan"]+calls["hgetall"], op.name)
		}
	}
}
