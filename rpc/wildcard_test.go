package rpc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/rpc"
	"github.com/ration-go/ration/usageplan"
)

// TestStars refuses names with a star that would never take effect. A method would need
// no scope otherwise.
func TestStars(t *testing.T) {
	g := newFixture(t, usageplan.Plan{}).gate
	for name, ok := range map[string]bool{
		"/pets.v1.Pets/*":    true,
		"/pets.v1.Pets/Ge*":  false,
		"/pets.v1.Pets/**":   false,
		"/pets.v1.*/Get":     false,
		"/*/*":               false,
		"/pets.v1.Pets/*Get": false,
	} {
		_, err := rpc.New(g, rpc.Config{RouteScopes: map[string]string{name: "pets:read"}})
		require.Equal(t, ok, err == nil, name)
		_, err = rpc.New(g, rpc.Config{Public: []string{name}})
		require.Equal(t, ok, err == nil, name)
	}
}
