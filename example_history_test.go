package ration_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// An audit log of all changes, in a store and as lines of a log. The page
// docs/history.md says more.
func Example_history() {
	plain := slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: short})
	kept := ration.Must(history.New(history.NewMemory(history.Bounds{}), history.Config{}))
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{
		History: history.Recorders{history.NewLog(slog.New(plain)), kept},
	}))

	alice := history.WithActor(ctx, history.Actor{Kind: history.ActorPage, Name: "alice"})
	ration.Must(r.Plans.Put(alice, ration.Must(usageplan.Parse("free", "5/s burst 10", "1000/day"))))
	_, _, err := r.Keys.Create(alice, apikey.Key{ID: "crawler", Name: "Crawler"})
	err = errors.Join(err, r.Plans.Link(alice, "free", "crawler"))

	billing := history.WithActor(ctx, history.Actor{Kind: history.ActorService, Name: "billing"})
	ration.Must(r.Plan(billing, "free", "5/s burst 10", "2000/day"))
	err = errors.Join(err, r.Gate.SetRemaining(billing, "free", "crawler", "day", 500))

	entries, _, listErr := kept.List(ctx, history.Filter{ID: "free", Since: time.Now().AddDate(0, -1, 0)}, "", 3)
	for _, e := range entries {
		fmt.Println(e.Actor, e.Action, e.Kind, e.ID)
		if e.Action == history.Update {
			fmt.Println(" ", e.Diff())
		}
	}
	fmt.Println(errors.Join(err, listErr))
	// Output:
	// actor="page alice" action=create kind=plan id=free
	// actor="page alice" action=create kind=key id=crawler
	// actor="page alice" action=link kind=link id=crawler/free
	// actor="service billing" action=update kind=plan id=free
	// actor="service billing" action=extend kind=allowance id=crawler/free/day
	// service billing extend allowance crawler/free/day
	// service billing update plan free
	//   [quotas: ["1000/day"] -> ["2000/day"]]
	// page alice link link crawler/free
	// <nil>
}

// short drops the time, the level and the message of a log line, and what is in groups:
// the fields before and after the change.
func short(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 || a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey {
		return slog.Attr{}
	}
	return a
}
