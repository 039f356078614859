package apikey_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
)

// TestRevoke revokes the current secret of a key.
func TestRevoke(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		ctx := t.Context()
		k, leaked := mustCreate(t, keys, "n")
		d := apikey.DigestOf(string(leaked))

		revoked, changed, err := keys.Revoke(ctx, d)
		require.NoError(t, err)
		require.True(t, changed)
		require.False(t, revoked.Enabled)
		require.Equal(t, st.keys[k.ID], revoked)
		require.ErrorIs(t, verify(t, st, leaked), apikey.ErrNotFound)

		again, changed, err := keys.Revoke(ctx, d)
		require.NoError(t, err)
		require.False(t, changed, "it was revoked before")
		require.Equal(t, revoked, again, "nothing was written")

		_, err = keys.Enable(ctx, k.ID)
		require.NoError(t, err)
		require.ErrorIs(t, verify(t, st, leaked), apikey.ErrNotFound, "to enable the key does not bring the secret back")

		rotated, fresh, err := keys.Rotate(ctx, k.ID, time.Hour)
		require.NoError(t, err)
		require.NoError(t, verify(t, st, fresh))
		require.ErrorIs(t, verify(t, st, leaked), apikey.ErrNotFound, "the grace is not for a revoked secret")
		again, changed, err = keys.Revoke(ctx, d)
		require.NoError(t, err, "the key is still found by the secret")
		require.False(t, changed)
		require.Equal(t, rotated, again, "the new secret stays good")

		_, _, err = keys.Revoke(ctx, apikey.DigestOf("another"))
		require.ErrorIs(t, err, apikey.ErrNotFound)
		_, _, err = keys.Revoke(ctx, apikey.Digest{})
		require.ErrorIs(t, err, apikey.ErrNotFound)
	})
}

// TestRevokePrevious revokes the previous secret of a rotation.
func TestRevokePrevious(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, leaked := mustCreate(t, keys, "n")
		_, fresh, err := keys.Rotate(t.Context(), k.ID, 24*time.Hour)
		require.NoError(t, err)
		for _, want := range []bool{true, false} {
			revoked, changed, err := keys.Revoke(t.Context(), apikey.DigestOf(string(leaked)))
			require.NoError(t, err)
			require.Equal(t, want, changed)
			require.True(t, revoked.Enabled)
			require.ErrorIs(t, verify(t, st, leaked), apikey.ErrNotFound)
			require.NoError(t, verify(t, st, fresh))
		}
	})
}

// TestEndSecret ends a secret after a grace, within which the key is rotated or not.
func TestEndSecret(t *testing.T) {
	for name, c := range map[string]struct {
		rotate time.Duration // after the report; 0 for not
		grace  time.Duration // of the rotation
		until  time.Duration // when the leaked secret ends, after the report
	}{
		"not rotated":             {0, 0, 24 * time.Hour},
		"rotated with more grace": {time.Hour, 48 * time.Hour, 24 * time.Hour},
		"rotated with less grace": {time.Hour, 2 * time.Hour, 3 * time.Hour},
		"rotated without grace":   {time.Hour, 0, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
				ctx := t.Context()
				k, leaked := mustCreate(t, keys, "n")
				d := apikey.DigestOf(string(leaked))
				began := time.Now()
				ended, changed, err := keys.EndSecret(ctx, d, began.Add(24*time.Hour))
				require.NoError(t, err)
				require.True(t, changed)
				require.True(t, ended.Enabled)
				require.NoError(t, verify(t, st, leaked), "it has a grace")

				pass(time.Minute)
				_, changed, err = keys.EndSecret(ctx, d, time.Now().Add(24*time.Hour))
				require.NoError(t, err)
				require.False(t, changed, "a repeated report does not put the end off")

				var fresh apikey.Secret
				if c.rotate > 0 {
					pass(time.Until(began.Add(c.rotate)))
					_, fresh, err = keys.Rotate(ctx, k.ID, c.grace)
					require.NoError(t, err)
				}
				if left := time.Until(began.Add(c.until)); left > 0 {
					pass(left - time.Microsecond)
					require.NoError(t, verify(t, st, leaked))
					pass(time.Microsecond)
				}
				require.ErrorIs(t, verify(t, st, leaked), apikey.ErrNotFound)
				if fresh != "" {
					pass(100 * 24 * time.Hour)
					require.NoError(t, verify(t, st, fresh))
				}
				_, changed, err = keys.Revoke(ctx, d)
				require.NoError(t, err, "the key is still found by the secret")
				require.False(t, changed)
			})
		})
	}
}

// TestEndSecretNeverLater checks that no end is put off.
func TestEndSecretNeverLater(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		ctx := t.Context()
		expires := time.Now().Add(time.Hour).UTC()
		k, leaked, err := keys.Create(ctx, apikey.Key{Enabled: true, Expires: expires})
		require.NoError(t, err)
		ended, _, err := keys.EndSecret(ctx, apikey.DigestOf(string(leaked)), time.Now().Add(24*time.Hour))
		require.NoError(t, err)
		require.Equal(t, expires, ended.RetiringUntil, "the key expires before")
		ended, changed, err := keys.Revoke(ctx, apikey.DigestOf(string(leaked)))
		require.NoError(t, err)
		require.True(t, changed)
		require.Equal(t, time.Now().UTC(), ended.RetiringUntil, "Revoke ends it sooner")
		require.True(t, st.keys[k.ID].Enabled, "it is the previous secret by then")

		_, _, err = keys.EndSecret(ctx, apikey.DigestOf(string(leaked)), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC))
		require.ErrorIs(t, err, apikey.ErrInvalid)
	})
}

// TestRevokeMeanwhile rotates a key between the look-up and the change.
func TestRevokeMeanwhile(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, leaked := mustCreate(t, keys, "n")
		var fresh apikey.Secret
		st.onUpdate = func(apikey.Key) (err error) {
			st.onUpdate = nil
			_, fresh, err = keys.Rotate(t.Context(), k.ID, time.Hour)
			return errors.Join(err, apikey.ErrConflict)
		}
		revoked, changed, err := keys.Revoke(t.Context(), apikey.DigestOf(string(leaked)))
		require.NoError(t, err)
		require.True(t, changed)
		require.True(t, revoked.Enabled)
		require.ErrorIs(t, verify(t, st, leaked), apikey.ErrNotFound)
		require.NoError(t, verify(t, st, fresh))
	})
}

// TestRevokeForgetsTheSecret checks that a sealed secret cannot be shown once it is
// revoked.
func TestRevokeForgetsTheSecret(t *testing.T) {
	keys := must(apikey.NewService(newMapStore(), apikey.Config{Seal: newSeal(t, "0123456789abcdef")}))
	k, leaked := mustCreate(t, keys, "n")
	_, _, err := keys.Revoke(t.Context(), apikey.DigestOf(string(leaked)))
	require.NoError(t, err)
	_, err = keys.Reveal(t.Context(), k.ID)
	require.ErrorIs(t, err, apikey.ErrSealed)
}

// TestRevokeHistory checks what an audit log is told.
func TestRevokeHistory(t *testing.T) {
	st := history.NewMemory(history.Bounds{})
	log := must(history.New(st, history.Config{}))
	keys := must(apikey.NewService(newMapStore(), apikey.Config{History: log}))
	_, leaked := mustCreate(t, keys, "n")
	scanner := history.Actor{Kind: history.ActorScanner, Name: "github"}
	for range 3 {
		_, _, err := keys.Revoke(history.WithActor(t.Context(), scanner), apikey.DigestOf(string(leaked)))
		require.NoError(t, err)
	}
	entries, _, err := log.List(t.Context(), history.Filter{Action: history.Revoke}, "", 0)
	require.NoError(t, err)
	require.Len(t, entries, 1, "a repeated call changes nothing")
	require.Equal(t, scanner, entries[0].Actor)
	require.NotContains(t, string(entries[0].After), apikey.DigestOf(string(leaked)).String())
}
