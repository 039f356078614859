package main

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestCheck runs the check.
func TestCheck(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, check(t.Context(), &out))
	for _, payer := range []string{"key crawler", "key ranker", "key chatbot", "group acme", "group acme-search", "group acme-help"} {
		require.Contains(t, out.String(), payer+" ")
	}
}

// TestCompareFinds makes one request that the model knows nothing of, and settles it. The
// comparison finds it in each unit, in the reports and the quotas of each payer.
func TestCompareFinds(t *testing.T) {
	s, err := newService(t.Context(), memory.New(memory.Config{}), &model{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	for id, team := range teams {
		_, err := s.newKey(t.Context(), id, team)
		require.NoError(t, err)
	}
	require.NoError(t, s.compare(t.Context(), io.Discard))

	d, err := s.Gate.Admit(t.Context(), gate.Request{KeyID: "crawler", Class: "opus", Costs: costs(10, 20)})
	require.NoError(t, err)
	require.NoError(t, s.Gate.Settle(t.Context(), &d, costs(7, 5)))
	err = s.compare(t.Context(), io.Discard)
	for _, payer := range []string{"key crawler", "group acme-search", "group acme"} {
		for _, use := range []string{"1 requests", "7 input_tokens", "5 output_tokens", "96 micro_usd"} {
			require.ErrorContains(t, err, payer+": the report has "+use+", the invoice 0\n")
		}
	}
	for _, quota := range []string{
		"key crawler: quota day: 19999 requests remain, want 20000",
		"key crawler: quota output_tokens/day: 199995 output_tokens remain, want 200000",
		"key crawler: quota opus output_tokens/day: 95 output_tokens remain, want 100",
		"group acme-search: quota micro_usd/month: 89999904 micro_usd remain, want 90000000",
		"group acme: quota month: 999999 requests remain, want 1000000",
		"group acme: quota input_tokens/month: 49999993 input_tokens remain, want 50000000",
	} {
		require.ErrorContains(t, err, quota)
	}
	require.NotContains(t, err.Error(), "ranker: the report")
	require.NotContains(t, err.Error(), "acme-help")
}

// TestClass checks that a model is a class, and that a bad body has none.
func TestClass(t *testing.T) {
	for body, want := range map[string]string{
		`{"prompt": "to be"}`:                    "haiku",
		`{"prompt": "to be", "model": "opus"}`:   "opus",
		`{"prompt": "to be", "model": "Opus"}`:   "",
		`{"prompt": "to be", "model": "GET /x"}`: "",
		`{"model": "opus"`:                       "",
	} {
		require.Equal(t, want, class(httptest.NewRequest("POST", "/completions", strings.NewReader(body))), body)
	}
}

// TestEstimate checks that a body is still there for the handler, and that a bad one has
// an estimate that the gate accepts.
func TestEstimate(t *testing.T) {
	for body, want := range map[string]struct {
		costs usageplan.Costs
		text  string
		fault string
	}{
		`{"prompt": "to be or not"}`:                           {usageplan.Costs{4, 256, 4*3 + 256*15}, "to be or not", ""},
		`{"prompt": "to", "max_tokens": 2}`:                    {usageplan.Costs{1, 2, 1*3 + 2*15}, "to", ""},
		`{"prompt": "to", "max_tokens": -2}`:                   {usageplan.Costs{1, 0, 3}, "", "max_tokens from 1 to 4096"},
		`{"prompt": "to", "max_tokens": 5000}`:                 {usageplan.Costs{1, 0, 3}, "", "max_tokens from 1 to 4096"},
		`{"prompt": "to", "max_tokens": 99999999999999999999}`: {usageplan.Costs{1, 0, 3}, "", "cannot unmarshal"},
		`{`: {usageplan.Costs{1, 0, 3}, "", "unexpected end"},
	} {
		r := httptest.NewRequest("POST", "/completions", strings.NewReader(body))
		require.Equal(t, want.costs, estimate(r), body)
		p, err := readPrompt(r)
		require.Equal(t, want.text, p.Text, body)
		if want.fault != "" {
			require.ErrorContains(t, err, want.fault, body)
		}
	}
}

// TestUnknownPaths checks that the mux's own answers cost nothing, and that the usage has
// no soft limit.
func TestUnknownPaths(t *testing.T) {
	s, err := newService(t.Context(), memory.New(memory.Config{}), &model{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	secret, err := s.newKey(t.Context(), "chatbot", "acme-help")
	require.NoError(t, err)
	_, err = s.Plans.Update(t.Context(), "key", func(p *usageplan.Plan) error {
		p.Quotas = append(p.Quotas, quota.MustParse("1/day soft as trial"))
		return nil
	})
	require.NoError(t, err)
	h := s.handler()
	ask := func(method, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(`{"prompt": "to be or not"}`))
		r.Header.Set("X-API-Key", string(secret))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}

	require.Equal(t, 404, ask("POST", "/completion").Code)
	require.Equal(t, 405, ask("DELETE", "/completions").Code)
	usage := ask("GET", "/usage").Body.String()
	require.Contains(t, usage, "day: 20000 of 20000 requests remain\n")
	require.Contains(t, usage, "output_tokens/day: 200000 of 200000 output_tokens remain\n")
	require.NotContains(t, usage, "trial")
}
