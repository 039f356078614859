package otel_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/observe"
	rationotel "github.com/ration-go/ration/observe/otel"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// service is a service over a store in memory, and a key under the plan "pro".
type service struct {
	*ration.Ration
	t        testing.TB
	observer *rationotel.Observer
	req      gate.Request
}

func newService(t testing.TB, cfg rationotel.Config, quotas ...string) *service {
	cfg.Units = usageplan.Units{{Name: "tokens"}}
	o, err := rationotel.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, o.Close()) })
	r, err := ration.New(memory.New(memory.Config{}), ration.Config{Units: cfg.Units, Gate: gate.Config{Observer: o}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	require.NoError(t, o.Watch(r.Gate))
	_, err = r.Plan(t.Context(), "pro", "unlimited", quotas...)
	require.NoError(t, err)
	_, secret, err := r.Issue(t.Context(), "pro", "worker")
	require.NoError(t, err)
	return &service{r, t, o, gate.Request{Secret: secret, Costs: usageplan.Costs{10}}}
}

func (s *service) admit(ctx context.Context) *gate.Decision {
	s.t.Helper()
	d, err := s.Gate.Admit(ctx, s.req)
	require.NoError(s.t, err)
	return &d
}

// collect returns what a reader reads: "name attributes" and the value or the count.
func collect(t testing.TB, reader *sdkmetric.ManualReader) map[string]float64 {
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &all))
	values := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[float64]:
				require.True(t, data.IsMonotonic, m.Name)
				for _, p := range data.DataPoints {
					values[m.Name+attributes(p.Attributes)] = p.Value
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					values[m.Name+attributes(p.Attributes)] = p.Value
				}
			case metricdata.Histogram[float64]:
				require.Equal(t, "s", m.Unit)
				for _, p := range data.DataPoints {
					require.Len(t, p.Bounds, 22)
					values[m.Name+attributes(p.Attributes)] = float64(p.Count)
				}
			default:
				t.Fatalf("%s: %T", m.Name, data)
			}
		}
	}
	return values
}

func attributes(set attribute.Set) (text string) {
	for _, kv := range set.ToSlice() {
		text += fmt.Sprintf(" %s=%s", kv.Key, kv.Value.String())
	}
	return text
}

// TestMetrics compares what a reader collects with what a client has done.
func TestMetrics(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("ration")
	s := newService(t, rationotel.Config{Meter: meter}, "3/year", "2/year soft as trial")
	for range 4 {
		s.admit(t.Context())
	}
	s.req.Costs = usageplan.Costs{}
	_, err := s.Gate.Peek(t.Context(), s.req)
	require.NoError(t, err)
	s.observer.WatchMemory(func() int { return 1 })
	s.observer.WatchStore(func() observe.Busy { return observe.Busy{Charges: 2, ReadsWaiting: 3} })

	values := collect(t, reader)
	for name, want := range map[string]float64{
		"ration.decisions allowed=true degraded=false plan=pro reason=admitted":             3,
		"ration.decisions allowed=false degraded=false plan=pro reason=quota_exceeded":      1,
		"ration.peeks plan=pro reason=quota_exceeded":                                       1,
		"ration.refusals limit=year payer=key plan=pro reason=quota_exceeded unit=requests": 1,
		"ration.would_refuse limit=trial payer=key plan=pro unit=requests":                  1,
		"ration.units.charged plan=pro unit=tokens":                                         30,
		"ration.decision.duration cached=false":                                             1,
		"ration.cached_keys":                                                                1,
		"ration.store.outage store=counter":                                                 0,
		"ration.memory.subjects":                                                            1,
		"ration.store.calls_in_flight kind=charge":                                          2,
		"ration.store.calls_waiting kind=read":                                              3,
	} {
		got, ok := values[name]
		require.True(t, ok, "%s: %v", name, values)
		require.InDelta(t, want, got, 0, name)
	}

	require.NoError(t, s.observer.Close())
	require.NotContains(t, collect(t, reader), "ration.cached_keys")
}

// TestSpans checks which attributes the span of a request gets.
func TestSpans(t *testing.T) {
	for name, test := range map[string]struct {
		quota  string
		before int
		secret string
		peek   bool
		more   bool // the request is More, after one that was refused
		off    bool
		want   string
	}{
		"admitted": {quota: "3/year", want: " ration.plan=pro ration.reason=admitted"},
		"refused":  {quota: "3/year", before: 3, want: " ration.limit=year ration.payer=key ration.plan=pro ration.reason=quota_exceeded"},
		"unknown":  {quota: "3/year", secret: "unknown", want: " ration.reason=unknown"},
		"peeked":   {quota: "3/year", peek: true},
		"off":      {quota: "3/year", off: true},
		"more":     {quota: "1/year", before: 1, more: true, want: " ration.limit=year ration.payer=key ration.plan=pro ration.reason=quota_exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			spans := tracetest.NewSpanRecorder()
			tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")
			s := newService(t, rationotel.Config{NoSpans: test.off}, test.quota)
			for range test.before {
				s.admit(t.Context())
			}
			if test.secret != "" {
				s.req.Secret = "unknown"
			}
			ctx, span := tracer.Start(t.Context(), "GET /")
			if test.peek {
				_, err := s.Gate.Peek(ctx, s.req)
				require.NoError(t, err)
			} else {
				s.admit(ctx)
			}
			if test.more {
				s.req.More = true
				s.admit(ctx)
			}
			span.End()
			require.Len(t, spans.Ended(), 1, "no spans of its own")
			require.Equal(t, test.want, attributes(attribute.NewSet(spans.Ended()[0].Attributes()...)))
		})
	}
}

// TestNoSpan checks that an Observer without metrics allocates nothing if a context has
// no span that is recorded.
func TestNoSpan(t *testing.T) {
	o, err := rationotel.New(rationotel.Config{})
	require.NoError(t, err)
	ctx := trace.ContextWithSpanContext(t.Context(), trace.SpanContext{})
	d := gate.Decided{Outcome: gate.Outcome{Plan: &usageplan.Plan{ID: "pro"}, Reason: gate.Admitted, Allowed: true}}
	o.Decided(ctx, d)
	require.Zero(t, testing.AllocsPerRun(100, func() { o.Decided(ctx, d) }))
}

// TestConfig checks that New reports every fault at once, and Watch a Gate of other
// units.
func TestConfig(t *testing.T) {
	var none *nilMeter
	_, err := rationotel.New(rationotel.Config{Units: usageplan.Units{{}}, MaxSeries: -1, Meter: none})
	require.ErrorIs(t, err, rationotel.ErrInvalid)
	for _, want := range []string{"units[0].name: ", "\nmaxSeries: -1: want 0 or more", "\nmeter: nil *otel_test.nilMeter: want a Meter, or none"} {
		require.ErrorContains(t, err, want)
	}
	o, err := rationotel.New(rationotel.Config{})
	require.NoError(t, err)
	require.ErrorIs(t, o.Watch(newService(t, rationotel.Config{}).Gate), rationotel.ErrInvalid)
	require.ErrorIs(t, o.Watch(nil), rationotel.ErrInvalid)
}

type nilMeter struct{ metric.Meter }
