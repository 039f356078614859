package apigateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// byUser is an Authenticator that believes what a proxy says.
func byUser(r *http.Request) (history.Actor, error) {
	user := r.Header.Get("X-User")
	if user == "" {
		return history.Actor{}, nil
	}
	return history.Actor{Kind: "proxy", Name: user}, nil
}

// TestActors checks that each change through the protocol has the actor that the
// Authenticator has returned, or that of the request's context if it has returned none.
func TestActors(t *testing.T) {
	kept := history.NewMemory(history.Bounds{})
	log := must(history.New(kept, history.Config{}))
	st := memory.New(memory.Config{})
	g := must(gate.New(st, st, st, gate.Config{KeyFormat: apikey.Format{AcceptForeign: true}, History: log}))
	t.Cleanup(func() { _ = g.Close() })
	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: g.KeyFormat(), History: log}))
	plans := must(usageplan.NewService(st, st, usageplan.Config{History: log}))
	h := must(apigateway.New(keys, plans, g, byUser, apigateway.Config{}))
	_, _, err := keys.Create(t.Context(), apikey.Key{ID: "ann"})
	require.NoError(t, err)
	_, err = plans.Create(t.Context(), usageplan.Plan{ID: "free", Quotas: []quota.Quota{{Limit: 10, Period: quota.Day}}})
	require.NoError(t, err)

	for _, step := range []struct {
		user, target, body, want string
	}{
		{"bob", "PATCH /apikeys/ann", `{"patchOperations":[{"op":"replace","path":"/name","value":"x"}]}`, "proxy bob update key ann"},
		{"bob", "PATCH /apikeys/ann", `{"patchOperations":[{"op":"replace","path":"/name","value":"x"}]}`, ""},
		{"", "PUT /tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapikeys%2Fann", `{"tags":{"a":"b"}}`, "service portal update key ann"},
		{"cy", "PATCH /usageplans/free", `{"patchOperations":[{"op":"replace","path":"/name","value":"x"}]}`, "proxy cy update plan free"},
		{"cy", "POST /usageplans/free/keys", `{"keyId":"ann","keyType":"API_KEY"}`, "proxy cy link link ann/free"},
		{"", "PATCH /usageplans/free/keys/ann/usage", `{"patchOperations":[{"op":"replace","path":"/remaining","value":"20"}]}`, "service portal extend allowance ann/free/day"},
		{"cy", "DELETE /usageplans/free/keys/ann", "", "proxy cy unlink link ann/free"},
		{"cy", "DELETE /apikeys/none", "", ""},
		{"cy", "DELETE /apikeys/ann", "", "proxy cy delete key ann"},
		{"cy", "POST /apikeys?mode=import&format=csv", "name,key\nnew,a-value-of-twenty-chars\n", "proxy cy import key *"},
		{"bob", "DELETE /usageplans/free", "", "proxy bob delete plan free"},
	} {
		before, _, err := kept.List(t.Context(), history.Filter{}, "", 100)
		require.NoError(t, err)
		method, target, _ := strings.Cut(step.target, " ")
		r := httptest.NewRequest(method, target, strings.NewReader(step.body))
		r.Header.Set("X-User", step.user)
		r = r.WithContext(history.WithActor(r.Context(), history.Actor{Kind: history.ActorService, Name: "portal"}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		after, _, err := kept.List(t.Context(), history.Filter{}, "", 100)
		require.NoError(t, err)
		got := ""
		if len(after) > len(before) {
			require.Len(t, after, len(before)+1, step.target)
			e := after[0]
			if e.Action == history.Import {
				e.ID = "*"
			}
			got = strings.Join([]string{e.Actor.String(), e.Action, e.Kind, e.ID}, " ")
		}
		require.Equal(t, step.want, got, "%s: %d %s", step.target, w.Code, w.Body)
	}
}
