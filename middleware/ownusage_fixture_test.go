package middleware_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// usagePage is the handler of a client's own usage beside an API with the same Config.
type usagePage struct {
	*fixture
	api, usage http.Handler
}

func newUsagePage(h *fixture, cfg middleware.Config, own middleware.UsageConfig) *usagePage {
	mw, err := middleware.New(h.gate, cfg)
	require.NoError(h.t, err)
	usage, err := mw.Usage(own)
	require.NoError(h.t, err)
	api := mw.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return &usagePage{h, api, usage}
}

// send sends a request to a handler.
func send(h http.Handler, method, target, secret string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if secret != "" {
		r.Header.Set("X-API-Key", secret)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// own asks for the usage of a key, and returns the body of the answer.
func (p *usagePage) own(secret, query string) (b ownUsage) {
	p.t.Helper()
	w := send(p.usage, "GET", "/usage/me?"+query, secret)
	require.Equal(p.t, 200, w.Code, w.Body)
	require.Equal(p.t, "application/json", w.Header().Get("Content-Type"))
	require.Equal(p.t, "no-store", w.Header().Get("Cache-Control"))
	require.Equal(p.t, strconv.Itoa(w.Body.Len()), w.Header().Get("Content-Length"))
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	require.NoError(p.t, d.Decode(&b))
	require.Equal(p.t, 1, b.Version)
	return b
}

// ownUsage is the documented form, as a client would write it down.
type ownUsage struct {
	Version int
	At      time.Time
	KeyID   string
	Cost    *struct {
		Of map[string]int64
		ownFit
	}
	Limits []ownLimit
	Days   []ownDay
	Groups []struct {
		ID     string
		Limits []ownLimit
		Days   []ownDay
	}
}

type ownFit struct {
	Now   bool
	At    time.Time
	Never bool
}

type ownLimit struct {
	Name, Kind, Unit               string
	Soft                           bool
	Limit, Used, Leased, Remaining int64
	PerSecond                      float64
	Start, Reset                   time.Time
	Fits                           *ownFit
	Forecast                       *struct {
		PerSecond float64
		AtEnd     int64
		UsedUp    time.Time
	}
	Windows []struct {
		Start, End                     time.Time
		Limit, Used, Leased, Remaining int64
	}
}

type ownDay struct {
	Start, End time.Time
	Used       map[string]int64
}

func names(limits []ownLimit) (all []string) {
	for _, l := range limits {
		all = append(all, l.Name)
	}
	return all
}

var tokens = usageplan.Units{{Name: "tokens"}}

func withTokens(p *parts) { p.Units = tokens }
