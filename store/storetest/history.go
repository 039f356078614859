package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ration-go/ration/history"
)

// HistoryBounds returns the bounds of the stores that TestHistory checks.
func HistoryBounds() history.Bounds { return history.Bounds{Max: 20, MaxAge: 48 * time.Hour} }

// TestHistory checks the stores that d makes against every promise of [history.Store],
// with one subtest each. The stores have the bounds of HistoryBounds.
func TestHistory(t *testing.T, d Directory[history.Store]) { run(t, historyCases, d) }

// historyBegan returns the time of the first entry, the same at each call.
var historyBegan = sync.OnceValue(func() time.Time { return time.Now().UTC().Truncate(time.Second) })

// anEntry returns the i-th of many entries, with all fields set.
func anEntry(i int) history.Entry {
	at := historyBegan().Add(time.Duration(i)*time.Minute - time.Hour + 7*time.Microsecond)
	return history.Entry{
		At: at, Actor: history.Actor{Kind: []string{"aws", "page"}[i%2], Name: fmt.Sprintf("é \U0001F511 '%d'", i%3)},
		Action: []string{history.Update, history.Rotate}[i%2], Kind: history.KindLink, ID: fmt.Sprintf("key-%d/plan_%d", i%4, i%5),
		Before: fmt.Appendf(nil, `{"b":%d,"a":"\u003c\u0000\ufffd'é","version":%d}`, i, i), After: fmt.Appendf(nil, `{"a":[],"version":%d}`, i+1),
	}
}

func appendEntries(v *visit, s history.Store, n int) (entries []history.Entry) {
	for i := range n {
		entries = append(entries, anEntry(i))
		v.ok(s.Append(v.ctx, entries[i]))
	}
	return entries
}

// listHistory returns the entries that a filter selects, in pages of some size.
func listHistory(v *visit, s history.Store, f history.Filter, limit int) (all []history.Entry) {
	for cursor, more := "", true; more; more = cursor != "" {
		page, next, err := s.List(v.ctx, f, cursor, limit)
		v.ok(err)
		if len(page) > limit {
			v.failf("a page has %d entries, want at most %d", len(page), limit)
		}
		if next != "" && next == cursor {
			v.failf("the next cursor is the same: %q", next)
		}
		all, cursor = append(all, page...), next
	}
	return all
}

// selection returns the entries that f selects, the last one first.
func selection(entries []history.Entry, f history.Filter) (selected []history.Entry) {
	for _, e := range slices.Backward(entries) {
		if f.Passes(&e) {
			selected = append(selected, e)
		}
	}
	return selected
}

var historyCases = []directoryCase[history.Store]{{
	"entry", "List returns what Append has added, with every field unchanged and the time in UTC.",
	func(v *visit, s history.Store) {
		e := anEntry(1)
		bare := history.Entry{At: e.At, Action: history.Delete, Kind: history.KindKey, ID: "k"}
		local := e
		local.At = e.At.In(time.FixedZone("east", 3600)).Add(999 * time.Nanosecond)
		v.ok(s.Append(v.ctx, local))
		v.ok(s.Append(v.ctx, bare))
		lists(v, "the history", listHistory(v, s, history.Filter{}, 10), []history.Entry{bare, e})
	},
}, {
	"empty", "A new Store lists nothing.",
	func(v *visit, s history.Store) {
		lists(v, "the history", listHistory(v, s, history.Filter{}, 10), nil)
	},
}, {
	"pages", "Pages of any size make the whole list, newest first by the order of Append, whatever the times are.",
	func(v *visit, s history.Store) {
		entries := []history.Entry{}
		for _, i := range []int{3, 1, 4, 0, 2} {
			entries = append(entries, anEntry(i))
			v.ok(s.Append(v.ctx, anEntry(i)))
		}
		for _, limit := range []int{1, 2, 4, 5, 6, 1000, math.MaxInt} {
			lists(v, fmt.Sprintf("the history in pages of %d", limit), listHistory(v, s, history.Filter{}, limit), selection(entries, history.Filter{}))
		}
	},
}, {
	"filter", "A Filter selects by each of its fields, and by several together.",
	func(v *visit, s history.Store) {
		entries := appendEntries(v, s, 12)
		for _, f := range []history.Filter{
			{Kind: history.KindLink}, {Kind: history.KindKey}, {Action: history.Rotate}, {Actor: entries[1].Actor},
			{Actor: history.Actor{Kind: "aws"}}, {ID: "key-1"}, {ID: "plan_2"}, {ID: "key-1/plan_1"}, {ID: "plan-2"}, {ID: "plan%"},
			{ID: "KEY-1"}, {ID: "ey-1"}, {ID: "\x00"}, {ID: "key-1\x00"}, {Kind: "\xff"}, {ID: strings.Repeat("a", 10_000)}, {Since: entries[3].At}, {Before: entries[3].At}, {Since: entries[2].At.Add(time.Microsecond), Before: entries[8].At},
			{ID: "key-1", Action: history.Rotate, Since: entries[5].At},
		} {
			for _, limit := range []int{1, 3, 100} {
				lists(v, fmt.Sprintf("%+v in pages of %d", f, limit), listHistory(v, s, f, limit), selection(entries, f))
			}
		}
	},
}, {
	"max", "The Store keeps the newest entries of Bounds.Max, and lists no others.",
	func(v *visit, s history.Store) {
		entries := appendEntries(v, s, HistoryBounds().Max+7)
		lists(v, "the history", listHistory(v, s, history.Filter{}, 6), selection(entries[7:], history.Filter{}))
	},
}, {
	"age", "An entry that is older than Bounds.MaxAge is not listed.",
	func(v *visit, s history.Store) {
		old, young := anEntry(0), anEntry(1)
		old.At = old.At.Add(-HistoryBounds().MaxAge - time.Hour)
		v.ok(s.Append(v.ctx, young))
		v.ok(s.Append(v.ctx, old))
		v.ok(s.Append(v.ctx, young))
		for _, limit := range []int{1, 10} {
			lists(v, "the history", listHistory(v, s, history.Filter{}, limit), []history.Entry{young, young})
			lists(v, "the link's", listHistory(v, s, history.Filter{ID: "plan_0", Since: old.At}, limit), nil)
		}
	},
}, {
	"meanwhile", "A listing has each entry once, also if others are added or forgotten between two pages.",
	func(v *visit, s history.Store) {
		entries := appendEntries(v, s, HistoryBounds().Max)
		page, cursor, err := s.List(v.ctx, history.Filter{}, "", 5)
		v.ok(err)
		for i := range 10 {
			v.ok(s.Append(v.ctx, anEntry(100+i)))
		}
		rest, next, err := s.List(v.ctx, history.Filter{}, cursor, 100)
		v.ok(err)
		lists(v, "both pages", append(page, rest...), selection(entries[10:], history.Filter{}))
		if next != "" {
			v.failf("the last page has the cursor %q", next)
		}
	},
}, {
	"invalid", "An entry beyond its bounds, a limit below 1 and a foreign cursor wrap ErrInvalid, and nothing is added.",
	func(v *visit, s history.Store) {
		for _, spoil := range []func(*history.Entry){
			func(e *history.Entry) { e.ID = strings.Repeat("a", history.MaxID+1) },
			func(e *history.Entry) { e.At = time.Time{} },
			func(e *history.Entry) { e.Actor.Name = "\xff" },
			func(e *history.Entry) { e.Actor.Kind = "\x00" },
			func(e *history.Entry) { e.Before = json.RawMessage("{") },
			func(e *history.Entry) { e.After = json.RawMessage("\"\xff\"") },
			func(e *history.Entry) { e.After = fmt.Appendf(nil, `"%s"`, strings.Repeat("a", history.MaxState)) },
		} {
			e := anEntry(0)
			spoil(&e)
			v.wants(s.Append(v.ctx, e), history.ErrInvalid)
		}
		for _, limit := range []int{0, -1} {
			_, _, err := s.List(v.ctx, history.Filter{}, "", limit)
			v.wants(err, history.ErrInvalid)
		}
		for _, cursor := range []string{" ", "-", "x y", "1-", "'", "0-0", "99999999999999999999-1", "1-99999999999999999999", "-1", strings.Repeat("9", 100)} {
			_, _, err := s.List(v.ctx, history.Filter{}, cursor, 1)
			v.wants(err, history.ErrInvalid)
		}
		lists(v, "the history", listHistory(v, s, history.Filter{}, 10), nil)
	},
}, {
	"largest", "An entry as large as its bounds allow is kept.",
	func(v *visit, s history.Store) {
		large := func(n int) string { return strings.Repeat("ä", n/2) }
		e := history.Entry{
			At: anEntry(0).At, Actor: history.Actor{Kind: large(history.MaxKind), Name: large(history.MaxName)},
			Action: large(history.MaxKind), Kind: large(history.MaxKind), ID: large(history.MaxID),
			Before: fmt.Appendf(nil, `"%s"`, large(history.MaxState-2)), After: fmt.Appendf(nil, `"%s"`, large(history.MaxState-2)),
		}
		v.ok(s.Append(v.ctx, e))
		lists(v, "the history", listHistory(v, s, history.Filter{ID: e.ID, Actor: e.Actor, Kind: e.Kind, Action: e.Action}, 10), []history.Entry{e})
	},
}, {
	"memory", "The Store shares no memory with its callers.",
	func(v *visit, s history.Store) {
		e := anEntry(0)
		v.ok(s.Append(v.ctx, e))
		want := []history.Entry{anEntry(0)}
		clear(e.Before)
		got := listHistory(v, s, history.Filter{}, 10)
		lists(v, "the history after a change of what was added", got, want)
		clear(got[0].After)
		lists(v, "the history after a change of what was listed", listHistory(v, s, history.Filter{}, 10), want)
	},
}, {
	"ctx", "If ctx is done before a call begins, the call does nothing and its error wraps that of ctx.",
	func(v *visit, s history.Store) {
		ended, cancel := context.WithCancel(v.ctx)
		cancel()
		v.wants(s.Append(ended, anEntry(0)), context.Canceled)
		_, _, err := s.List(ended, history.Filter{}, "", 1)
		v.wants(err, context.Canceled)
		lists(v, "the history", listHistory(v, s, history.Filter{}, 10), nil)
	},
}, {
	"at once", "Concurrent callers lose no entry.",
	func(v *visit, s history.Store) {
		errs := v.together(HistoryBounds().Max, func(i int) error { return s.Append(v.ctx, anEntry(i)) })
		for _, err := range errs {
			v.ok(err)
		}
		got := listHistory(v, s, history.Filter{}, 7)
		slices.SortFunc(got, func(a, b history.Entry) int { return b.At.Compare(a.At) })
		lists(v, "the history by its times", got, selection(appended(len(errs)), history.Filter{}))
	},
}, {
	"reopen", "A Store that is opened again has all entries, and goes on.",
	withReopen(func(v *visit, s history.Store, reopen func() history.Store) {
		entries := appendEntries(v, s, 5)
		_, cursor, err := s.List(v.ctx, history.Filter{}, "", 2)
		v.ok(err)
		again := reopen()
		rest, _, err := again.List(v.ctx, history.Filter{}, cursor, 10)
		v.ok(err)
		lists(v, "the rest", rest, selection(entries[:3], history.Filter{}))
		v.ok(again.Append(v.ctx, anEntry(5)))
		lists(v, "the history", listHistory(v, again, history.Filter{}, 10), selection(append(entries, anEntry(5)), history.Filter{}))
	}),
}, {
	"peer", "Two Stores over one storage have one history.",
	withPeer(func(v *visit, here, there history.Store) {
		entries := appended(4)
		for i, e := range entries {
			v.ok([]history.Store{here, there}[i%2].Append(v.ctx, e))
		}
		lists(v, "the history here", listHistory(v, here, history.Filter{}, 10), selection(entries, history.Filter{}))
		lists(v, "the history there", listHistory(v, there, history.Filter{}, 3), selection(entries, history.Filter{}))
	}),
}}

// appended returns the entries that appendEntries adds.
func appended(n int) (entries []history.Entry) {
	for i := range n {
		entries = append(entries, anEntry(i))
	}
	return entries
}
