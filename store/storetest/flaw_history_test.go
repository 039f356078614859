package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/history"
)

// flawedHistory is a history whose Append or List has a flaw.
type flawedHistory struct {
	history.Store
	add  func(s history.Store, ctx context.Context, e history.Entry) error
	list func(s history.Store, ctx context.Context, f history.Filter, cursor string, limit int) ([]history.Entry, string, error)
}

func (f *flawedHistory) Append(ctx context.Context, e history.Entry) error {
	if f.add == nil {
		return f.Store.Append(ctx, e)
	}
	return f.add(f.Store, ctx, e)
}

func (f *flawedHistory) List(ctx context.Context, of history.Filter, cursor string, limit int) ([]history.Entry, string, error) {
	if f.list == nil {
		return f.Store.List(ctx, of, cursor, limit)
	}
	return f.list(f.Store, ctx, of, cursor, limit)
}

// filtered returns a List that changes the filter.
func filtered(change func(*history.Filter)) func() history.Store {
	return func() history.Store {
		return &flawedHistory{Store: history.NewMemory(HistoryBounds()), list: func(s history.Store, ctx context.Context, f history.Filter, cursor string, limit int) ([]history.Entry, string, error) {
			change(&f)
			return s.List(ctx, f, cursor, limit)
		}}
	}
}

// addsWith returns an Append that changes the entry.
func addsWith(change func(*history.Entry)) func() history.Store {
	return func() history.Store {
		return &flawedHistory{Store: history.NewMemory(HistoryBounds()), add: func(s history.Store, ctx context.Context, e history.Entry) error {
			change(&e)
			return s.Append(ctx, e)
		}}
	}
}

// listsWith returns a List that changes the page, and may change the next cursor.
func listsWith(change func(page []history.Entry, next *string)) func() history.Store {
	return func() history.Store {
		return &flawedHistory{Store: history.NewMemory(HistoryBounds()), list: func(s history.Store, ctx context.Context, f history.Filter, cursor string, limit int) ([]history.Entry, string, error) {
			page, next, err := s.List(ctx, f, cursor, limit)
			change(page, &next)
			return page, next, err
		}}
	}
}

// TestFlawsOfHistories has a history for each promise that breaks it. The case of the
// promise catches it.
func TestFlawsOfHistories(t *testing.T) {
	caught := map[string]bool{"reopen": true, "peer": true, "memory": true} // the first two need a storage
	for name, flaw := range map[string]struct {
		by   string // the case
		make func() history.Store
	}{
		"has entries of its own": {"empty", func() history.Store {
			m := history.NewMemory(HistoryBounds())
			_ = m.Append(context.Background(), anEntry(0))
			return m
		}},
		"loses the name of the actor": {"entry", addsWith(func(e *history.Entry) { e.Actor.Name = "" })},
		"sets a Before":               {"entry", addsWith(func(e *history.Entry) { e.Before = append([]byte(nil), "{}"...) })},
		"oldest first":                {"pages", listsWith(func(page []history.Entry, _ *string) { slices.Reverse(page) })},
		"one page":                    {"pages", listsWith(func(_ []history.Entry, next *string) { *next = "" })},
		"no Kind":                     {"filter", filtered(func(f *history.Filter) { f.Kind = "" })},
		"no Action":                   {"filter", filtered(func(f *history.Filter) { f.Action = "" })},
		"no Actor":                    {"filter", filtered(func(f *history.Filter) { f.Actor = history.Actor{} })},
		"no ID":                       {"filter", filtered(func(f *history.Filter) { f.ID = "" })},
		"no Since":                    {"filter", filtered(func(f *history.Filter) { f.Since = time.Time{} })},
		"no Before":                   {"filter", filtered(func(f *history.Filter) { f.Before = time.Time{} })},
		"keeps more":                  {"max", func() history.Store { return history.NewMemory(history.Bounds{MaxAge: HistoryBounds().MaxAge}) }},
		"keeps less": {"max", func() history.Store {
			return history.NewMemory(history.Bounds{Max: 19, MaxAge: HistoryBounds().MaxAge})
		}},
		"keeps for ever": {"age", func() history.Store { return history.NewMemory(history.Bounds{Max: HistoryBounds().Max}) }},
		"ignores ctx": {"ctx", func() history.Store {
			return &flawedHistory{Store: history.NewMemory(HistoryBounds()), add: func(s history.Store, _ context.Context, e history.Entry) error {
				return s.Append(context.Background(), e)
			}}
		}},
		"begins anew for a foreign cursor": {"invalid", func() history.Store {
			return &flawedHistory{Store: history.NewMemory(HistoryBounds()), list: func(s history.Store, ctx context.Context, f history.Filter, cursor string, limit int) ([]history.Entry, string, error) {
				page, next, err := s.List(ctx, f, cursor, limit)
				if errors.Is(err, history.ErrInvalid) && limit > 0 {
					return s.List(ctx, f, "", limit)
				}
				return page, next, err
			}}
		}},
		"cuts a long state": {"largest", addsWith(func(e *history.Entry) { e.After = e.After[:min(len(e.After), 4096)] })},
		"numbers pages from the newest entry": {"meanwhile", func() history.Store {
			return &flawedHistory{Store: history.NewMemory(HistoryBounds()), list: historyByOffset}
		}},
		"drops some": {"at once", addsWith(func(e *history.Entry) {
			if e.Action == history.Rotate {
				*e = anEntry(0)
			}
		})},
	} {
		t.Run(name, func(t *testing.T) {
			found := false
			for i := range historyCases {
				if c := &historyCases[i]; c.name == flaw.by {
					found = true
					require.Error(t, c.try(t, flaw.make()))
					require.NoError(t, c.try(t, history.NewMemory(HistoryBounds())))
				}
			}
			require.True(t, found, flaw.by)
		})
		caught[flaw.by] = true
	}
	for _, c := range historyCases {
		require.True(t, caught[c.name], "no flaw breaks the promise %q", c.name)
	}
}

// historyByOffset lists with cursors that count from the newest entry.
func historyByOffset(s history.Store, ctx context.Context, f history.Filter, cursor string, limit int) ([]history.Entry, string, error) {
	all, _, err := s.List(ctx, f, "", 1000)
	if err != nil {
		return nil, "", err
	}
	from := len(cursor)
	end := min(from+min(limit, len(all)), len(all))
	next := ""
	if end < len(all) {
		next = string(slices.Repeat([]byte("x"), end))
	}
	return all[min(from, end):end], next, nil
}
