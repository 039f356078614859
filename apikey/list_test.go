package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

func TestList(t *testing.T) {
	inBubble(t, func(t *testing.T, keys *apikey.Service, _ *mapStore) {
		var made []string
		for i := range 1203 {
			name := fmt.Sprintf("%s-%d", []string{"a", "b", "B"}[i%3], i)
			mustCreate(t, keys, name)
			made = append(made, name)
			pass(time.Second)
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
