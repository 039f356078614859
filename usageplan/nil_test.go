package usageplan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

type noObserver struct{ usageplan.Observer }

// TestNil: nothing begins with a store that is nil, not even within an interface.
func TestNil(t *testing.T) {
	none, st := (*memory.Store)(nil), memory.New(memory.Config{})
	for field, cfg := range map[string]usageplan.GateConfig{
		"keys: nil *memory.Store: want an apikey.Store":                                {Keys: none, Plans: st, Counter: st},
		"plans: nil *memory.Store: want a usageplan.Store":                             {Keys: st, Plans: none, Counter: st},
		"counter: nil *memory.Store: want a store.Counter":                             {Keys: st, Plans: st, Counter: none},
		"counter: nil: want a store.Counter":                                           {Keys: st, Plans: st},
		"observer: nil *usageplan_test.noObserver: want a usageplan.Observer, or none": {Keys: st, Plans: st, Counter: st, Observer: (*noObserver)(nil)},
	} {
		_, err := usageplan.NewGate(cfg)
		require.ErrorIs(t, err, usageplan.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
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
