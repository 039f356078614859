package usageplan_test

import (
	"testing"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
	"github.com/stretchr/testify/require"
)

// TestNil checks that NewService refuses a nil store, also a nil pointer in an interface.
func TestNil(t *testing.T) {
	none, st := (*memory.Store)(nil), memory.New(memory.Config{})
	for want, c := range map[string]struct {
		keys  apikey.Store
		plans usageplan.Store
	}{
		"keys: nil: want an apikey.Store":                  {nil, st},
		"keys: nil *memory.Store: want an apikey.Store":    {none, st},
		"plans: nil: want a usageplan.Store":               {st, nil},
		"plans: nil *memory.Store: want a usageplan.Store": {st, none},
	} {
		_, err := usageplan.NewService(c.keys, c.plans, usageplan.Config{})
		require.ErrorIs(t, err, usageplan.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
}
