package observe_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/observe"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// A limit is tried before it bites: the soft quota refuses nothing, and the Counts say
// what it would have refused.
func ExampleCounts() {
	ctx := context.Background()
	counts := observe.NewCounts(observe.CountsConfig{})
	g, secret := newExample(counts, quota.MustParse("5/year"), quota.MustParse("3/year soft as trial"))
	defer g.Close()

	for range 7 {
		_, _ = g.Admit(ctx, gate.Request{Secret: secret})
	}
	s := counts.Snapshot()
	for _, d := range s.Decisions {
		fmt.Println(d.Plan, d.Reason, d.Count)
	}
	for _, l := range s.Limits {
		fmt.Printf("%s %s: refused %d, would have refused %d\n", l.Plan, l.Limit, l.Refused, l.WouldRefuse)
	}
	fmt.Printf("%s: refused %d, would have been refused %d\n", s.Keys[0].Name, s.Keys[0].Refused, s.Keys[0].WouldRefuse)
	// Output:
	// pro admitted 5
	// pro quota_exceeded 2
	// pro trial: refused 0, would have refused 2
	// pro year: refused 2, would have refused 0
	// my-client: refused 2, would have been refused 2
}

// The log has a sample of the refusals, beside the counts of all of them.
func ExampleNewLog() {
	ctx := context.Background()
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.TimeKey, "key", "took", "retryAfter", "payer": // other in each run
			return slog.Attr{}
		case slog.LevelKey, "allowed": // for a short line
			return slog.Attr{}
		}
		return a
	}}))
	log := observe.NewLog(logger, observe.LogConfig{PerSecond: 1})
	g, secret := newExample(gate.Observers{log, observe.NewCounts(observe.CountsConfig{})}, quota.MustParse("5/year"))
	defer g.Close()

	for range 50 {
		_, _ = g.Admit(ctx, gate.Request{Secret: secret, Route: "GET /pets"})
	}
	// Output:
	// msg="ration: refused" reason=quota_exceeded plan=pro route="GET /pets" limit=year
}

// newExample returns a Gate with an Observer, and the secret of a key with these quotas.
func newExample(o gate.Observer, quotas ...quota.Quota) (*gate.Gate, apikey.Secret) {
	ctx := context.Background()
	st := memory.New(memory.Config{})
	key, secret, err := must(apikey.NewService(st, apikey.Config{})).Create(ctx, apikey.Key{Name: "my-client", Enabled: true})
	if err != nil {
		panic(err)
	}
	plans := must(usageplan.NewService(st, st, usageplan.Config{}))
	plan := must(plans.Put(ctx, usageplan.Plan{ID: "pro", Quotas: quotas}))
	if err := plans.Link(ctx, plan.ID, key.ID); err != nil {
		panic(err)
	}
	return must(gate.New(st, st, st, gate.Config{Observer: o})), secret
}
