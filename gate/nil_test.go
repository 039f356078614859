package gate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
)

type noObserver struct{ gate.Observer }

// TestNil checks that New refuses a nil store, also if the nil pointer is in an
// interface.
func TestNil(t *testing.T) {
	none, st := (*memory.Store)(nil), memory.New(memory.Config{})
	for field, cfg := range map[string]parts{
		"keys: nil *memory.Store: want an apikey.Store":                      {Keys: none, Plans: st, Counter: st},
		"plans: nil *memory.Store: want a usageplan.Store":                   {Keys: st, Plans: none, Counter: st},
		"counter: nil *memory.Store: want a store.Counter":                   {Keys: st, Plans: st, Counter: none},
		"counter: nil: want a store.Counter":                                 {Keys: st, Plans: st},
		"observer: nil *gate_test.noObserver: want a gate.Observer, or none": {Keys: st, Plans: st, Counter: st, Config: gate.Config{Observer: (*noObserver)(nil)}},
		"observer[1]: nil: want a gate.Observer":                             {Keys: st, Plans: st, Counter: st, Config: gate.Config{Observer: gate.Observers{new(witness), nil}}},
	} {
		_, err := cfg.gate()
		require.ErrorIs(t, err, gate.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
}
