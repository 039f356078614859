package ration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// TestHistoryOfConcurrentChanges has callers that change one thing at the same time. Each
// change begins with what the one before it has left: the After of a version is the
// Before of the next. So an entry has the change that was made, and not one that lost a
// race.
func TestHistoryOfConcurrentChanges(t *testing.T) {
	t.Parallel()
	const callers, rounds = 6, 4
	for name, update := range map[string]func(ctx context.Context, r *ration.Ration, text string) error{
		"key": func(ctx context.Context, r *ration.Ration, text string) error {
			return second(r.Keys.Update(ctx, "ann", func(k *apikey.Key) error { k.Name = text; return nil }))
		},
		"plan": func(ctx context.Context, r *ration.Ration, text string) error {
			return second(r.Plans.Update(ctx, "free", func(p *usageplan.Plan) error { p.Name = text; return nil }))
		},
		"group": func(ctx context.Context, r *ration.Ration, text string) error {
			return second(r.Groups.Update(ctx, "acme", func(g *usageplan.Group) error { g.Name = text; return nil }))
		},
		"link": func(ctx context.Context, r *ration.Ration, text string) error {
			return second(r.Plans.UpdateLink(ctx, "free", "ann", func(l *usageplan.Link) error {
				perSecond, err := strconv.Atoi(text)
				l.Throttle = &limiter.Limit{Rate: rate.Limit(perSecond), Burst: 1000}
				return err
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, log := sharedRecording(t)
			var wg sync.WaitGroup
			for caller := range callers {
				wg.Go(func() {
					for round := range rounds {
						assert.NoError(t, update(t.Context(), r, fmt.Sprint(1+caller*rounds+round)))
					}
				})
			}
			wg.Wait()
			entries, _, err := log.List(t.Context(), history.Filter{Kind: name, Action: history.Update}, "", 500)
			require.NoError(t, err)
			require.Len(t, entries, callers*rounds)
			slices.SortFunc(entries, func(a, b history.Entry) int { return int(version(t, a.After) - version(t, b.After)) })
			for i, e := range entries {
				require.EqualValues(t, i+1, version(t, e.Before))
				require.EqualValues(t, i+2, version(t, e.After))
				if i > 0 {
					require.JSONEq(t, string(entries[i-1].After), string(e.Before))
				}
			}
		})
	}
}

// sharedRecording returns a Ration with a key, a plan, a link and a group, and its
// history.
func sharedRecording(t *testing.T) (*ration.Ration, *history.History) {
	ctx := t.Context()
	log := ration.Must(history.New(history.NewMemory(history.Bounds{}), history.Config{}))
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{History: log}))
	t.Cleanup(func() { _ = r.Close() })
	ration.Must(r.Plans.Create(ctx, freePlan()))
	ration.Must(r.Groups.Create(ctx, usageplan.Group{ID: "acme"}))
	require.NoError(t, third(r.Keys.Create(ctx, apikey.Key{ID: "ann"})))
	require.NoError(t, r.Plans.Link(ctx, "free", "ann"))
	return r, log
}

func version(t *testing.T, state json.RawMessage) int64 {
	var of struct{ Version int64 }
	require.NoError(t, json.Unmarshal(state, &of))
	return of.Version
}

// TestHistoryOfConcurrentDeletions has callers that delete one thing at the same time.
// One of them succeeds, and only that one is recorded.
func TestHistoryOfConcurrentDeletions(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(ctx context.Context, r *ration.Ration) error{
		"key":   func(ctx context.Context, r *ration.Ration) error { return r.Keys.Delete(ctx, "ann") },
		"plan":  func(ctx context.Context, r *ration.Ration) error { return r.Plans.Delete(ctx, "free") },
		"group": func(ctx context.Context, r *ration.Ration) error { return r.Groups.Delete(ctx, "acme") },
		"link":  func(ctx context.Context, r *ration.Ration) error { return r.Plans.Unlink(ctx, "free", "ann") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, log := sharedRecording(t)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() { _ = remove(t.Context(), r) })
			}
			wg.Wait()
			entries, _, err := log.List(t.Context(), history.Filter{Kind: name}, "", 0)
			require.NoError(t, err)
			require.Len(t, entries, 2)
			require.Equal(t, history.Entry{}.After, entries[0].After)
			require.JSONEq(t, string(entries[1].After), string(entries[0].Before), "what was created was deleted")
		})
	}
}
