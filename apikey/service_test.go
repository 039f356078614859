package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// inBubble runs f with a Service on a new store. The clock advances only while f sleeps.
func inBubble(t *testing.T, f func(t *testing.T, keys *apikey.Service, st *mapStore)) {
	synctest.Test(t, func(t *testing.T) {
		st := newMapStore()
		f(t, must(apikey.NewService(st, apikey.Config{KeyFormat: foreign})), st)
	})
}

// pass lets time pass in a bubble.
func pass(d time.Duration) { time.Sleep(d) }

// mustCreate creates an enabled key with a name.
func mustCreate(t *testing.T, keys *apikey.Service, name string) (apikey.Key, apikey.Secret) {
	t.Helper()
	k, secret, err := keys.Create(t.Context(), apikey.Key{Name: name, Enabled: true})
	require.NoError(t, err)
	return k, secret
}

// verify returns nil if a secret is good now, or the reason why it is not.
func verify(t *testing.T, st *mapStore, secret apikey.Secret) error {
	t.Helper()
	d := apikey.DigestOf(string(secret))
	k, err := st.KeyByDigest(t.Context(), d)
	if err != nil {
		return err
	}
	return k.Accepts(d, time.Now())
}

func TestUpdate(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, secret := mustCreate(t, keys, "before")
		time.Sleep(time.Minute)
		changed, err := keys.Update(t.Context(), k.ID, func(k *apikey.Key) error {
			*k = apikey.Key{ID: "other", Name: "after", Description: "d", Expires: time.Now().Add(time.Hour + 1), Version: 99}
			return nil
		})
		require.NoError(t, err)
		want := k
		want.Name, want.Description, want.Enabled, want.Expires = "after", "d", false, time.Now().UTC().Add(time.Hour)
		want.Updated, want.Version = time.Now().UTC(), 2
		assert.Equal(t, want, changed)
		stored, err := keys.Get(t.Context(), k.ID)
		require.NoError(t, err)
		assert.Equal(t, want, stored)
		assert.Len(t, st.keys, 1)

		_, err = keys.Update(t.Context(), k.ID, func(k *apikey.Key) error {
			k.Name, k.Expires = "a\n", time.Date(12_000, 1, 1, 0, 0, 0, 0, time.UTC)
			return nil
		})
		require.ErrorIs(t, err, apikey.ErrInvalid)
		assert.ErrorContains(t, err, "name:")
		assert.ErrorContains(t, err, "expires:")
		stored, err = keys.Get(t.Context(), k.ID)
		require.NoError(t, err)
		assert.Equal(t, want, stored, "a refused update changes nothing")
		assert.ErrorIs(t, verify(t, st, secret), apikey.ErrDisabled)
	})
}

func TestEnableDisableExpireDelete(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, secret := mustCreate(t, keys, "")
		past, later := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		change := func(change func() (apikey.Key, error)) {
			t.Helper()
			_, err := change()
			require.NoError(t, err)
		}
		for _, step := range []struct {
			do   func() (apikey.Key, error)
			want error
		}{
			{func() (apikey.Key, error) { return keys.Disable(t.Context(), k.ID) }, apikey.ErrDisabled},
			{func() (apikey.Key, error) { return keys.Disable(t.Context(), k.ID) }, apikey.ErrDisabled},
			{func() (apikey.Key, error) { return keys.Enable(t.Context(), k.ID) }, nil},
			{func() (apikey.Key, error) { return keys.Expire(t.Context(), k.ID, past) }, apikey.ErrExpired},
			{func() (apikey.Key, error) { return keys.Expire(t.Context(), k.ID, later) }, nil},
			{func() (apikey.Key, error) { return keys.Expire(t.Context(), k.ID, time.Now()) }, apikey.ErrExpired},
			{func() (apikey.Key, error) { return keys.Expire(t.Context(), k.ID, time.Time{}) }, nil},
		} {
			change(step.do)
			assert.Equal(t, step.want, verify(t, st, secret))
		}
		require.NoError(t, keys.Delete(t.Context(), k.ID))
		assert.ErrorIs(t, verify(t, st, secret), apikey.ErrNotFound)
		assert.ErrorIs(t, keys.Delete(t.Context(), k.ID), apikey.ErrNotFound)
	})
}

func TestMissingKey(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, _ *mapStore) {
		_, getErr := keys.Get(t.Context(), "none")
		_, updateErr := keys.Update(t.Context(), "none", func(*apikey.Key) error { t.Error("called for a missing key"); return nil })
		_, enableErr := keys.Enable(t.Context(), "none")
		_, disableErr := keys.Disable(t.Context(), "none")
		_, expireErr := keys.Expire(t.Context(), "none", time.Now())
		_, secret, rotateErr := keys.Rotate(t.Context(), "none", 0)
		for _, err := range []error{getErr, updateErr, enableErr, disableErr, expireErr, rotateErr} {
			assert.ErrorIs(t, err, apikey.ErrNotFound)
		}
		assert.Empty(t, string(secret))
	})
}

// TestUpdateRetriesConflicts checks that Update tries 16 times while others change the
// key, and that it keeps their changes.
func TestUpdateRetriesConflicts(t *testing.T) {
	for _, c := range []struct {
		conflicts int
		want      error
	}{{0, nil}, {1, nil}, {15, nil}, {16, apikey.ErrConflict}, {1000, apikey.ErrConflict}} {
		t.Run(fmt.Sprint(c.conflicts), func(t *testing.T) {
			inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
				k, _ := mustCreate(t, keys, "n")
				left := c.conflicts
				st.onUpdate = func(apikey.Key) error {
					if left--; left >= 0 {
						st.mu.Lock()
						defer st.mu.Unlock()
						other := st.keys[k.ID]
						other.Version++
						other.Description = fmt.Sprint("by another, ", left, " left")
						st.keys[k.ID] = other
					}
					return nil
				}
				tries := 0
				changed, err := keys.Update(t.Context(), k.ID, func(k *apikey.Key) error { k.Name = "mine"; tries++; return nil })
				require.ErrorIs(t, err, c.want)
				require.Equal(t, min(c.conflicts+1, 16), tries)
				if c.want == nil {
					assert.Equal(t, "mine", changed.Name)
					assert.Equal(t, int64(c.conflicts+2), changed.Version)
					assert.Equal(t, st.keys[k.ID], changed, "the changes of others stay")
				}
			})
		})
	}
}

func TestStoreFailureIsNotRetried(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, secret := mustCreate(t, keys, "n")
		down, calls := errors.New("the store is down"), 0
		st.onUpdate = func(apikey.Key) error { calls++; return down }
		_, err := keys.Disable(t.Context(), k.ID)
		require.ErrorIs(t, err, down)
		_, fresh, err := keys.Rotate(t.Context(), k.ID, 0)
		require.ErrorIs(t, err, down)
		assert.Empty(t, string(fresh))
		assert.Equal(t, 2, calls)
		assert.NoError(t, verify(t, st, secret))
	})
}

func TestConcurrentUpdates(t *testing.T) {
	st := newMapStore()
	keys := must(apikey.NewService(st, apikey.Config{}))
	k, _ := mustCreate(t, keys, "")
	var wg sync.WaitGroup
	for range 8 { // fewer than the 16 tries, so that no goroutine can lose every time
		wg.Go(func() {
			_, err := keys.Update(context.Background(), k.ID, func(k *apikey.Key) error { k.Description += "x"; return nil })
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	k, err := keys.Get(t.Context(), k.ID)
	require.NoError(t, err)
	assert.Equal(t, "xxxxxxxx", k.Description, "no update is lost")
	assert.Equal(t, int64(9), k.Version)
}
