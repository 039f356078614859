package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/sampledata"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestPages visits every page, and looks for what it must have.
func TestPages(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, sampledata.Fill(t.Context(), f.st, 60, time.Now()))
	busiest, soft := sampledata.Named()[0].ID(), sampledata.Named()[5].ID()
	_, err := f.keys.Update(t.Context(), busiest, func(k *apikey.Key) error { k.Tags = apikey.Tags{"owner": "payments"}; return nil })
	require.NoError(t, err)
	for range 30 {
		_, err := f.gate.Admit(t.Context(), gate.Request{KeyID: soft})
		require.NoError(t, err)
	}
	for path, want := range map[string][]string{
		"/usage":                 {"Overview", "trial", "Contoso Logistics", "Last changes"},
		"/usage/":                {"Overview"},
		"/usage/keys":            {"Checkout service, production", "of 250,000", "Rotating", "Disabled", "Expired", "No plan", "Older keys"},
		"/usage/keys?q=Fabrikam": {"Mobile app", "1 found in 60 keys"},
		"/usage/keys/" + busiest: {"northwind", "Previous secret", "30 days", "throttle", "100 a second", "owner: payments", "Change what is left"},
		"/usage/keys/" + sampledata.Named()[1].ID(): {"Contoso Logistics", "of 2,000,000"},
		"/usage/keys/" + soft:                       {"soft: counts, never refuses", "throttled"},
		"/usage/plans":                              {"Legacy 2023", "200000000/year"},
		"/usage/plans/starter":                      {"POST /exports", "Mobile app"},
		"/usage/plans/organisation":                 {"Tailspin Toys"},
		"/usage/groups":                             {"Tracking", "below"},
		"/usage/groups/contoso":                     {"Billing", "2000000/month"},
		"/usage/groups/contoso-tracking":            {"Parcel tracking, production"},
		"/usage/audit":                              {"No audit has run"},
		"/usage/changes":                            {"update", "payments"},
		"/usage/new-key":                            {"Create the key"},
	} {
		status, page, header := f.send("GET", path, "", nil)
		require.Equal(t, http.StatusOK, status, path)
		for _, text := range want {
			require.True(t, strings.Contains(page, text), "%s: want %q", path, text)
		}
		require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")
		require.Equal(t, []string{"no-store", "nosniff", "same-origin", "DENY"}, []string{header.Get("Cache-Control"),
			header.Get("X-Content-Type-Options"), header.Get("Referrer-Policy"), header.Get("X-Frame-Options")})
		for _, text := range []string{"<script", "style=", "ZgotmplZ"} { // the last is a value that html/template refused
			require.False(t, strings.Contains(page, text), "%s: %q", path, text)
		}
	}
}

// TestNoPage checks the answers to requests that no page has.
func TestNoPage(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/usage/none", 404}, {"GET", "/usagex", 404}, {"GET", "/", 404}, {"GET", "/usage/keys/", 404}, {"GET", "/usage//keys", 404},
		{"GET", "/usage/../usage/keys", 404}, {"GET", "/usage/keys/a%2Fb", 404}, {"GET", "/usage/keys/nobody", 404}, {"GET", "/usage/plans/none", 404},
		{"GET", "/usage/groups/none", 404}, {"GET", "/usage/keys?cursor=x%00y", 400}, {"GET", "/usage/plans?cursor=???", 400}, {"GET", "/usage/changes?cursor=???", 400},
		{"HEAD", "/usage/keys", 200}, {"PUT", "/usage/keys", 405}, {"DELETE", "/usage/keys/k", 405},
	} {
		status, _, _ := f.send(c.method, c.path, "", nil)
		require.Equal(t, c.want, status, "%s %s", c.method, c.path)
	}
	bare := must(admin.New(f.keys, f.plans, nil, f.gate, admin.AuthFunc(func(*http.Request) (string, bool) { return "ada", true }), admin.Config{Prefix: "/"}))
	f.page = bare
	for path, want := range map[string]int{"/": 200, "/keys": 200, "/groups": 404, "/groups/g": 404, "/changes": 404, "/usage": 404} {
		status, page, _ := f.send("GET", path, "", nil)
		require.Equal(t, want, status, path)
		require.NotContains(t, page, `href="/usage`)
	}
}

// TestPrefix checks that all links begin with the prefix.
func TestPrefix(t *testing.T) {
	f := newFixture(t, func(cfg *admin.Config, _ *backend) { cfg.Prefix, cfg.Title = "/ops/keys-1", "Example API" })
	page := f.get("/ops/keys-1/keys")
	require.Contains(t, page, "<title>Keys · Example API</title>")
	require.Equal(t, strings.Count(page, `href="/`)+strings.Count(page, `src="/`)+strings.Count(page, `action="/`), strings.Count(page, `="/ops/keys-1/`))
}

// TestNewFaults checks that New reports every fault at once.
func TestNewFaults(t *testing.T) {
	_, err := admin.New(nil, nil, nil, nil, nil, admin.Config{Prefix: "usage/", Origins: []string{"ops.example.com"}, FormKey: []byte("short"), AuditTime: -1, SecretAge: -1})
	for _, want := range []string{"keys: nil", "plans: nil", "gate: nil", "authenticator: nil", "prefix", "origins[0]", "formKey", "auditTime"} {
		require.ErrorContains(t, err, want)
	}
	for _, prefix := range []string{"a", "/a/", "//", "/a//b", "/a/../b", "/a b", "/ä", "/a?b", "/{x}"} {
		_, err := admin.New(nil, nil, nil, nil, nil, admin.Config{Prefix: prefix})
		require.ErrorContains(t, err, "prefix", prefix)
	}
}

// dead is a store of keys that fails.
type dead struct{ apikey.Store }

var errDead = errors.New("dial redis.internal.example.com: refused")

func (dead) Keys(context.Context, apikey.Filter, string, int) ([]apikey.Key, string, error) {
	return nil, "", errDead
}

// TestStoreFails checks that an error of a store is logged, and not shown.
func TestStoreFails(t *testing.T) {
	var logged bytes.Buffer
	f := newFixture(t, func(cfg *admin.Config, b *backend) {
		b.keys, cfg.Logger = dead{memory.New(memory.Config{})}, slog.New(slog.NewTextHandler(&logged, nil))
	})
	status, page, _ := f.send("GET", "/usage/keys", "", nil)
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, page, "The store does not answer")
	require.NotContains(t, page, "redis.internal")
	require.Contains(t, logged.String(), "redis.internal")
	status, page, _ = f.post("/usage/audit", "/usage/audit", nil)
	require.Equal(t, http.StatusServiceUnavailable, status, page)
	require.Contains(t, f.get("/usage/audit"), "No audit has run")
}

// stuck is a store of keys that does not answer.
type stuck struct{ apikey.Store }

func (stuck) Keys(ctx context.Context, _ apikey.Filter, _ string, _ int) ([]apikey.Key, string, error) {
	<-ctx.Done()
	return nil, "", ctx.Err()
}

// TestStoreHangs checks how long a page waits for a store, and an audit.
func TestStoreHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		f := newFixture(t, func(cfg *admin.Config, b *backend) {
			b.keys, cfg.Logger = stuck{memory.New(memory.Config{})}, slog.New(slog.NewTextHandler(&logged, nil))
		})
		began := time.Now()
		status, _, _ := f.send("GET", "/usage/keys", "", nil)
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Contains(t, logged.String(), "deadline exceeded")
		began = time.Now()
		status, _, _ = f.post("/usage/audit", "/usage/audit", nil)
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Equal(t, time.Minute, time.Since(began))
	})
}

// TestBrokenKeys checks that a listing shows keys that the gate refuses for their groups
// and plans, and all others beside them.
func TestBrokenKeys(t *testing.T) {
	f := newFixture(t)
	f.plan("gold", "unlimited", "5/day")
	_, err := f.groups.Create(t.Context(), usageplan.Group{ID: "acme"})
	require.NoError(t, err)
	f.key(apikey.Key{ID: "fine"}, "gold")
	f.key(apikey.Key{ID: "lost", GroupID: "acme"}, "gold")
	f.key(apikey.Key{ID: "dangling"}, "gold")
	require.NoError(t, f.st.DeleteGroup(t.Context(), "acme", 0))
	page := f.get("/usage/keys")
	require.Contains(t, page, "Group missing")
	require.Contains(t, page, "0 of 5")
	require.Contains(t, f.get("/usage/keys/lost"), "does not exist")
	require.NoError(t, f.st.DeletePlan(t.Context(), "gold", 0))
	require.Contains(t, f.get("/usage/keys/dangling"), "missing")
}

// TestSearch checks what a search finds, and that a whole secret is not searched for.
func TestSearch(t *testing.T) {
	f := newFixture(t)
	// The words are longer than the end of a hint, which a query of 3 letters could meet.
	secret := f.key(apikey.Key{ID: "k1", Name: "Bicycle market, Berlin", CustomerID: "northwind/eu"})
	for i := range 60 {
		f.key(apikey.Key{ID: fmt.Sprintf("x%02d", i), Name: "Filler"})
	}
	hint := secret.String()
	for query, found := range map[string]int{
		"k1": 1, "K1": 1, "bicycle": 1, "market": 1, "BERLIN": 1, "arket": 0, "northwind": 1, "eu": 1, hint[len(hint)-4:]: 1, "x0": 10, "filler": 25, "nothing": 0, "  k1  ": 1,
	} {
		page := f.get("/usage/keys?" + encode(fields{"q": query}))
		require.Equal(t, found, strings.Count(page, `class="name"`), "%q", query)
	}
	second := f.get("/usage/keys?q=filler&skip=25")
	require.Equal(t, 25, strings.Count(second, `class="name"`))
	require.Contains(t, second, "x34")
	require.Contains(t, second, `href="/usage/keys?q=filler&amp;skip=50"`)
	require.Equal(t, 10, strings.Count(f.get("/usage/keys?q=filler&skip=50"), `class="name"`))

	page := f.get("/usage/keys?" + encode(fields{"q": string(secret)}))
	require.Contains(t, page, "looks like a whole secret")
	require.NotContains(t, page, string(secret))
}

// TestMistakes checks that the overview names a mistake in the set-up that was found.
func TestMistakes(t *testing.T) {
	f := newFixture(t)
	overview := func() string {
		_, page, _ := f.send("GET", "/usage", "", nil)
		return page
	}
	require.NotContains(t, overview(), "Mistake in the set-up")
	f.gate.NoteMistake(gate.UnknownRoute)
	require.Contains(t, overview(), "unknown route")
}
