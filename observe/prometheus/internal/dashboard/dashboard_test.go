package dashboard

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/alert"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/observe"
	rationprom "github.com/ration-go/ration/observe/prometheus"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/lease"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestDashboard checks that every query of the dashboard parses, and that it names
// metrics and labels that a registry gathers after traffic.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../dashboard.json")
	require.NoError(t, err)
	all, err := queries(text)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(all), 30)
	require.NoError(t, gathered(t).check(text))
}

// TestEveryMetricIsShown checks that the dashboard has a panel for each metric.
func TestEveryMetricIsShown(t *testing.T) {
	text, err := os.ReadFile("../../dashboard.json")
	require.NoError(t, err)
	for name := range gathered(t) {
		if !strings.HasSuffix(name, "_sum") && !strings.HasSuffix(name, "_count") {
			require.Contains(t, string(text), name+"{")
		}
	}
}

// TestFurtherChargesArePlotted checks that the dashboard plots further charges, and does
// not only divide by them.
func TestFurtherChargesArePlotted(t *testing.T) {
	text, err := os.ReadFile("../../dashboard.json")
	require.NoError(t, err)
	all, err := queries(text)
	require.NoError(t, err)
	var plotted []string
	for _, q := range all {
		if strings.HasPrefix(q.expr, "sum by (plan) (rate(ration_further_charges_total{") {
			plotted = append(plotted, q.where)
		}
	}
	require.Equal(t, []string{"panel Further charges"}, plotted)
}

// TestMisspelt checks that each kind of mistake in a dashboard is found.
func TestMisspelt(t *testing.T) {
	text, err := os.ReadFile("../../dashboard.json")
	require.NoError(t, err)
	known := gathered(t)
	for name, test := range map[string]struct{ old, new, want string }{
		"metric":          {"ration_refusals_total", "ration_refusal_total", `panel Refusals by limit: "ration_refusal_total": no such metric`},
		"bucket":          {"ration_store_duration_seconds_bucket", "ration_store_duration_seconds", `panel Store: "ration_store_duration_seconds": no such metric`},
		"label":           {`degraded=\"true\"`, `degrade=\"true\"`, `panel Degraded decisions: ration_decisions_total: no label "degrade"`},
		"grouping":        {"sum by (reason)", "sum by (reasons)", `panel Decisions by reason: ration_decisions_total: grouped by "reasons"`},
		"legend":          {`"{{reason}}"`, `"{{code}}"`, `panel Decisions by reason: legend: "code": no query groups by it`},
		"syntax":          {"max (ration_stale", "max ration_stale", "panel Oldest key in use: 1:5: parse error"},
		"variable":        {`label_values(ration_decisions_total, job)`, `label_values(ration_decision_total, job)`, `variable job: "ration_decision_total": no such metric`},
		"variable, label": {`, plan)`, `, plane)`, `variable plan: ration_decisions_total: no label "plane"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(text), test.old)
			require.ErrorContains(t, known.check([]byte(strings.ReplaceAll(string(text), test.old, test.new))), test.want)
		})
	}
}

// gathered returns the metrics that a registry gathers after all kinds of traffic.
func gathered(t *testing.T) metrics {
	reg := prometheus.NewPedanticRegistry()
	o, err := rationprom.New(rationprom.Config{Registerer: reg})
	require.NoError(t, err)
	st := &listening{Store: memory.New(memory.Config{})}
	s, err := ration.New(st, ration.Config{Gate: gate.Config{Observer: o}, Lease: &lease.Config{}})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, o.Watch(s.Gate))
	o.WatchMemory(func() int { return int(st.Stats().Subjects) })
	o.WatchStore(func() observe.Busy { return observe.Busy{Charges: 0, ReadsWaiting: 0} })
	o.WatchLogins(func() observe.Logins { return observe.Logins{Wrong: 1} })
	o.WatchAlerts(func() alert.Stats { return alert.Stats{Fired: 1} })

	traffic(t, s, st)
	families, err := reg.Gather()
	require.NoError(t, err)
	known := metrics{}
	for _, f := range families {
		var names []string
		for _, l := range f.Metric[0].Label {
			names = append(names, l.GetName())
		}
		if f.Metric[0].Histogram == nil {
			known[f.GetName()] = names
			continue
		}
		known[f.GetName()+"_bucket"] = append(names, "le")
		known[f.GetName()+"_sum"], known[f.GetName()+"_count"] = names, names
	}
	return known
}

// traffic has each metric count something.
func traffic(t *testing.T, s *ration.Ration, st *listening) {
	_, err := s.Plan(t.Context(), "pro", "unlimited", "2/year", "1/year soft as trial")
	require.NoError(t, err)
	_, secret, err := s.Issue(t.Context(), "pro", "worker")
	require.NoError(t, err)
	admit := func(id string) *gate.Decision {
		d, err := s.Gate.Admit(t.Context(), gate.Request{Secret: secret, ID: id})
		require.Equal(t, st.broken, err != nil)
		return &d
	}
	d := admit("one")
	admit("one")
	_, err = s.Gate.Admit(t.Context(), gate.Request{Secret: secret, More: true})
	require.NoError(t, err)
	admit("")
	require.True(t, errors.As(admit("").Err(), new(*gate.LimitError)))
	_, err = s.Gate.Peek(t.Context(), gate.Request{Secret: secret})
	require.NoError(t, err)
	require.NoError(t, s.Gate.Refund(t.Context(), d))
	st.broken = true
	admit("")
	st.broken = false
}

// listening is a store in memory that hears of changes, and that may be broken.
type listening struct {
	*memory.Store
	apart
	broken bool
}

func (s *listening) ListenerState() usageplan.ListenerState {
	return usageplan.ListenerState{Running: true, Since: time.Now(), Heard: time.Now()}
}

func (s *listening) Take(ctx context.Context, c *store.Charge) error {
	if s.broken {
		return store.ErrNotTaken
	}
	return s.Store.Take(ctx, c)
}

// apart hides that a memory.Store has a fast path and is local, since leases are for
// other stores. Of two embedded methods with one name, Go promotes neither.
type apart struct{}

func (apart) TakeList() {}
func (apart) Local()    {}

// These are used by being embedded, which staticcheck does not see.
var _ interface {
	TakeList()
	Local()
} = listening{}.apart

// The fixture would not be a store of keys without these.
var _ interface {
	apikey.Store
	usageplan.Listener
} = (*listening)(nil)
