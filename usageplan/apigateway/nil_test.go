package apigateway_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/usageplan"
	"github.com/ration-go/ration/usageplan/apigateway"
)

type noStages struct{}

func (*noStages) Stage(context.Context, usageplan.Stage) (bool, error) { return true, nil }

// TestNil: nothing that is nil waits for the first request to panic.
func TestNil(t *testing.T) {
	h := newHouse(t)
	_, err := apigateway.New(apigateway.Config{Keys: h.keys, Plans: h.plans, Gate: h.gate, Stages: (*noStages)(nil),
		Authenticate: func(*http.Request) error { return nil }})
	require.ErrorContains(t, err, "stages: nil *apigateway_test.noStages: want a Stages, or none")
	require.PanicsWithValue(t, "apigateway: Signed: verifier: nil *sigv4.Verifier: want a sigv4.Verifier", func() { apigateway.Signed(nil) })
}
