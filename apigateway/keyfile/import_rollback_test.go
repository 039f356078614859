package keyfile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/keyfile"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestImportChecksFirst changes nothing with failOnWarnings if a fault can be found
// without a store.
func TestImportChecksFirst(t *testing.T) {
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
		_, err := keyfile.Import(t.Context(), h.keys, h.plans, keyfile.Parse(strings.NewReader(file("name,key,enabled,usageplanids\nnew,SECRET-2,true,PLAN-A\n"+last))), true)
		require.ErrorContains(t, err, "keyfile: import: "+want)
		require.Equal(t, 1, told, "the call that OnChange makes at once")
	}
}

// distant is a store of keys and plans that is slow, or does not answer.
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

// TestRollbackTime gives the rollback of a large file enough time. The rollback does not
// wait forever for a store that no longer answers, and the error says how much is left.
func TestRollbackTime(t *testing.T) {
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
			keys, plans := must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}})), must(usageplan.NewService(st, st, usageplan.Config{}))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			_, err := keyfile.Import(ctx, keys, plans, keyfile.Parse(strings.NewReader(file.String())), true)
			require.Less(t, time.Since(began), 10*time.Minute)
			left, _, listed := st.Keys(t.Context(), apikey.Filter{}, "", 500)
			require.NoError(t, listed)
			if down {
				require.ErrorIs(t, err, keyfile.ErrRollback)
				require.ErrorContains(t, err, "6001 of 6001 steps")
				return
			}
			require.ErrorIs(t, err, usageplan.ErrNotFound)
			require.NotErrorIs(t, err, keyfile.ErrRollback)
			require.Empty(t, left)
			require.Greater(t, time.Since(began), 10*time.Second, "the rollback must take longer than undoTimeout")
		})
	}
}
