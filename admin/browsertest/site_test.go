package browsertest

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/sampledata"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// A site is a page over a store in memory that has everything a page can show.
type site struct {
	t      testing.TB
	url    string // with a name and a password
	keys   *apikey.Service
	plans  *usageplan.Service
	groups *usageplan.Groups
	gate   *gate.Gate
}

// newSite returns a site with n keys, and a month of use.
func newSite(t testing.TB, n int) *site {
	t.Helper()
	st, past := memory.New(memory.Config{}), must(history.New(history.NewMemory(history.Bounds{}), history.Config{}))
	counts := observe.NewCounts(observe.CountsConfig{})
	require.NoError(t, sampledata.Fill(t.Context(), st, n, time.Now()))
	cfg := usageplan.Config{History: past}
	g := must(gate.New(st, st, st, gate.Config{Observer: counts, History: past}))
	s := &site{
		t: t, gate: g, keys: must(apikey.NewService(st, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}, History: past})),
		plans: must(usageplan.NewService(st, st, cfg)), groups: must(usageplan.NewGroups(st, st, st, cfg)),
	}
	users := must(admin.NewBasic(map[string]string{"ada": "secret"}, admin.BasicConfig{}))
	page := must(admin.New(s.keys, s.plans, s.groups, g, users, admin.Config{Title: "Example API", History: past, Counts: counts}))
	mux := http.NewServeMux()
	mux.Handle("/usage", page)
	mux.Handle("/usage/", page)
	server := httptest.NewServer(mux)
	t.Cleanup(func() { server.Close(); _ = g.Close() })
	u := must(url.Parse(server.URL))
	u.User = url.UserPassword("ada", "secret")
	s.url = u.String() + "/usage"
	return s
}

// busy makes the site refuse a few requests, and changes a few things.
func (s *site) busy() {
	ctx := history.WithActor(s.t.Context(), history.Actor{Kind: history.ActorPage, Name: "ada"})
	for i, key := range sampledata.Named() {
		for range 9 * (i + 1) {
			_, err := s.gate.Admit(ctx, gate.Request{KeyID: key.ID()})
			require.NoError(s.t, err)
		}
	}
	_, err := s.plans.Update(ctx, "trial", func(p *usageplan.Plan) error { p.Description = "Fourteen days, without a credit card."; return nil })
	require.NoError(s.t, err)
	_, err = s.keys.Update(ctx, sampledata.Named()[3].ID(), func(k *apikey.Key) error { k.Description = "iOS and Android, from 4.0 on."; return nil })
	require.NoError(s.t, err)
	require.NoError(s.t, s.gate.SetRemaining(ctx, "scale", sampledata.Named()[0].ID(), "day", 120_000))
	aws := history.WithActor(s.t.Context(), history.Actor{Kind: history.ActorAWS, Name: "AKIAEXAMPLE"})
	_, err = s.keys.Update(aws, sampledata.Named()[1].ID(), func(k *apikey.Key) error { k.Tags = apikey.Tags{"env": "production", "owner": "logistics"}; return nil })
	require.NoError(s.t, err)
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
