package apikey_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// TestVerify follows one key from its creation to its expiry.
func TestVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, keys := t.Context(), must(apikey.NewService(newMapStore(), apikey.Config{KeyFormat: foreign}))
		made, first := mustCreate(t, keys, "key")
		verify := func(secret apikey.Secret) error {
			t.Helper()
			k, err := keys.Verify(ctx, secret)
			if err != nil {
				assert.Zero(t, k)
				assert.NotContains(t, err.Error(), string(secret))
				return err
			}
			assert.Equal(t, made.ID, k.ID)
			return nil
		}
		require.NoError(t, verify(first))
		require.ErrorIs(t, verify("a-secret-that-nobody-created"), apikey.ErrNotFound)
		malformed := verify("short")
		require.ErrorIs(t, malformed, apikey.ErrNotFound)
		require.ErrorIs(t, malformed, apikey.ErrMalformed)

		_, err := keys.Disable(ctx, made.ID)
		require.NoError(t, err)
		require.ErrorIs(t, verify(first), apikey.ErrDisabled)
		_, err = keys.Enable(ctx, made.ID)
		require.NoError(t, err)

		_, second, err := keys.Rotate(ctx, made.ID, time.Hour)
		require.NoError(t, err)
		require.NoError(t, verify(first), "retiring")
		require.NoError(t, verify(second))
		time.Sleep(time.Hour)
		require.ErrorIs(t, verify(first), apikey.ErrNotFound)
		require.NoError(t, verify(second))

		_, err = keys.Expire(ctx, made.ID, time.Now().Add(time.Minute))
		require.NoError(t, err)
		require.NoError(t, verify(second))
		time.Sleep(time.Minute)
		require.ErrorIs(t, verify(second), apikey.ErrExpired)
	})
}

// unreadable is a Store whose reads fail.
type unreadable struct{ apikey.Store }

var errUnreadable = errors.New("unreadable")

func (unreadable) KeyByDigest(context.Context, apikey.Digest) (apikey.Key, error) {
	return apikey.Key{}, errUnreadable
}

func TestVerifyStoreFails(t *testing.T) {
	keys := must(apikey.NewService(unreadable{}, apikey.Config{}))
	secret, err := apikey.Format{}.New()
	require.NoError(t, err)
	_, err = keys.Verify(t.Context(), secret)
	require.ErrorIs(t, err, errUnreadable)
}
