package apigateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

type noStages struct{}

func (*noStages) Stage(context.Context, usageplan.Stage) (bool, error) { return true, nil }

// TestNil checks that New refuses nil arguments, which would panic at the first request.
func TestNil(t *testing.T) {
	h := newHarness(t)
	_, err := apigateway.New(h.keys, h.plans, h.gate, accept, apigateway.Config{Stages: (*noStages)(nil)})
	require.ErrorContains(t, err, "stages: nil *apigateway_test.noStages: want a Stages, or none")
	_, err = apigateway.New(nil, h.plans, h.gate, nil, apigateway.Config{})
	require.ErrorContains(t, err, "keys: nil *apikey.Service: want an apikey.Service")
	require.PanicsWithValue(t, "apigateway: Signed: verifier: nil *sigv4.Verifier: want a sigv4.Verifier", func() { apigateway.Signed(nil) })
}

// TestFormats checks that New refuses a Gate that would not accept the service's keys.
func TestFormats(t *testing.T) {
	st := memory.New(memory.Config{})
	for _, c := range []struct {
		keys, gate apikey.Format
		want       string
	}{
		{apikey.Format{}, apikey.Format{}, ""},
		{apikey.Format{Prefix: "acme"}, apikey.Format{Prefix: "acme"}, ""},
		{apikey.Format{Prefix: "acme"}, apikey.Format{}, ""},
		{apikey.Format{AcceptForeign: true}, apikey.Format{AcceptForeign: true}, ""},
		{apikey.Format{AcceptForeign: true}, apikey.Format{}, "gate: format {Prefix: AcceptForeign:false TagKeys:<nil> AcceptUntagged:false AcceptAnyPrefix:false}: want one that accepts all keys of the format {Prefix: AcceptForeign:true TagKeys:<nil> AcceptUntagged:false AcceptAnyPrefix:false}"},
		{apikey.Format{Prefix: "acme"}, apikey.Format{Prefix: "other"}, "gate: format {Prefix:other AcceptForeign:false TagKeys:<nil> AcceptUntagged:false AcceptAnyPrefix:false}: want"},
	} {
		g, err := gate.New(st, st, st, gate.Config{KeyFormat: c.gate})
		require.NoError(t, err)
		defer g.Close()
		_, err = apigateway.New(must(apikey.NewService(st, apikey.Config{KeyFormat: c.keys})), must(usageplan.NewService(st, st, usageplan.Config{})), g, accept, apigateway.Config{})
		if c.want == "" {
			require.NoError(t, err, "%+v", c)
		} else {
			require.ErrorContains(t, err, c.want)
		}
	}
}

// TestForeignValue checks the error for a chosen value that the Gate would not accept.
func TestForeignValue(t *testing.T) {
	st := memory.New(memory.Config{})
	g, err := gate.New(st, st, st, gate.Config{})
	require.NoError(t, err)
	defer g.Close()
	h, err := apigateway.New(must(apikey.NewService(st, apikey.Config{})), must(usageplan.NewService(st, st, usageplan.Config{})), g, accept, apigateway.Config{})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/apikeys", strings.NewReader(`{"name":"k","value":"another-value-of-my-own"}`)))
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Contains(t, w.Body.String(), "AcceptForeign")
	require.NotContains(t, w.Body.String(), "another-value")
}
