package usageplan_test

import (
	"testing"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
	"github.com/stretchr/testify/require"
)

// TestNil begins no Service over a store that is nil, not even within an interface.
func TestNil(t *testing.T) {
	none, st := (*memory.Store)(nil), memory.New(memory.Config{})
	for want, c := range map[string]struct {
		plans usageplan.Store
		keys  apikey.Store
	}{
		"plans: nil: want a usageplan.Store":               {nil, st},
		"plans: nil *memory.Store: want a usageplan.Store": {none, st},
		"keys: nil: want an apikey.Store":                  {st, nil},
		"keys: nil *memory.Store: want an apikey.Store":    {st, none},
	} {
		_, err := usageplan.NewService(c.plans, c.keys)
		require.ErrorIs(t, err, usageplan.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
}
