package prometheus_test

import (
	"math"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	rationprom "github.com/ration-go/ration/observe/prometheus"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestConfig checks that New reports every fault at once.
func TestConfig(t *testing.T) {
	_, err := rationprom.New(rationprom.Config{
		Registerer: (*prometheus.Registry)(nil),
		Labels:     prometheus.Labels{"plan": "a", "gate": "b", "le": "c", "a-b": "d"},
		Units:      usageplan.Units{{Name: "tokens"}, {Name: "Tokens"}},
		MaxSeries:  -1,
		Buckets:    []float64{1, 1, math.NaN()},
	})
	require.ErrorIs(t, err, rationprom.ErrInvalid)
	require.ErrorIs(t, err, usageplan.ErrInvalid)
	require.EqualError(t, err, `observe/prometheus: invalid config: `+
		`units[1].name: "Tokens": want 1 to 32 lower-case ASCII letters, digits and '_', with a letter first`+"\n"+
		`maxSeries: -1: want 0 or more`+"\n"+
		`labels: "a-b": want the name of a label: letters, digits and '_'`+"\n"+
		`labels: "le": want the name of a label: letters, digits and '_'`+"\n"+
		`labels: "plan": want another name: the metrics have this label`+"\n"+
		`buckets[1]: 1: want ascending bounds`+"\n"+
		`buckets[2]: NaN: want ascending bounds`+"\n"+
		`registerer: nil *prometheus.Registry: want a Registerer, or none`)
}

// TestConflict checks that a second Observer needs labels of its own.
func TestConflict(t *testing.T) {
	reg := prometheus.NewRegistry()
	label := func(gate string) rationprom.Config {
		return rationprom.Config{Registerer: reg, Labels: prometheus.Labels{"gate": gate}}
	}
	_, err := rationprom.New(label("a"))
	require.NoError(t, err)
	_, err = rationprom.New(label("b"))
	require.NoError(t, err)
	_, err = rationprom.New(label("a"))
	require.ErrorIs(t, err, rationprom.ErrInvalid)
	require.ErrorAs(t, err, new(prometheus.AlreadyRegisteredError))
	_, err = rationprom.New(rationprom.Config{Registerer: reg})
	require.ErrorIs(t, err, rationprom.ErrInvalid, "another set of labels")

	o, err := rationprom.New(rationprom.Config{})
	require.NoError(t, err)
	require.NoError(t, prometheus.NewRegistry().Register(o))
}

// TestWatchFails checks which Gates an Observer refuses to watch.
func TestWatchFails(t *testing.T) {
	o, err := rationprom.New(rationprom.Config{})
	require.NoError(t, err)
	s, err := ration.New(memory.New(memory.Config{}), ration.Config{Units: units})
	require.NoError(t, err)
	defer s.Close()
	require.EqualError(t, o.Watch(s.Gate), `observe/prometheus: invalid watch: units: "": want those of the Gate: "tokens"`)
	require.EqualError(t, o.Watch(nil), `observe/prometheus: invalid watch: gate: nil *gate.Gate: want a Gate`)
	plain, err := ration.New(memory.New(memory.Config{}), ration.Config{})
	require.NoError(t, err)
	defer plain.Close()
	require.NoError(t, o.Watch(plain.Gate))
	require.ErrorIs(t, o.Watch(plain.Gate), rationprom.ErrInvalid)
}
