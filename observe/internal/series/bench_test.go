package series_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/observe/internal/series"
)

// BenchmarkDecided measures what a Recorder adds to a decision.
func BenchmarkDecided(b *testing.B) {
	for _, bench := range []struct {
		name   string
		quotas []string
	}{{"admitted", []string{"1000000/year"}}, {"refused", []string{"1/year"}}, {"would refuse", []string{"1/year soft"}}} {
		told := new(captured)
		s, req := service(b, told, bench.quotas...)
		for range 3 {
			_, err := s.Gate.Admit(b.Context(), req)
			require.NoError(b, err)
		}
		r := series.New(series.Config{Units: s.Gate.Units()})
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Decided(b.Context(), told.decided)
			}
		})
		b.Run(bench.name+" in parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r.Decided(context.Background(), told.decided)
				}
			})
		})
	}
}

// BenchmarkAdmit compares a decision without an Observer, with one that does nothing, and
// with a Recorder.
func BenchmarkAdmit(b *testing.B) {
	for _, bench := range []struct {
		name     string
		observer gate.Observer
	}{{"none", nil}, {"idle", idle{}}, {"series", series.New(series.Config{})}} {
		s, req := service(b, bench.observer, "1000000000/year")
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = s.Gate.Admit(b.Context(), req)
			}
		})
	}
}

type idle struct{}

func (idle) Decided(context.Context, gate.Decided)     {}
func (idle) Corrected(context.Context, gate.Corrected) {}
