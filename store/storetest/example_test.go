package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/storetest"
)

// ExampleFaulty loses the reply of a store. The charge may have happened, so the caller
// must not repeat it.
func ExampleFaulty() {
	lost := errors.New("connection reset")
	counter := storetest.Faulty(storetest.Always(), storetest.Fault{Take: 2, Err: lost, After: true})

	charge := store.Charge{Parts: []store.Part{store.NewPart("customer-42", 1, store.Meter{Name: "rate", Max: 10, Rate: store.Rate{Tokens: 7, Per: 1_000_000}})}}
	for range 3 {
		err := counter.Take(context.Background(), &charge)
		fmt.Println(err, errors.Is(err, store.ErrNotTaken))
	}
	fmt.Println(counter.Takes(), "takes")
	// Output:
	// <nil> false
	// connection reset false
	// <nil> false
	// 3 takes
}

// ExampleNever shows what a client is told when a quota is used up.
func ExampleNever() {
	midnight := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	charge := store.Charge{At: midnight.Add(-90 * time.Second), Parts: []store.Part{store.NewPart("customer-42", 1, store.Meter{Name: "day", Max: 1000, Start: midnight.Add(-24 * time.Hour).Unix(), End: midnight.Unix()})}}
	err := storetest.Never().Take(context.Background(), &charge)
	fmt.Println(err, charge.OK, charge.Parts[0].Levels[0].Remaining(), charge.Parts[0].Levels[0].Wait)
	// Output:
	// <nil> false 0 1m30s
}
