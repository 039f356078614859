package redis

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
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

// TestOpen checks that each form of URL connects when the Store is used.
func TestOpen(t *testing.T) {
	socket := t.TempDir() + "/redis.sock"
	addr := redistest.Start(t, "--requirepass", "p/@ss", "--unixsocket", socket)
	for _, url := range []string{
		"redis://:p%2F%40ss@" + addr, "redis://default:p%2F%40ss@" + addr + "/3?client_name=ration&dial_timeout=1s", "unix://:p%2F%40ss@" + socket,
	} {
		s, err := Open(url, Config{})
		require.NoError(t, err)
		defer s.Close()
		c := one("a")
		require.NoError(t, s.Take(t.Context(), c))
		require.True(t, c.OK)
		require.True(t, len(s.link.Load().decisions) == 1)
	}
}

// TestWrongServer has a server that is wrong or missing. Nothing was charged, and no
// error contains the password.
func TestWrongServer(t *testing.T) {
	t.Parallel()
	open := redistest.Start(t)
	locked := redistest.Start(t, "--requirepass", "right")
	for name, test := range map[string]struct{ url, want string }{
		"no server":      {"redis://:wrongpass@127.0.0.1:1", "connection refused"},
		"no password":    {"redis://" + locked, "NOAUTH"},
		"wrong password": {"redis://:wrongpass@" + locked, "WRONGPASS"},
		"no TLS":         {"rediss://:wrongpass@" + open + "?dial_timeout=1s", "deadline exceeded"},
		"no database":    {"redis://" + open + "/99", "DB index is out of range"},
		"no socket":      {"unix:///nowhere/redis.sock", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(test.url, Config{})
			require.NoError(t, err)
			defer s.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err = s.Take(ctx, one("a"))
			require.ErrorIs(t, err, store.ErrNotTaken)
			require.ErrorContains(t, err, test.want)
			require.NotContains(t, err.Error(), "wrongpass")
		})
	}
}

// TestComesLater has a service that starts before its Redis. Calls fail at once, many
// callers share one dial, and the service recovers within the longest pause.
func TestComesLater(t *testing.T) {
	server := miniredis.NewMiniRedis()
	require.NoError(t, server.Start())
	addr := server.Addr()
	server.Close()
	s, err := Open("redis://"+addr, Config{})
	require.NoError(t, err)
	defer s.Close()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { assert.ErrorIs(t, s.Take(t.Context(), one("a")), store.ErrNotTaken) })
	}
	wg.Wait()
	began := time.Now()
	require.ErrorIs(t, store.Peek(t.Context(), s, time.Now(), []string{"a"}, []store.Meter{quota}, make([]store.Level, 1), nil), store.ErrNotTaken)
	require.Less(t, time.Since(began), maxRedial)

	server = miniredis.NewMiniRedis()
	require.NoError(t, server.StartAddr(addr))
	defer server.Close()
	require.Eventually(t, func() bool { return s.Take(t.Context(), one("a")) == nil }, 10*time.Second, 10*time.Millisecond)
}

// TestDialHonoursContext has a server that accepts and never answers. A call waits for it
// only until its ctx is done.
func TestDialHonoursContext(t *testing.T) {
	t.Parallel()
	p := newProxy(t, redistest.Start(t))
	p.silent.Store(true)
	s, err := Open("redis://"+p.addr, Config{})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err = s.Take(ctx, one("a"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.Less(t, time.Since(began), 5*time.Second)
	s.Close() // while it dials
	require.ErrorIs(t, s.Take(t.Context(), one("a")), errClosed)
}

// TestClose checks that Close closes what Open made, and nothing else.
func TestClose(t *testing.T) {
	addr := redistest.Start(t)
	s, err := Open("redis://"+addr, Config{})
	require.NoError(t, err)
	require.NoError(t, s.Take(t.Context(), one("a")))
	for range 2 {
		s.Close()
		require.ErrorIs(t, s.Take(t.Context(), one("a")), store.ErrNotTaken)
	}
	never, err := Open("redis://"+addr, Config{})
	require.NoError(t, err)
	never.Close()
	require.ErrorIs(t, never.Take(t.Context(), one("a")), errClosed)

	client := dial(t, addr)
	own := newStore(t, client, decisionScripts)
	own.Close()
	require.NoError(t, own.Take(t.Context(), one("a")))
}

// TestCheck checks that Check reports settings, and that the Logger gets them once.
func TestCheck(t *testing.T) {
	bad := redistest.Start(t, "--maxmemory-policy", "volatile-lru")
	good := redistest.Start(t, "--appendonly", "yes", "--maxmemory-policy", "noeviction")
	var log bytes.Buffer
	for _, test := range []struct {
		addr string
		want []string
	}{{bad, []string{"volatile-lru", "appendonly: no"}}, {good, nil}} {
		log.Reset()
		s, err := Open("redis://"+test.addr, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		for range 3 {
			require.NoError(t, s.Take(t.Context(), one("a")))
		}
		require.Equal(t, min(len(test.want), 1), strings.Count(log.String(), "level=WARN"))
		err = s.Check(t.Context())
		for _, want := range test.want {
			require.ErrorContains(t, err, want)
			require.Contains(t, log.String(), want)
		}
		require.Equal(t, len(test.want) > 0, err != nil)
		require.Equal(t, len(test.want) > 0, errors.Is(err, store.ErrSettings))
		s.Close()
		err = s.Check(t.Context())
		require.Error(t, err)
		require.NotErrorIs(t, err, store.ErrSettings)
	}
}

// shy is a client whose server does not answer INFO the first few times.
type shy struct {
	rueidis.Client
	times *atomic.Int64
}

func (c shy) Nodes() map[string]rueidis.Client { return map[string]rueidis.Client{"node": c} }

func (c shy) Do(ctx context.Context, cmd rueidis.Completed) rueidis.RedisResult {
	if c.times.Add(-1) >= 0 {
		return rueidis.NewErrorResult(io.ErrUnexpectedEOF)
	}
	return c.Client.Do(ctx, cmd)
}

// TestInspects checks that the server's settings are logged once, and only after they
// were read.
func TestInspects(t *testing.T) {
	client := dial(t, redistest.Start(t, "--maxmemory-policy", "volatile-lru"))
	var log bytes.Buffer
	s, err := New(client, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	server := shy{client, new(atomic.Int64)}
	server.times.Store(2)
	for range 2 {
		s.inspect(t.Context(), server)
		require.Empty(t, log.String())
	}
	for range 2 {
		s.inspect(t.Context(), server)
		require.Equal(t, 1, strings.Count(log.String(), "level=WARN"))
		require.Contains(t, log.String(), "volatile-lru")
	}
}

// TestCloseEndsRun checks that a Run and its subscription end with the Store.
func TestCloseEndsRun(t *testing.T) {
	addr := redistest.Start(t)
	s, err := Open("redis://"+addr, Config{})
	require.NoError(t, err)
	heard := listen(t, s)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(t.Context()) }()
	require.Empty(t, soon(t, heard), "subscribed")
	s.Close()
	select {
	case err := <-ended:
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorContains(t, err, "store/redis: run: ")
	case <-time.After(10 * time.Second):
		require.Fail(t, "Run goes on")
	}
	control := single(t, addr)
	require.Eventually(t, func() bool {
		n, err := control.Do(t.Context(), control.B().PubsubNumsub().Channel(s.directoryKey("changes")).Build()).AsIntMap()
		return err == nil && n[s.directoryKey("changes")] == 0
	}, 10*time.Second, 10*time.Millisecond)
	require.ErrorIs(t, s.Run(t.Context()), net.ErrClosed)
}

// TestNameOfNode checks that a certificate must be for the name of its node. If a node is
// known only by its address, the certificate must be for the host of the url.
func TestNameOfNode(t *testing.T) {
	addr, cfg := redistest.StartTLS(t) // a certificate of localhost, and of 127.0.0.1
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	for _, test := range []struct{ host, node, fault string }{
		{"elsewhere.example", "localhost", ""},
		{"localhost", "localhost", ""},
		{"localhost", "127.0.0.1", ""},
		{"127.0.0.1", "127.0.0.1", ""},
		{"elsewhere.example", "127.0.0.1", "not elsewhere.example"},
	} {
		option, err := parseOption("rediss://" + test.host + ":1?addr=" + test.node + ":" + port)
		require.NoError(t, err)
		option.TLSConfig.RootCAs = cfg.RootCAs
		for _, cfg := range []*tls.Config{option.TLSConfig, option.Sentinel.TLSConfig} {
			conn, err := option.DialCtxFn(t.Context(), net.JoinHostPort(test.node, port), &option.Dialer, cfg)
			if test.fault != "" {
				require.ErrorContains(t, err, test.fault)
				continue
			}
			require.NoError(t, err, test)
			require.NoError(t, conn.Close())
		}
		require.Equal(t, test.host, option.TLSConfig.ServerName)
	}
}

// TestSettingFaults reads INFO of server versions that are not installed.
func TestSettingFaults(t *testing.T) {
	for _, test := range []struct {
		version string
		old     bool
	}{{"6.0.16", true}, {"5.9.9", true}, {"6.2.0", false}, {"7.0.15", false}, {"10.1", false}, {"255.255.255", false}, {"unstable", false}, {"", false}} {
		info := fmt.Sprintf("# Server\r\nredis_version:%s\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\n", test.version)
		faults := settingFaults(info)
		assert.Equal(t, test.old, len(faults) == 1 && errors.Is(faults[0], errVersion), test.version)
	}
	assert.Empty(t, settingFaults("nonsense"))
}
