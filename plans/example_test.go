package plans_test

import (
	"context"
	"fmt"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/plans"
	"github.com/ration-go/ration/store/memory"
)

func Example() {
	ctx := context.Background()
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{}))
	defer r.Close()
	services := plans.Services{Keys: r.Keys, Plans: r.Plans, Groups: r.Groups}

	// A control plane has made the key.
	if _, _, err := r.Keys.Create(ctx, apikey.Key{ID: "crawler", Enabled: true}); err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{`
plans:
  - id: free
    quotas: [1000/day]
links:
  - planId: free
    keyId: crawler
`, `
plans:
  - id: free
    quotas: [2000/day]
  - id: pro
    throttle: 50/s burst 100
links:
  - planId: pro
    keyId: crawler
`, `
plans:
  - id: pro
    throtle: 50/s burst 100
`} {
		file, _ := plans.Parse("plans.yaml", []byte(text)) // Apply returns the error, too
		made, err := plans.Apply(ctx, services, file, plans.Config{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(made)
	}
	// Output:
	// + create plan free
	//     quotas: [1000/day]
	// + create link of key crawler to plan free
	// ~ update plan free
	//     quotas: [1000/day] -> [2000/day]
	// + create plan pro
	//     throttle: 50/s burst 100
	// > move key crawler from plan free to plan pro
	// plans: invalid: 1 fault:
	// plans.yaml:4:5: plans[0].throtle: unknown member: did you mean throttle?
}
