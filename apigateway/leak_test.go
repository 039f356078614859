package apigateway_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/leak"
)

// valued is a Seal that is not a pointer, so fmt would print its contents.
type valued struct {
	cipher.AEAD
	key string
}

// TestNothingShowsASecret prints every exported struct of a control plane that has an
// administrator's credentials, and checks that no secret appears.
func TestNothingShowsASecret(t *testing.T) {
	const password = "hunter2passhunter2pass"
	credentials := map[string]string{"AKIDEXAMPLE": password}
	v, err := sigv4.New(func(_ context.Context, id string) (string, bool, error) {
		secret, known := credentials[id]
		return secret, known, nil
	}, sigv4.Config{})
	require.NoError(t, err)
	var cfg parts
	h := newHarness(t, func(c *parts) {
		c.Authenticate = apigateway.Signed(v)
		cfg = *c
	})
	block, err := aes.NewCipher(make([]byte, 32))
	require.NoError(t, err)
	gcm, err := cipher.NewGCM(block)
	require.NoError(t, err)
	keys := must(apikey.NewService(h.st, apikey.Config{Seal: valued{gcm, password}}))
	sealed, err := apigateway.New(keys, h.plans, h.gate, cfg.Authenticate, cfg.Config)
	require.NoError(t, err)
	values := map[string]any{
		"Config": cfg.Config, "Config by pointer": &cfg.Config, "Handler": h.h, "Error": &apigateway.Error{Status: 403, Type: "t", Message: "m"},
		"Verifier": v, "Handler that seals": sealed,
	}
	leak.Complete(t, values)
	leak.Check(t, password, values)
	leak.Check(t, "{10 [0 0 0 0", values) // the cipher's key, as package aes has it
}
