package apikey_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

func TestRotate(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, old := mustCreate(t, keys, "n")
		time.Sleep(time.Minute)
		rotated, fresh, err := keys.Rotate(t.Context(), k.ID, time.Hour)
		require.NoError(t, err)
		require.NoError(t, acme.Check(string(fresh)))
		want := k
		want.Hint, want.Digest = fresh.String(), apikey.DigestOf(string(fresh))
		want.Retiring, want.RetiringUntil = k.Digest, time.Now().UTC().Add(time.Hour)
		want.Updated, want.Rotated, want.Version = time.Now().UTC(), time.Now().UTC(), 2
		assert.Equal(t, want, rotated)
		assert.Equal(t, want, st.keys[k.ID])

		for _, step := range []struct {
			after      time.Duration
			old, fresh error
		}{
			{0, nil, nil},
			{time.Hour - time.Microsecond, nil, nil},
			{time.Microsecond, apikey.ErrNotFound, nil},
			{24 * time.Hour, apikey.ErrNotFound, nil},
		} {
			time.Sleep(step.after)
			assert.Equal(t, step.old, verify(t, st, old), "old, %v later", step.after)
			assert.Equal(t, step.fresh, verify(t, st, fresh), "fresh, %v later", step.after)
		}
	})
}

func TestRotateWithoutGrace(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		for _, grace := range []time.Duration{0, time.Nanosecond} { // a nanosecond is rounded to 0
			k, old := mustCreate(t, keys, "n")
			rotated, fresh, err := keys.Rotate(t.Context(), k.ID, grace)
			require.NoError(t, err)
			assert.Zero(t, rotated.Retiring)
			assert.Zero(t, rotated.RetiringUntil)
			assert.ErrorIs(t, verify(t, st, old), apikey.ErrNotFound)
			assert.NoError(t, verify(t, st, fresh))
		}
	})
}

func TestRotateEndsTheOldestSecret(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, first := mustCreate(t, keys, "n")
		_, second, err := keys.Rotate(t.Context(), k.ID, 24*time.Hour)
		require.NoError(t, err)
		_, third, err := keys.Rotate(t.Context(), k.ID, time.Hour)
		require.NoError(t, err)
		assert.ErrorIs(t, verify(t, st, first), apikey.ErrNotFound)
		assert.NoError(t, verify(t, st, second))
		assert.NoError(t, verify(t, st, third))

		_, fourth, err := keys.Rotate(t.Context(), k.ID, 0)
		require.NoError(t, err)
		assert.ErrorIs(t, verify(t, st, second), apikey.ErrNotFound)
		assert.ErrorIs(t, verify(t, st, third), apikey.ErrNotFound)
		assert.NoError(t, verify(t, st, fourth))
	})
}

func TestRetiringSecretEndsWithTheKey(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, old := mustCreate(t, keys, "n")
		expires := time.Now().UTC().Add(time.Hour)
		_, err := keys.Expire(t.Context(), k.ID, expires)
		require.NoError(t, err)
		rotated, fresh, err := keys.Rotate(t.Context(), k.ID, 24*time.Hour)
		require.NoError(t, err)
		assert.Equal(t, expires, rotated.RetiringUntil)
		assert.Equal(t, expires, rotated.Expires)

		// A later expiry of the key does not prolong the retiring secret.
		_, err = keys.Expire(t.Context(), k.ID, expires.Add(24*time.Hour))
		require.NoError(t, err)
		time.Sleep(time.Hour - time.Nanosecond)
		assert.NoError(t, verify(t, st, old))
		time.Sleep(time.Nanosecond)
		assert.ErrorIs(t, verify(t, st, old), apikey.ErrNotFound)
		assert.NoError(t, verify(t, st, fresh))
	})
}

func TestRotateRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, old := mustCreate(t, keys, "n")
		before := st.keys[k.ID]
		_, _, err := keys.Rotate(t.Context(), k.ID, -1)
		require.ErrorIs(t, err, apikey.ErrInvalid)
		assert.ErrorContains(t, err, "grace: -1ns: want 0 or more")
		assert.Equal(t, before, st.keys[k.ID])
		assert.NoError(t, verify(t, st, old))

		_, err = keys.Expire(t.Context(), k.ID, time.Now())
		require.NoError(t, err)
		before = st.keys[k.ID]
		_, secret, err := keys.Rotate(t.Context(), k.ID, time.Hour)
		require.ErrorIs(t, err, apikey.ErrExpired)
		assert.Empty(t, string(secret))
		assert.Equal(t, before, st.keys[k.ID])
	})
}

func TestRotateDisabledAndImported(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, err := keys.Import(t.Context(), apikey.Key{}, "legacy/key+value=2019")
		require.NoError(t, err)
		rotated, fresh, err := keys.Rotate(t.Context(), k.ID, time.Hour)
		require.NoError(t, err)
		assert.False(t, rotated.Enabled)
		assert.ErrorIs(t, verify(t, st, fresh), apikey.ErrDisabled)
		_, err = keys.Enable(t.Context(), k.ID)
		require.NoError(t, err)
		assert.NoError(t, verify(t, st, fresh))
		assert.NoError(t, verify(t, st, "legacy/key+value=2019"))
	})
}

// TestLifeOfSecrets compares the Service with a simple model of when a secret is good,
// over random histories of one key.
func TestLifeOfSecrets(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			minutes := func(n int) time.Duration { return time.Duration(random.IntN(n)) * time.Minute }
			st := newMapStore()
			keys := must(apikey.NewService(st, apikey.Config{}))
			k, secret := mustCreate(t, keys, "n")

			secrets := []apikey.Secret{secret} // the last one is current
			ends := []time.Time{{}}            // the times when the others end
			enabled, expires := true, time.Time{}
			for range 60 {
				var err error
				switch random.IntN(5) {
				case 0:
					time.Sleep(minutes(60))
				case 1:
					enabled = true
					_, err = keys.Enable(t.Context(), k.ID)
				case 2:
					enabled = random.IntN(2) == 0
					_, err = keys.Update(t.Context(), k.ID, func(k *apikey.Key) error { k.Enabled = enabled; return nil })
				case 3:
					if expires = time.Now().Add(minutes(120)); random.IntN(2) == 0 {
						expires = time.Time{}
					}
					_, err = keys.Expire(t.Context(), k.ID, expires)
				case 4:
					grace, now := minutes(90), time.Now()
					expired := !expires.IsZero() && !now.Before(expires)
					if _, secret, err = keys.Rotate(t.Context(), k.ID, grace); expired {
						require.ErrorIs(t, err, apikey.ErrExpired)
						err = nil
						break
					}
					last := len(secrets) - 1
					if ends[last] = now.Add(grace); !expires.IsZero() && expires.Before(ends[last]) {
						ends[last] = expires
					}
					if last > 0 {
						ends[last-1] = now
					}
					secrets, ends = append(secrets, secret), append(ends, time.Time{})
				}
				require.NoError(t, err)

				for i, secret := range secrets {
					var want error
					switch {
					case i < len(secrets)-1 && (i < len(secrets)-2 || !time.Now().Before(ends[i])):
						want = apikey.ErrNotFound
					case !enabled:
						want = apikey.ErrDisabled
					case !expires.IsZero() && !time.Now().Before(expires):
						want = apikey.ErrExpired
					}
					require.Equal(t, want, verify(t, st, secret), "seed %d, secret %d of %d", seed, i+1, len(secrets))
				}
			}
		})
	}
}

// TestRotateVersion is a timeline of calls with versions of a key that has version 1.
// Only a call with the version that the key has makes a secret.
func TestRotateVersion(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, _ := mustCreate(t, keys, "n")
		for i, step := range []struct {
			version, is int64 // is: the version of the key afterwards
			grace       time.Duration
			want        error
		}{
			{1, 2, time.Hour, nil},
			{1, 2, time.Hour, apikey.ErrConflict},
			{0, 2, time.Hour, apikey.ErrConflict},
			{3, 2, time.Hour, apikey.ErrConflict},
			{2, 2, -1, apikey.ErrInvalid},
			{2, 3, 0, nil},
		} {
			rotated, secret, err := keys.RotateVersion(t.Context(), k.ID, step.version, step.grace)
			require.ErrorIs(t, err, step.want, i)
			assert.Equal(t, step.want == nil, secret != "", i)
			assert.Equal(t, step.is, st.keys[k.ID].Version, i)
			if step.want == nil {
				assert.Equal(t, st.keys[k.ID], rotated, i)
			}
		}
		_, _, err := keys.RotateVersion(t.Context(), "nobody", 1, 0)
		require.ErrorIs(t, err, apikey.ErrNotFound)
	})
}
