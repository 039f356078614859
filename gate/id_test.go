package gate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/usageplan"
)

// TestIDIsNoSecret asks for a key by its ID, so that the cache has it. No text that is
// made of the ID is then a secret of the key: the ID is public.
func TestIDIsNoSecret(t *testing.T) {
	h := newFixture(t)
	k, _, _ := h.linked(usageplan.Plan{})
	require.Equal(t, gate.Admitted, h.admit(gate.Request{KeyID: k.ID}).Reason)
	for _, prefix := range []string{"", "id ", "id\x00", "\x00id\x00", "\x00"} {
		require.Equal(t, gate.Unknown, h.reason(apikey.Secret(prefix+k.ID)), "%q", prefix)
	}
}
