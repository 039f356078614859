package sigv4_test

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/internal/leak"
)

// TestNothingShowsASecret prints every exported struct and the error of a refusal, and
// checks that no secret appears.
func TestNothingShowsASecret(t *testing.T) {
	v := newVerifier(t, sigv4.Config{})
	_, err := v.Verify(httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	require.Error(t, err)
	values := map[string]any{"Config": sigv4.Config{}, "Verifier": v, "Error": err}
	leak.Complete(t, values)
	leak.Check(t, exampleSecret, values)
}
