package otel_test

import (
	"context"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/gate"
	rationotel "github.com/ration-go/ration/observe/otel"
	"github.com/ration-go/ration/store/memory"
)

// The span of a request says how the request was decided.
func Example() {
	spans := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("service")
	observer := ration.Must(rationotel.New(rationotel.Config{})) // a Meter adds metrics
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{Gate: gate.Config{Observer: observer}}))
	defer r.Close()

	ration.Must(r.Plan(context.Background(), "small", "unlimited", "1/year"))
	_, secret, err := r.Issue(context.Background(), "small", "worker")
	if err != nil {
		panic(err)
	}
	for range 2 {
		ctx, span := tracer.Start(context.Background(), "GET /pets")
		ration.Must(r.Gate.Admit(ctx, gate.Request{Secret: secret}))
		span.End()
	}
	for _, span := range spans.Ended() {
		fmt.Println(span.Name())
		for _, a := range span.Attributes() {
			fmt.Println(" ", a.Key, a.Value.AsString())
		}
	}
	// Output:
	// GET /pets
	//   ration.reason admitted
	//   ration.plan small
	// GET /pets
	//   ration.reason quota_exceeded
	//   ration.plan small
	//   ration.limit year
	//   ration.payer key
}
