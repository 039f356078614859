package middleware_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/middleware"
	"github.com/ration-go/ration/usageplan"
)

// TestUnused has a Gate with units and classes that no request uses. Their limits would
// never apply, so the Logger is warned once for each.
func TestUnused(t *testing.T) {
	costs := func(*http.Request) usageplan.Costs { return usageplan.Costs{1} }
	class := func(*http.Request) string { return "opus" }
	for name, c := range map[string]struct {
		units   usageplan.Units
		classes usageplan.Classes
		cfg     middleware.Config
		want    []string
	}{
		"nothing declared": {},
		"units":            {usageplan.Units{{Name: "tokens"}}, nil, middleware.Config{}, []string{"Costs is nil", "unit=tokens"}},
		"units, used":      {usageplan.Units{{Name: "tokens"}}, nil, middleware.Config{Costs: costs}, nil},
		"classes":          {nil, usageplan.Classes{"opus"}, middleware.Config{}, []string{"Class is nil", "class=opus"}},
		"classes, used":    {nil, usageplan.Classes{"opus"}, middleware.Config{Class: class}, nil},
	} {
		var log bytes.Buffer
		c.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		h := newFixture(t, func(cfg *parts) { cfg.Units, cfg.Classes = c.units, c.classes })
		h.middleware(c.cfg)
		for _, want := range c.want {
			require.Contains(t, log.String(), want, name)
		}
		if c.want == nil {
			require.Empty(t, log.String(), name)
		}
	}
}
