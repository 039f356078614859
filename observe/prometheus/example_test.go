package prometheus_test

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/gate"
	rationprom "github.com/ration-go/ration/observe/prometheus"
	"github.com/ration-go/ration/store/memory"
)

// A service counts its decisions in a registry. Usually promhttp.HandlerFor serves that.
func Example() {
	ctx := context.Background()
	reg := prometheus.NewRegistry()
	observer := ration.Must(rationprom.New(rationprom.Config{Registerer: reg}))
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{Gate: gate.Config{Observer: observer}}))
	defer r.Close()
	if err := observer.Watch(r.Gate); err != nil {
		panic(err)
	}

	ration.Must(r.Plan(ctx, "small", "unlimited", "2/year"))
	_, secret, err := r.Issue(ctx, "small", "worker")
	if err != nil {
		panic(err)
	}
	for range 3 {
		ration.Must(r.Gate.Admit(ctx, gate.Request{Secret: secret}))
	}

	for _, family := range ration.Must(reg.Gather()) {
		switch family.GetName() {
		case "ration_decisions_total", "ration_refusals_total", "ration_cached_keys":
			for _, m := range family.Metric {
				fmt.Println(family.GetName(), m.GetCounter().GetValue()+m.GetGauge().GetValue())
			}
		}
	}
	// Output:
	// ration_cached_keys 1
	// ration_decisions_total 1
	// ration_decisions_total 2
	// ration_refusals_total 1
}
