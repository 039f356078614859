package otel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/ration-go/ration/gate"
	rationotel "github.com/ration-go/ration/observe/otel"
	"github.com/ration-go/ration/usageplan"
)

// BenchmarkDecided measures what an Observer adds to an admitted decision: one that is
// not timed, as 63 in 64 of local ones, and one that is.
func BenchmarkDecided(b *testing.B) {
	o, err := rationotel.New(rationotel.Config{Meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())).Meter("ration")})
	require.NoError(b, err)
	d := gate.Decided{
		Outcome: gate.Outcome{Plan: &usageplan.Plan{ID: "professional"}, Reason: gate.Admitted, Allowed: true, Charged: true},
		Cached:  true,
	}
	for name, timed := range map[string]bool{"untimed": false, "timed": true} {
		d.Timed, d.Took, d.CounterTook = timed, 500, 300
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				o.Decided(b.Context(), d)
			}
		})
	}
}
