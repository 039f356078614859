package admin_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/admin"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/usageplan"
)

// deadPlans is a store of plans that fails.
type deadPlans struct{ usageplan.Store }

func (deadPlans) Plans(context.Context, string, int) ([]usageplan.Plan, string, error) {
	return nil, "", errDead
}

// deadHistory is a history that fails.
type deadHistory struct{}

func (deadHistory) List(context.Context, history.Filter, string, int) ([]history.Entry, string, error) {
	return nil, "", errDead
}

// TestOverviewInOutage checks that the overview shows what the process knows, while its
// stores fail: that is when people look at it.
func TestOverviewInOutage(t *testing.T) {
	for name, change := range map[string]func(*admin.Config, *backend){
		"plans":   func(_ *admin.Config, b *backend) { b.plans = deadPlans{b.Store} },
		"history": func(cfg *admin.Config, _ *backend) { cfg.History = deadHistory{} },
	} {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			f := newFixture(t, change, func(cfg *admin.Config, _ *backend) { cfg.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
			f.reason(f.key(apikey.Key{ID: "k", Name: "Web shop"}))
			status, page, _ := f.send("GET", "/usage/", "", nil)
			require.Equal(t, http.StatusServiceUnavailable, status)
			for _, want := range []string{"Store of keys", "Counters", "Refused", "Web shop", "The store does not answer"} {
				require.Contains(t, page, want)
			}
			require.NotContains(t, page, "There are no plans")
			require.NotContains(t, page, "redis.internal")
			require.Contains(t, logged.String(), "redis.internal")
		})
	}
}

// failingKeys is a store of keys that fails while it is down.
type failingKeys struct {
	apikey.Store
	down *bool
}

func (s failingKeys) Key(ctx context.Context, id string) (apikey.Key, error) {
	if *s.down {
		return apikey.Key{}, errDead
	}
	return s.Store.Key(ctx, id)
}

// TestOutageHasTwoLines asks for pages in an outage, and after it. The log has its
// beginning and its end, and no line for each page.
func TestOutageHasTwoLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		down := false
		f := newFixture(t, func(cfg *admin.Config, b *backend) {
			cfg.Logger = untimed(&log)
			b.keys = failingKeys{b.Store, &down}
		})
		f.key(apikey.Key{ID: "k"})
		for _, step := range []struct {
			what   string
			down   bool
			pages  int // one a second
			status int
			want   string
		}{
			{"all is well", false, 3, 200, ""},
			{"the store fails", true, 30, 503, `level=ERROR msg="ration: the admin page cannot read or change its stores" method=GET path=/keys/k/rotate error="dial redis.internal.example.com: refused"` + "\n"},
			{"it is back", false, 10, 200, `level=INFO msg="ration: the admin page reads and changes its stores again" after=30s requests=30` + "\n"},
		} {
			down = step.down
			log.Reset()
			for range step.pages {
				status, page, _ := f.send("GET", "/usage/keys/k/rotate", "", nil)
				require.Equal(t, step.status, status, page)
				f.send("GET", "/usage/style.css", "", nil) // says nothing of the stores
				f.send("GET", "/usage/none", "", nil)
				time.Sleep(time.Second)
			}
			require.Equal(t, step.want, log.String(), step.what)
		}
	})
}

// stuckPlans is a store of plans that does not answer.
type stuckPlans struct{ usageplan.Store }

func (stuckPlans) Plans(ctx context.Context, _ string, _ int) ([]usageplan.Plan, string, error) {
	<-ctx.Done()
	return nil, "", ctx.Err()
}

// TestOverviewWaitsShortly checks that a store that hangs does not keep the overview from
// people for long.
func TestOverviewWaitsShortly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(_ *admin.Config, b *backend) { b.plans = stuckPlans{b.Store} })
		began := time.Now()
		status, page, _ := f.send("GET", "/usage/", "", nil)
		require.Equal(t, http.StatusServiceUnavailable, status)
		require.Contains(t, page, "Store of keys")
		require.Equal(t, 3*time.Second, time.Since(began))
		require.Equal(t, gate.Unknown, f.reason("nobody"))
	})
}

// noLinks is a store of plans that fails to store a link.
type noLinks struct{ usageplan.Store }

func (noLinks) InsertLink(context.Context, usageplan.Link) error { return errDead }

// stuckDelete is a store of keys that does not answer when a key is deleted.
type stuckDelete struct{ apikey.Store }

func (stuckDelete) DeleteKey(ctx context.Context, _ string) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestActionsGoOn checks that a store that hangs while a form is carried out does not
// stop the actions of all other people.
func TestActionsGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(_ *admin.Config, b *backend) { b.keys, b.plans = stuckDelete{b.Store}, noLinks{b.Store} })
		f.plan("gold", "unlimited", "5/day")
		began := time.Now()
		status, page, _ := f.post("/usage/new-key", "/usage/new-key", fields{"plan": "gold"})
		require.Equal(t, http.StatusServiceUnavailable, status, page)
		require.Equal(t, 10*time.Second, time.Since(began))
		f.key(apikey.Key{ID: "k"})
		status, page, _ = f.post("/usage/keys/k/disable", "/usage/keys/k/disable", nil)
		require.Equal(t, http.StatusSeeOther, status, page)
	})
}
