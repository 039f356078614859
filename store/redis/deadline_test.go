package redis

import (
	"context"
	"crypto/tls"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
	"github.com/ration-go/ration/internal/redistest"
)

// hurried charges subject with a deadline of 100ms. It returns how long the call took.
func hurried(t *testing.T, s *Store, subject string) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	err = s.Take(ctx, one(subject))
	return time.Since(began), err
}

// TestFrozenPrimary freezes one primary of a Cluster while the others answer. A call for
// the frozen primary ends at its deadline, even if the client is connecting to it for
// another call that may take longer.
func TestFrozenPrimary(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	rig, s := onCluster(t)
	subjects := make([]string, 64)
	for i := range subjects {
		subjects[i] = strconv.Itoa(i)
		require.NoError(t, s.Take(t.Context(), one(subjects[i])))
	}
	rig.Freeze(t, rig.Slot(t, "ration:{0}"))
	end := time.Now().Add(4 * time.Second)
	var worst atomic.Int64
	var wg sync.WaitGroup
	for caller := range 8 {
		wg.Go(func() {
			for i := caller; time.Now().Before(end); i++ {
				took, _ := hurried(t, s, subjects[i%len(subjects)])
				worst.Store(max(worst.Load(), int64(took)))
			}
		})
	}
	wg.Wait()
	t.Logf("worst %v", time.Duration(worst.Load()))
	require.Less(t, time.Duration(worst.Load()), 500*time.Millisecond)
}

// TestLostWhileIdle loses the connections of a store without the store noticing. Another
// call, which may take longer, connects again. A call with little time does not wait for
// that.
func TestLostWhileIdle(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	addr := redistest.Start(t)
	var slow atomic.Bool
	dialing := make(chan struct{}, 100)
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true, PipelineMultiplex: -1,
		DialCtxFn: func(ctx context.Context, addr string, d *net.Dialer, _ *tls.Config) (net.Conn, error) {
			if slow.Load() {
				dialing <- struct{}{}
				<-ctx.Done()
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
			}
			return d.DialContext(ctx, "tcp", addr)
		},
	})
	require.NoError(t, err)
	defer client.Close()
	s, err := New(client, Config{})
	require.NoError(t, err)
	for range 3 {
		_, err := hurried(t, s, "a")
		require.NoError(t, err)
	}
	require.Eventually(t, s.link.Load().warm.Load, 10*time.Second, time.Millisecond)
	slow.Store(true)
	control := single(t, addr)
	kill := control.B().Arbitrary("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Build()
	require.NoError(t, control.Do(t.Context(), kill).Error())
	patient, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for patient.Err() == nil { // the first call may still find the broken connection
			_, err := s.Key(patient, "k")
			assert.Error(t, err)
		}
	})
	<-dialing
	took, err := hurried(t, s, "a")
	require.Error(t, err)
	t.Logf("%v: %v", took, err)
	require.Less(t, took, 500*time.Millisecond)
	took, err = hurried(t, s, "a")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Less(t, took, 500*time.Millisecond)
}
