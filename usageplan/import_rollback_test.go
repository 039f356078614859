package usageplan_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestImportLooksFirst: a fault that can be told without a store lets nothing begin, where warnings fail.
func TestImportLooksFirst(t *testing.T) {
	for last, want := range map[string]string{
		"bad,short,,\n": "line 3: apikey: invalid: apikey: malformed secret",
		"bad\n":         "line 3: 1 columns",
		strings.Repeat("n", 2000) + ",SECRET-1,,": "line 3: apikey: invalid: name",
		"bad,SECRET-1,perhaps,\n":                 "line 3: enabled",
	} {
		h, _, file := imports(t)
		told := 0
		stop := h.st.OnChange(func(string) { told++ })
		defer stop()
		_, err := h.plans.Import(t.Context(), h.keys, apikey.ParseCSV(strings.NewReader(file("name,key,enabled,usageplanids\nnew,SECRET-2,true,PLAN-A\n"+last))), true)
		require.ErrorContains(t, err, "usageplan: import: "+want)
		require.Equal(t, 1, told, "nothing but that it listens")
	}
}

// distant is a store of keys and plans that takes its time, or does not answer.
type distant struct {
	*memory.Store
	down bool
}

const distance = time.Millisecond

func (s *distant) wait(ctx context.Context) error {
	if s.down {
		<-ctx.Done()
		return ctx.Err()
	}
	time.Sleep(distance)
	return ctx.Err()
}

func (s *distant) Key(ctx context.Context, id string) (apikey.Key, error) {
	if err := s.wait(ctx); err != nil {
		return apikey.Key{}, err
	}
	return s.Store.Key(ctx, id)
}

func (s *distant) DeleteKey(ctx context.Context, id string) error {
	return errors.Join(s.wait(ctx), s.Store.DeleteKey(ctx, id))
}

// TestImportSlow: rolling back a large file has the time that it takes; of a store that answers no more it does not wait for
// ever, and the error tells how much is left.
func TestImportSlow(t *testing.T) {
	const rows = 6000
	var file strings.Builder
	file.WriteString("name,key,usageplanids\n")
	for i := range rows {
		fmt.Fprintf(&file, "k,secret-of-my-own-%06d,\n", i)
	}
	file.WriteString("k,secret-of-my-own-last,nowhere\n")
	for _, down := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			st := &distant{memory.New(memory.Config{}), down}
			keys, plans := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}})), must(usageplan.NewService(st, st))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			_, err := plans.Import(ctx, keys, apikey.ParseCSV(strings.NewReader(file.String())), true)
			require.Less(t, time.Since(began), 10*time.Minute)
			left, _, listed := st.Keys(t.Context(), apikey.Filter{}, "", 500)
			require.NoError(t, listed)
			if down {
				require.ErrorIs(t, err, usageplan.ErrRollback)
				require.ErrorContains(t, err, "6001 of 6001 steps")
				return
			}
			require.ErrorIs(t, err, usageplan.ErrNotFound)
			require.NotErrorIs(t, err, usageplan.ErrRollback)
			require.Empty(t, left)
			require.Greater(t, time.Since(began), 10*time.Second, "or it shows nothing")
		})
	}
}
