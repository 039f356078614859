package rationgrpc_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
)

// update changes the key of a service.
func update(t *testing.T, s *service, change func(*apikey.Key)) {
	_, err := s.Keys.Update(t.Context(), s.keyID, func(k *apikey.Key) error {
		change(k)
		return nil
	})
	require.NoError(t, err)
}

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}
