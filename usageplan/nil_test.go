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
	for want, make := range map[string]func(){
		"usageplan: NewService: plans: nil: want a usageplan.Store":               func() { usageplan.NewService(nil, st, usageplan.ServiceConfig{}) },
		"usageplan: NewService: plans: nil *memory.Store: want a usageplan.Store": func() { usageplan.NewService(none, st, usageplan.ServiceConfig{}) },
		"usageplan: NewService: keys: nil: want an apikey.Store":                  func() { usageplan.NewService(st, nil, usageplan.ServiceConfig{}) },
		"usageplan: NewService: keys: nil *memory.Store: want an apikey.Store":    func() { usageplan.NewService(st, none, usageplan.ServiceConfig{}) },
	} {
		require.PanicsWithValue(t, want, make)
	}
	_, err := usageplan.NewService(st, st, usageplan.ServiceConfig{}).Import(t.Context(), nil, func(func(apikey.Row, error) bool) {}, false)
	require.ErrorIs(t, err, usageplan.ErrInvalid)
	require.ErrorContains(t, err, "keys: nil *apikey.Service: want an apikey.Service")
}
