package redis

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/storetest"
	"github.com/ration-go/ration/usageplan"
)

// least is the rights that a Store's user needs: its keys, its channel, and these
// commands. INFO is for Check and the Logger, and the last three are for a history.
var least = []string{
	"resetkeys", "~ration*", "resetchannels", "&ration*", "-@all",
	"+evalsha", "+eval", "+get", "+mget", "+set", "+setrange", "+time", "+hget", "+hmget", "+hgetall", "+hset", "+hdel", "+hrandfield",
	"+pttl", "+pexpire", "+rename", "+del", "+type", "+exists", "+incr", "+zadd", "+zrem", "+zrange", "+zrevrangebyscore", "+publish", "+subscribe",
	"+unsubscribe", "+hello", "+ping", "+info", "+xadd", "+xtrim", "+xrevrange",
	// a Cluster's client also needs "+cluster|slots", "+cluster|shards", "+asking"
}

// TestServers checks all contracts of the store on servers of every kind.
func TestServers(t *testing.T) {
	t.Parallel()
	for name, connect := range map[string]func(t testing.TB) rueidis.ClientOption{
		"cluster": func(t testing.TB) rueidis.ClientOption {
			return rueidis.ClientOption{InitAddress: redistest.StartCluster(t).Addrs}
		},
		"sentinel": func(t testing.TB) rueidis.ClientOption {
			return rueidis.ClientOption{
				InitAddress: redistest.StartSentinel(t).Addrs, Sentinel: rueidis.SentinelOption{MasterSet: redistest.Master},
			}
		},
		"tls": func(t testing.TB) rueidis.ClientOption {
			addr, cfg := redistest.StartTLS(t)
			return rueidis.ClientOption{InitAddress: []string{addr}, TLSConfig: cfg}
		},
		"acl": func(t testing.TB) rueidis.ClientOption {
			addr := redistest.Start(t)
			control := single(t, addr)
			words := append([]string{"ACL", "SETUSER", "ration", "on", ">secret"}, least...)
			words = append(words, "+scan") // for Dump
			require.NoError(t, control.Do(t.Context(), control.B().Arbitrary(words...).Build()).Error())
			require.NoError(t, control.Do(t.Context(), control.B().Arbitrary("ACL", "SETUSER", "default", "off").Build()).Error())
			return rueidis.ClientOption{InitAddress: []string{addr}, Username: "ration", Password: "secret"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() && name != "cluster" {
				t.Skip("to the store it is a server like any other")
			}
			t.Parallel()
			option := connect(t)
			option.DisableCache = true
			client, err := rueidis.NewClient(option)
			require.NoError(t, err)
			t.Cleanup(client.Close)
			require.Equal(t, name == "cluster", client.Mode() == rueidis.ClientModeCluster)
			var n atomic.Int64
			// Another prefix is another store, so nothing need be flushed.
			prefix := func(testing.TB) string { return fmt.Sprintf("ration%d", n.Add(1)) }
			open := func(t testing.TB, prefix string) *Store {
				s, err := New(client, Config{Prefix: prefix})
				require.NoError(t, err)
				return s
			}
			listening := func(t testing.TB, prefix string) *Store {
				s := open(t, prefix)
				heard := listen(t, s)
				start(t, s)
				require.Empty(t, soon(t, heard))
				return s
			}
			t.Run("counter", func(t *testing.T) {
				d := opening(prefix, open, func(s *Store) store.Counter { return s })
				storetest.TestCounter(t, storetest.Harness{New: d.New, Reopen: d.Reopen, Peer: d.Peer, Slack: 2 * time.Second})
			})
			t.Run("keys", func(t *testing.T) {
				storetest.TestKeys(t, opening(prefix, listening, func(s *Store) apikey.Store { return s }))
			})
			t.Run("history", func(t *testing.T) {
				storetest.TestHistory(t, opening(prefix, open, func(s *Store) history.Store { return s.History(storetest.HistoryBounds()) }))
			})
			t.Run("plans", func(t *testing.T) {
				storetest.TestPlans(t, opening(prefix, listening, func(s *Store) usageplan.Store { return s }))
			})
		})
	}
}

// TestOpenServers connects by URL to servers of each kind.
func TestOpenServers(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	secure, cfg := redistest.StartTLS(t)
	sentinel := redistest.StartSentinel(t)
	cluster := redistest.StartCluster(t)
	list := func(addrs []string) (query string) {
		for _, addr := range addrs[1:] {
			query += "&addr=" + addr
		}
		return query
	}
	for name, url := range map[string]string{
		"tls":      "rediss://" + secure,
		"sentinel": "redis://" + sentinel.Addrs[0] + "?master_set=" + redistest.Master + list(sentinel.Addrs),
		"cluster":  "redis://" + cluster.Addrs[0] + "?client_name=ration" + list(cluster.Addrs),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(url, Config{})
			require.NoError(t, err)
			defer s.Close()
			if name == "tls" {
				require.ErrorContains(t, s.Take(t.Context(), one("a")), "certificate", "a certificate that the client does not trust")
				option := s.dialing.option()
				option.TLSConfig = &tls.Config{RootCAs: cfg.RootCAs, ServerName: cfg.ServerName, MinVersion: tls.VersionTLS12}
				s.dialing.option = func() rueidis.ClientOption { return option }
				s.dialing.next = time.Time{}
			}
			require.NoError(t, s.Take(t.Context(), one("a")))
			require.Equal(t, name != "cluster", len(s.link.Load().decisions) == 1)
		})
	}
}
