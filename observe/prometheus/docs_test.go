package prometheus_test

import (
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
	"github.com/ration-go/ration/observe/internal/series"
	rationprom "github.com/ration-go/ration/observe/prometheus"
)

// TestPages compiles the Go blocks of the pages that need this module.
func TestPages(t *testing.T) {
	blocks := codeblocks.Of("observe/prometheus", codeblocks.Pages(t, "../.."))
	require.NotEmpty(t, blocks)
	codeblocks.Compile(t, blocks)
}

// TestPageListsAllMetrics checks that docs/metrics.md has a row for each metric: the
// names of both modules, the labels, and the sentence that scrapers are told, too.
func TestPageListsAllMetrics(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	rows := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		rows[strings.TrimSpace(line)] = true
	}
	o, err := rationprom.New(rationprom.Config{})
	require.NoError(t, err)
	names := described(o)
	row := func(name, dotted, help string, labels []string) string {
		quoted := ""
		if len(labels) > 0 {
			quoted = " `" + strings.Join(labels, "`, `") + "`"
		}
		return "| `" + name + "` | `ration." + dotted + "` |" + quoted + " | " + help + " |"
	}
	for i, m := range series.Metrics() {
		want := row(names[i], m.Name, m.Help, m.Labels)
		require.True(t, rows[want], want)
	}
	for i, h := range []series.Histogram{series.DecisionTime, series.StoreTime} {
		name := names[len(series.Metrics())+i]
		want := row(name, h.Name, h.Help, h.Labels)
		require.True(t, rows[want], want)
	}
}

// described returns the names of the metrics that a collector describes, in their order.
func described(c prometheus.Collector) (names []string) {
	descs := make(chan *prometheus.Desc, 100)
	c.Describe(descs)
	close(descs)
	for d := range descs {
		_, rest, _ := strings.Cut(d.String(), `fqName: "`)
		name, _, _ := strings.Cut(rest, `"`)
		names = append(names, name)
	}
	return names
}
