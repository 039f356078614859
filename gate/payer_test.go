package gate_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
)

// TestPayerJSON checks the JSON form of every kind of Payer, and what it refuses.
func TestPayerJSON(t *testing.T) {
	for want, p := range map[string]gate.Payer{
		`{"kind":"key","id":"k"}`:             {Kind: gate.PayerKey, ID: "k"},
		`{"kind":"group","id":"acme"}`:        {Kind: gate.PayerGroup, ID: "acme"},
		`{"kind":"stage","id":"orders:prod"}`: {Kind: gate.PayerStage, ID: "orders:prod"},
		`{"kind":"account"}`:                  {Kind: gate.PayerAccount},
	} {
		text, err := json.Marshal(p)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
		var back gate.Payer
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, p, back)
	}
	_, err := json.Marshal(gate.Payer{Kind: 9})
	require.ErrorIs(t, err, gate.ErrInvalid)
	require.ErrorIs(t, json.Unmarshal([]byte(`{"kind":"team"}`), new(gate.Payer)), gate.ErrInvalid)
}
