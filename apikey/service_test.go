package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

func TestCreate(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		time.Sleep(1234567 * time.Nanosecond)
		now := time.Now().UTC().Truncate(time.Microsecond)
		asked := apikey.Key{
			Name: "my-api-key", Description: "first\nsecond", Enabled: true,
			Expires: time.Now().Add(time.Hour).In(time.FixedZone("CET", 3600)),
			// Create ignores these fields.
			Hint: "x", Digest: apikey.DigestOf("x"), Retiring: apikey.DigestOf("y"), RetiringUntil: now.Add(time.Hour),
			Created: now.Add(-time.Hour), Updated: now.Add(-time.Hour), Version: 7,
		}
		k, secret, err := keys.Create(t.Context(), asked)
		require.NoError(t, err)
		require.NoError(t, acme.Check(string(secret)))
		assert.Regexp(t, `^[a-z2-7]{16}$`, k.ID)
		assert.Equal(t, apikey.Key{
			ID: k.ID, Name: "my-api-key", Description: "first\nsecond", Enabled: true, Expires: now.Add(time.Hour),
			Hint: secret.String(), Digest: apikey.DigestOf(string(secret)), Created: now, Updated: now, Version: 1,
		}, k)

		stored, err := keys.Get(t.Context(), k.ID)
		require.NoError(t, err)
		assert.Equal(t, k, stored)
		assert.NoError(t, verify(t, st, secret))
		time.Sleep(time.Hour)
		assert.ErrorIs(t, verify(t, st, secret), apikey.ErrExpired)
	})
}

func TestCreateIsDisabledByDefault(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		k, secret, err := keys.Create(t.Context(), apikey.Key{})
		require.NoError(t, err)
		assert.False(t, k.Enabled)
		assert.ErrorIs(t, verify(t, st, secret), apikey.ErrDisabled)
		_, err = keys.Enable(t.Context(), k.ID)
		require.NoError(t, err)
		assert.NoError(t, verify(t, st, secret))
	})
}

func TestCreateWithID(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, _ *mapStore) {
		k, _, err := keys.Create(t.Context(), apikey.Key{ID: "Customer-1_a"})
		require.NoError(t, err)
		assert.Equal(t, "Customer-1_a", k.ID)

		k, secret, err := keys.Create(t.Context(), apikey.Key{ID: "Customer-1_a"})
		require.ErrorIs(t, err, apikey.ErrExists)
		assert.Zero(t, k)
		assert.Empty(t, string(secret))
	})
}

func TestCreateRefuses(t *testing.T) {
	long := strings.Repeat("é", 1025)
	for _, c := range []struct {
		name string
		key  apikey.Key
		want string // part of the error; if empty, the key is valid
	}{
		{"longest name", apikey.Key{Name: long[2:]}, ""},
		{"name too long", apikey.Key{Name: long}, "name: \"" + long[:80] + "\": 1025 characters: want at most 1024"},
		{"name of two lines", apikey.Key{Name: "a\nb"}, `name: "a\nb": want UTF-8 without control characters`},
		{"name with DEL", apikey.Key{Name: "\x7f"}, `name: "\x7f": want UTF-8 without`},
		{"name not UTF-8", apikey.Key{Name: "\xff"}, `name: "\xff": want UTF-8 without`},
		{"longest description", apikey.Key{Description: strings.Repeat("é", 125_000)}, ""},
		{"description too long", apikey.Key{Description: strings.Repeat("é", 125_001)}, "125001 characters: want at most 125000"},
		{"description not UTF-8", apikey.Key{Description: "\xff"}, `description: "\xff": want UTF-8`},
		{"longest id", apikey.Key{ID: strings.Repeat("x", 64)}, ""},
		{"id too long", apikey.Key{ID: strings.Repeat("x", 65)}, "want 1 to 64 ASCII letters"},
		{"id with a slash", apikey.Key{ID: "a/b"}, `id: "a/b": want 1 to 64 ASCII letters, digits, '_' and '-'`},
		{"latest expiry", apikey.Key{Expires: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}, ""},
		{"expiry too late", apikey.Key{Expires: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}, "expires: year 10000: want 1 to 9999"},
		{"expiry too late in UTC", apikey.Key{Expires: time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -3600))},
			"expires: year 10000"},
		{"expiry too early", apikey.Key{Expires: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}, "expires: year 0"},
		{"expired", apikey.Key{Expires: time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)},
			"expires: 1999-12-31 00:00:00 +0000 UTC: want a time in the future"},
		{"expires now", apikey.Key{Expires: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}, "want a time in the future"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
				_, secret, err := keys.Create(t.Context(), c.key)
				if c.want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, apikey.ErrInvalid)
				assert.ErrorContains(t, err, c.want)
				assert.Less(t, len(err.Error()), 400, "long values are cut")
				assert.Empty(t, string(secret))
				assert.Empty(t, st.keys)
			})
		})
	}
}

func TestCreateReportsAllFaults(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		_, _, err := keys.Create(t.Context(), apikey.Key{ID: "a b", Name: "a\n", Description: "\xff", Expires: time.Unix(0, 0)})
		require.ErrorIs(t, err, apikey.ErrInvalid)
		for _, field := range []string{"id:", "name:", "description:", "expires:"} {
			assert.ErrorContains(t, err, field)
		}
		assert.Equal(t, 1, strings.Count(err.Error(), apikey.ErrInvalid.Error()))

		_, _, err = keys.Rotate(t.Context(), "any", -time.Second)
		require.ErrorIs(t, err, apikey.ErrInvalid)
		assert.ErrorContains(t, err, "grace: -1s: want 0 or more")
	})
}

func TestImport(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		secret := apikey.Secret("legacy/key+value=2019")
		k, err := keys.Import(t.Context(), apikey.Key{Name: "old customer", Enabled: true, Version: 9}, secret)
		require.NoError(t, err)
		now := time.Now().UTC()
		assert.Equal(t, apikey.Key{
			ID: k.ID, Name: "old customer", Enabled: true, Hint: "…",
			Digest: apikey.DigestOf("legacy/key+value=2019"), Created: now, Updated: now, Version: 1,
		}, k)
		assert.NoError(t, verify(t, st, secret))

		_, err = keys.Import(t.Context(), apikey.Key{Name: "again"}, secret)
		assert.ErrorIs(t, err, apikey.ErrExists)
		assert.Len(t, st.keys, 1)

		k, err = keys.Import(t.Context(), apikey.Key{Name: "of our own form"}, good)
		require.NoError(t, err)
		assert.Equal(t, "acme_…B32S", k.Hint)
	})
}

func TestImportRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		for _, secret := range []apikey.Secret{
			"", "1234567890123456789", "1234567890 1234567890", "1234567890\n1234567890", "1234567890\xe91234567890", "1234567890\u200b1234567890",
			apikey.Secret(strings.Repeat("x", 129)),
		} {
			_, err := keys.Import(t.Context(), apikey.Key{Name: "a\n"}, secret)
			require.ErrorIs(t, err, apikey.ErrInvalid)
			require.ErrorIs(t, err, apikey.ErrMalformed)
			assert.ErrorContains(t, err, "name:")
			assert.ErrorContains(t, err, wantForeign)
			assert.False(t, secret != "" && strings.Contains(err.Error(), string(secret)))
		}
		assert.Empty(t, st.keys)
	})
}

func TestImportDigest(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, st *mapStore) {
		secret := apikey.Secret("known to the customer only")
		k, err := keys.ImportDigest(t.Context(), apikey.Key{Name: "n", Enabled: true}, apikey.DigestOf(string(secret)))
		require.NoError(t, err)
		assert.Empty(t, k.Hint)
		assert.NoError(t, verify(t, st, secret))
		_, err = keys.ImportDigest(t.Context(), apikey.Key{}, k.Digest)
		assert.ErrorIs(t, err, apikey.ErrExists)
		_, err = keys.ImportDigest(t.Context(), apikey.Key{Name: "a\n"}, apikey.Digest{})
		assert.ErrorIs(t, err, apikey.ErrInvalid)
		assert.ErrorContains(t, err, "name:")
		assert.ErrorContains(t, err, "digest: zero")
		_, err = keys.Reveal(t.Context(), k.ID)
		assert.ErrorIs(t, err, apikey.ErrSealed)
		assert.Len(t, st.keys, 1)
	})
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

func TestList(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, _ *mapStore) {
		var made []string
		for i := range 1203 {
			name := fmt.Sprintf("%s-%d", []string{"a", "b", "B"}[i%3], i)
			mustCreate(t, keys, name)
			made = append(made, name)
			time.Sleep(time.Second)
		}
		slices.Reverse(made)

		for _, c := range []struct{ limit, want int }{{0, 100}, {1, 1}, {500, 500}, {501, 500}, {1 << 30, 500}} {
			page, next, err := keys.List(t.Context(), apikey.Filter{}, "", c.limit)
			require.NoError(t, err)
			assert.Equal(t, made[:c.want], names(page))
			page, _, err = keys.List(t.Context(), apikey.Filter{}, next, 1)
			require.NoError(t, err)
			assert.Equal(t, made[c.want:c.want+1], names(page))
		}

		assert.Equal(t, made, all(t, keys, apikey.Filter{}))
		onlyB := slices.DeleteFunc(slices.Clone(made), func(name string) bool { return name[0] != 'b' })
		assert.Equal(t, onlyB, all(t, keys, apikey.Filter{NamePrefix: "b"}))
		assert.Equal(t, made[len(made)-1:], all(t, keys, apikey.Filter{NamePrefix: "a-0"}), "empty pages do not end the listing")
		assert.Empty(t, all(t, keys, apikey.Filter{NamePrefix: "c"}))
		for range keys.All(t.Context(), apikey.Filter{}) {
			break // must not panic
		}
	})
}

func TestListRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, _ *mapStore) {
		_, _, err := keys.List(t.Context(), apikey.Filter{}, "", -1)
		require.ErrorIs(t, err, apikey.ErrInvalid)
		assert.ErrorContains(t, err, "limit: -1: want 0 to 500")
		_, _, err = keys.List(t.Context(), apikey.Filter{}, "nonsense", 1)
		assert.ErrorIs(t, err, apikey.ErrInvalid)
	})
}

func TestAllEndsWithTheError(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *apikey.Service, st *mapStore) {
		for i := range 501 {
			st.keys[fmt.Sprint(i)] = apikey.Key{ID: fmt.Sprint(i)}
		}
		down := errors.New("the store is down")
		keys := must(apikey.NewService(failsAfterFirstPage{st, down}, apikey.Config{}))
		var n int
		var errs []error
		for k, err := range keys.All(t.Context(), apikey.Filter{}) {
			if err != nil {
				errs = append(errs, err)
				assert.Zero(t, k)
				continue
			}
			n++
		}
		assert.Equal(t, 500, n)
		assert.Equal(t, []error{down}, errs)
	})
}

// failsAfterFirstPage is a store whose listings fail on the second page.
type failsAfterFirstPage struct {
	*mapStore
	err error
}

func (s failsAfterFirstPage) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	if cursor != "" {
		return nil, cursor, s.err
	}
	return s.mapStore.Keys(ctx, f, cursor, limit)
}

func names(keys []apikey.Key) (names []string) {
	for _, k := range keys {
		names = append(names, k.Name)
	}
	return names
}

func all(t *testing.T, keys *apikey.Service, f apikey.Filter) (names []string) {
	t.Helper()
	for k, err := range keys.All(t.Context(), f) {
		require.NoError(t, err)
		names = append(names, k.Name)
	}
	return names
}
