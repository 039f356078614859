package gate_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// slow is a store of keys whose look-ups block until release is closed or receives.
type slow struct {
	*memory.Store
	apart
	reading chan struct{}
	release chan struct{}
}

func (s *slow) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	s.reading <- struct{}{}
	select {
	case <-s.release:
		return s.Store.KeyByDigest(ctx, d)
	case <-ctx.Done():
		return apikey.Key{}, ctx.Err()
	}
}

func newSlow(t *testing.T, change ...func(*parts)) (*fixture, *slow) {
	st := &slow{Store: memory.New(memory.Config{}), reading: make(chan struct{}, 100), release: make(chan struct{})}
	h := newFixture(t, append(change, func(cfg *parts) { cfg.Keys, cfg.Plans, cfg.Counter = st, st, st })...)
	h.keys, h.plans = must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{}))
	return h, st
}

// TestOneLookup sends a hundred requests with one secret that is not cached. They
// share one look-up, which goes on after the request that started it has left.
func TestOneLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newSlow(t)
		_, secret, _ := h.linked(usageplan.Plan{})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := h.gate.Admit(ctx, gate.Request{Secret: secret})
			if err == nil {
				t.Error("a request that was cancelled was admitted")
			}
		})
		synctest.Wait()
		cancel()
		for range 99 {
			wg.Go(func() {
				if d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret}); err != nil || !d.Allowed {
					t.Error(d.Reason, err)
				}
			})
		}
		synctest.Wait()
		require.Len(t, st.reading, 1)
		close(st.release)
		wg.Wait()
		require.Len(t, st.reading, 1)
	})
}

// TestChangeDuringRead disables a key while a look-up of it is in flight. The result
// of the look-up is not cached, and a request that comes after the change does not get
// it.
func TestChangeDuringRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newSlow(t)
		k, secret, _ := h.linked(usageplan.Plan{})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = h.gate.Admit(t.Context(), gate.Request{Secret: secret}) })
		synctest.Wait()
		_, err := h.keys.Disable(t.Context(), k.ID)
		require.NoError(t, err)
		wg.Go(func() {
			if d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret}); d.Reason != gate.Disabled {
				t.Error(d.Reason, err)
			}
		})
		synctest.Wait()
		require.Len(t, st.reading, 2, "a request after the change must read again")
		close(st.release)
		wg.Wait()
		require.Equal(t, gate.Disabled, h.reason(secret))
	})
}

// TestMaxReads checks that the number of look-ups at one time is bounded, and how long
// each may take.
func TestMaxReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _ := newSlow(t, func(cfg *parts) { cfg.MaxReads = 2 })
		var wg sync.WaitGroup
		for range 2 {
			s := anySecret(t)
			wg.Go(func() {
				if _, err := h.gate.Admit(t.Context(), gate.Request{Secret: s}); err == nil {
					t.Error("a look-up had no timeout")
				}
			})
		}
		synctest.Wait()
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: anySecret(t)})
		require.ErrorIs(t, err, gate.ErrBusy)
		require.Equal(t, gate.StoreFailed, d.Reason)
		began := time.Now()
		wg.Wait()
		require.Equal(t, 2*time.Second, time.Since(began))
	})
}

// TestFollowerLeaves checks that a request waits for the look-up of another no longer
// than its ctx allows.
func TestFollowerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newSlow(t)
		_, secret, _ := h.linked(usageplan.Plan{})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = h.gate.Admit(t.Context(), gate.Request{Secret: secret}) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		began := time.Now()
		d, err := h.gate.Admit(ctx, gate.Request{Secret: secret})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.False(t, d.Allowed)
		require.Equal(t, time.Millisecond, time.Since(began))
		close(st.release)
		wg.Wait()
	})
}

// TestKnownKeysGetThrough floods a Gate with unknown secrets. A cached key that is to
// be read again still gets a look-up.
func TestKnownKeysGetThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, st := newSlow(t, func(cfg *parts) { cfg.MaxReads = 4 })
		_, secret, _ := h.linked(usageplan.Plan{})
		go func() { st.release <- struct{}{} }()
		require.Equal(t, gate.Admitted, h.reason(secret))
		time.Sleep(time.Minute)
		var wg sync.WaitGroup
		stranger := func() error {
			_, err := h.gate.Admit(t.Context(), gate.Request{Secret: anySecret(t)})
			return err
		}
		for range 3 {
			wg.Go(func() { _ = stranger() })
		}
		synctest.Wait()
		require.ErrorIs(t, stranger(), gate.ErrBusy)
		wg.Go(func() {
			if d, err := h.gate.Admit(t.Context(), gate.Request{Secret: secret}); err != nil || !d.Allowed {
				t.Error(d.Reason, err)
			}
		})
		synctest.Wait()
		close(st.release)
		wg.Wait()
	})
}
