package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
	"github.com/ration-go/ration/store"
)

// soonEnough is the time within which a call must return, on a busy machine, if its ctx
// ends after 100ms or less.
const soonEnough = time.Second

// calls returns one call of each kind.
func calls() map[string]func(ctx context.Context, s *Store) error {
	return map[string]func(ctx context.Context, s *Store) error{
		"take": func(ctx context.Context, s *Store) error { return s.Take(ctx, one("a")) },
		"access": func(ctx context.Context, s *Store) error {
			_, err := s.AccessByDigest(ctx, sampleKey.Digest)
			return err
		},
		"lookup": func(ctx context.Context, s *Store) error { _, err := s.KeyByDigest(ctx, sampleKey.Digest); return err },
		"key":    func(ctx context.Context, s *Store) error { _, err := s.Key(ctx, "k"); return err },
		"insert": func(ctx context.Context, s *Store) error { return s.InsertKey(ctx, sampleKey) },
		"check":  func(ctx context.Context, s *Store) error { return s.Check(ctx) },
		"peek": func(ctx context.Context, s *Store) error {
			return s.Peek(ctx, time.Now(), []string{"a"}, []store.Meter{quota}, make([]store.Level, 1), nil)
		},
	}
}

// TestSilence has a server fall silent while many callers ask. Each waits at most 100ms.
// There are more requests than the client has places for.
func TestSilence(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	var all sync.WaitGroup
	defer all.Wait()
	for name, test := range map[string]struct {
		cluster, separate bool
		call              string
	}{
		"batched":           {false, false, "take"},
		"separate":          {false, true, "take"},
		"cluster":           {true, false, "take"},
		"look-ups":          {false, false, "lookup"},
		"look-ups, cluster": {true, false, "lookup"},
	} {
		all.Go(func() {
			t.Run(name, func(t *testing.T) { // most of the time they wait
				var (
					client  rueidis.Client
					silence func()
				)
				if test.cluster {
					client = cluster(t)
					silence = func() {
						pause := client.B().Arbitrary("CLIENT", "PAUSE", "60000", "ALL").Build()
						require.NoError(t, client.Do(t.Context(), pause).Error())
					}
				} else {
					p := newProxy(t, redistest.Start(t))
					client = dial(t, p.addr)
					silence = func() { p.silent.Store(true) }
				}
				s, err := New(client, Config{Separate: test.separate})
				require.NoError(t, err)
				call := calls()[test.call]
				require.NoError(t, s.Take(t.Context(), one("a")))
				silence()
				var wg sync.WaitGroup
				var worst atomic.Int64
				for range 128 {
					wg.Go(func() {
						for range 30 {
							ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
							began := time.Now()
							err := call(ctx, s)
							took := int64(time.Since(began))
							cancel()
							assert.Error(t, err)
							for old := worst.Load(); took > old && !worst.CompareAndSwap(old, took); old = worst.Load() {
							}
						}
					})
				}
				wg.Wait()
				t.Logf("worst %v", time.Duration(worst.Load()))
				require.Less(t, time.Duration(worst.Load()), soonEnough)
			})
		})
	}
}

// TestLittleTime checks that a caller with little time, which makes an own call, returns
// by its deadline even if not when it is cancelled. After the server has failed to answer
// once, it returns when it is cancelled.
func TestLittleTime(t *testing.T) {
	t.Parallel()
	p := newProxy(t, redistest.Start(t))
	s, err := New(dial(t, p.addr), Config{})
	require.NoError(t, err)
	_, err = hurried(t, s, "a")
	require.NoError(t, err)
	require.Eventually(t, s.link.Load().warm.Load, 10*time.Second, time.Millisecond)
	p.silent.Store(true)
	for range 2 {
		ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(20*time.Millisecond, cancel)
		began := time.Now()
		err := s.Take(ctx, one("a"))
		require.Error(t, err)
		require.NotErrorIs(t, err, store.ErrNotTaken)
		require.Less(t, time.Since(began), soonEnough)
		stop()
	}
	require.False(t, s.link.Load().warm.Load())
}

// TestCancelled has callers with a late deadline give up.
func TestCancelled(t *testing.T) {
	longtest.Only(t)
	addr := redistest.Start(t)
	for _, separate := range []bool{false, true} {
		p := newProxy(t, addr)
		s, err := New(dial(t, p.addr), Config{Separate: separate})
		require.NoError(t, err)
		require.NoError(t, s.Take(t.Context(), one("a")))
		p.silent.Store(true)
		var wg sync.WaitGroup
		for name, call := range calls() {
			wg.Go(func() {
				ctx, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(50*time.Millisecond, cancel)
				began := time.Now()
				assert.ErrorIs(t, call(ctx, s), context.Canceled, name)
				assert.Less(t, time.Since(began), soonEnough, name)
			})
		}
		wg.Wait()
	}
}

// stalled returns a client that has lost its connection and takes that long to make the
// next.
func stalled(t *testing.T, addr string, by time.Duration) rueidis.Client {
	t.Helper()
	var slow atomic.Bool
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1,
		DialCtxFn: func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			if slow.Load() {
				select {
				case <-ctx.Done():
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
				case <-time.After(by):
				}
			}
			return d.DialContext(ctx, "tcp", addr)
		},
	})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	control := single(t, addr)
	require.NoError(t, control.Do(t.Context(), control.B().Arbitrary("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Build()).Error())
	require.Eventually(t, func() bool {
		return client.Do(t.Context(), client.B().Ping().Build()).Error() != nil
	}, 10*time.Second, time.Millisecond, "the client notices")
	slow.Store(true)
	return client
}

// TestStalledRedial has many callers wait for one connection, which the first of them has
// asked for.
func TestStalledRedial(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	addr := redistest.Start(t)
	for _, separate := range []bool{false, true} {
		t.Run("first has no deadline", func(t *testing.T) {
			s, err := New(stalled(t, addr, 3*time.Second), Config{Separate: separate})
			require.NoError(t, err)
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() { _ = s.InsertKey(t.Context(), apikey.Key{ID: "k"}) })
			<-time.After(20 * time.Millisecond)
			began := time.Now()
			for range 8 {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
					defer cancel()
					assert.ErrorIs(t, s.Take(ctx, one("b")), context.DeadlineExceeded)
					assert.Less(t, time.Since(began), soonEnough)
				})
			}
		})
		t.Run("first gives up", func(t *testing.T) {
			s, err := New(stalled(t, addr, 200*time.Millisecond), Config{Separate: separate})
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			hasty, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer stop()
			var wg sync.WaitGroup
			defer wg.Wait()
			wg.Go(func() { assert.ErrorIs(t, s.Take(hasty, one("hasty")), context.DeadlineExceeded) })
			wg.Go(func() { assert.ErrorIs(t, s.Take(ctx, one("a")), context.Canceled) })
			<-time.After(20 * time.Millisecond)
			for range 8 {
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
					defer cancel()
					assert.NoError(t, s.Take(ctx, one("b")))
				})
			}
			<-time.After(20 * time.Millisecond)
			cancel()
		})
	}
}

// TestSilentNode has one node of a Cluster fall silent under many callers. Callers of the
// other nodes are answered.
func TestSilentNode(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	rig, s := onCluster(t)
	subject := [3]string{} // one subject of each node
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		subject[rig.Slot(t, "ration:{"+name+"}")*3/slots] = name
	}
	for _, name := range subject {
		require.NotEmpty(t, name)
		require.NoError(t, s.Take(t.Context(), one(name)))
	}
	node := single(t, rig.Addrs[0])
	require.NoError(t, node.Do(t.Context(), node.B().Arbitrary("CLIENT", "PAUSE", "60000", "ALL").Build()).Error())
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 128 {
		wg.Go(func() {
			for ctx.Err() == nil {
				brief, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
				_ = s.Take(brief, one(subject[0]))
				cancel()
			}
		})
	}
	answered, failed := 0, 0
	for range 100 {
		for _, name := range subject[1:] {
			brief, cancel := context.WithTimeout(ctx, soonEnough)
			if s.Take(brief, one(name)) == nil {
				answered++
			} else {
				failed++
			}
			cancel()
		}
		<-time.After(5 * time.Millisecond)
	}
	cancel()
	wg.Wait()
	require.Zero(t, failed, "%d answered", answered)
}

// TestSlot compares the slot with the server's answer.
func TestSlot(t *testing.T) {
	t.Parallel()
	client := cluster(t)
	s := newStore(t, client, decisionScripts)
	for _, subject := range []string{"a", "plan:key", "}", "%", "{", "\x00\xff", "a much longer one, of many words"} {
		r := s.request(one(subject), time.Now())
		slot, err := client.Do(t.Context(), client.B().ClusterKeyslot().Key(r.key()).Build()).AsInt64()
		require.NoError(t, err)
		require.EqualValues(t, slot, slotOf(r.key()), subject)
	}
}

// TestCommandNotSent checks that a command whose caller gave up before it began is never
// sent.
func TestCommandNotSent(t *testing.T) {
	q := newCommandQueue(1)
	begun, end := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		assert.NoError(t, q.do(t.Context(), func(context.Context) { close(begun); <-end }))
	})
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := q.do(ctx, func(context.Context) { t.Error("sent") })
	require.ErrorIs(t, err, store.ErrNotTaken)
	require.True(t, errors.Is(err, context.Canceled))
	close(end)
	wg.Wait()
}
