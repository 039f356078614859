package memory_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/time/rate"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
)

// One Store holds counters, keys and plans.
func Example() {
	st := memory.New(memory.Config{})
	format := apikey.Format{Prefix: "acme"}
	g, err := gate.New(st, st, st, gate.Config{KeyFormat: format})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close()

	keys := must(apikey.NewService(st, apikey.Config{KeyFormat: format}))
	_, secret, _ := keys.Create(context.Background(), apikey.Key{Name: "new", Enabled: true})
	d, _ := g.Admit(context.Background(), gate.Request{Secret: secret})
	fmt.Println(d.Reason)
	// Output: no_plan
}

// A Store with room for two subjects refuses a third. It does not evict the two, because
// what they have used would be lost.
func ExampleConfig() {
	st := memory.New(memory.Config{MaxSubjects: 2})
	perUser, _ := limiter.New(st, limiter.PerMinute(10), limiter.Config{})
	for _, user := range []string{"ann", "bob", "cid"} {
		_, err := perUser.Allow(context.Background(), user)
		fmt.Println(user, err)
	}
	fmt.Printf("%+v\n", st.Stats())
	// Output:
	// ann <nil>
	// bob <nil>
	// cid limiter: store/memory: take: 2 subjects: store: not taken: store: full
	// {Subjects:2 Spent:0 Ended:0 Refused:1}
}

// A Store that is saved before the process ends continues in the next process.
func ExampleStore_Save() {
	path := filepath.Join(os.TempDir(), "ration-example")
	defer os.Remove(path)
	st := memory.New(memory.Config{})
	day, _ := limiter.New(st, limiter.Limit{Burst: 2, Rate: rate.Every(12 * time.Hour)}, limiter.Config{})
	_, _ = day.Allow(context.Background(), "ann")
	if err := st.Save(path); err != nil {
		fmt.Println(err)
	}

	st, err := memory.Load(path, memory.Config{})
	if err != nil {
		fmt.Println(err)
	}
	day, _ = limiter.New(st, limiter.Limit{Burst: 2, Rate: rate.Every(12 * time.Hour)}, limiter.Config{})
	for range 2 {
		r, _ := day.Allow(context.Background(), "ann")
		fmt.Println(r.Allowed)
	}
	// Output:
	// true
	// false
}
