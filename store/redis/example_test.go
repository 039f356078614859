package redis_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/rueidis"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/store/redis"
)

// This process shares its counters with others. A test needs no Redis, because miniredis
// runs the same script.
func Example() {
	// In production, a Redis with appendonly yes and maxmemory-policy noeviction.
	server, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, DisableCache: true})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	counter, err := redis.New(client, redis.Config{Prefix: "shop"})
	if err != nil {
		log.Fatal(err)
	}

	at := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	server.SetTime(at)
	midnight := at.Truncate(24 * time.Hour).Unix()
	charge := store.NewCharge("customer 7", 2,
		store.Meter{Name: "throttle", Max: 100, Rate: store.Rate{Tokens: 50, Per: 1_000_000}},
		store.Meter{Name: "quota/day", Max: 3, Start: midnight, End: midnight + 86400, Keep: 48 * time.Hour},
	)
	charge.At = at
	for range 2 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if err := counter.Take(ctx, charge); err != nil {
			log.Print(err)
		}
		cancel()
		quota := charge.Parts[0].Levels[1]
		fmt.Println(charge.OK, quota.Remaining(), quota.Wait)
	}
	// Output:
	// true 1 0s
	// false 1 12h0m0s
}

// Two processes share keys. While Run is running, one process hears at once what the
// other changes, and so does its Gate.
func ExampleStore_Run() {
	server, err := miniredis.Run()
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr()}, DisableCache: true})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	here, err := redis.New(client, redis.Config{})
	if err != nil {
		log.Fatal(err)
	}
	there, err := redis.New(client, redis.Config{})
	if err != nil {
		log.Fatal(err)
	}

	changes := make(chan string, 10)
	defer here.OnChange(func(id string) { changes <- id })()
	fmt.Printf("%q\n", <-changes) // at once
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- here.Run(ctx) }()
	fmt.Printf("%q\n", <-changes) // subscribed

	keys := must(apikey.NewService(there, apikey.Config{KeyFormat: apikey.Format{Prefix: "acme"}}))
	key, _, err := keys.Create(ctx, apikey.Key{Name: "customer 7", Enabled: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-changes == key.ID)
	cancel()
	fmt.Println(<-ended)
	// Output:
	// ""
	// ""
	// true
	// store/redis: run: context canceled
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
