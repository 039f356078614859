package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store"
	"github.com/ration-go/ration/usageplan"
)

// panicking is a directory that panics in each update of a key, a plan or a link, and in
// each end of a subscription if stops is set.
type panicking struct {
	base
	stops bool
}

func (s panicking) UpdateKey(context.Context, apikey.Key) error      { panic("update") }
func (s panicking) UpdatePlan(context.Context, usageplan.Plan) error { panic("update") }
func (s panicking) UpdateLink(context.Context, usageplan.Link) error { panic("update") }

func (s panicking) OnChange(changed func(id string)) func() {
	stop := s.base.OnChange(changed)
	return func() {
		if stop(); s.stops {
			panic("stop")
		}
	}
}

// ended runs every case on a directory, and returns the cases in which it panicked. If a
// goroutine of a case let a panic pass, the process would end.
func ended[S any](t *testing.T, cases []directoryCase[S], s func() S) (in []string) {
	for i := range cases {
		synctest.Test(t, func(t *testing.T) {
			if errors.As(cases[i].try(t, s()), new(panicked)) {
				in = append(in, cases[i].name)
			}
		})
	}
	return in
}

// TestDirectoryPanics checks that the panic of a directory is an error of the case, also
// if it comes in another goroutine.
func TestDirectoryPanics(t *testing.T) {
	keys := ended(t, keyCases(), func() apikey.Store { return panicking{newBase(), false} })
	require.Subset(t, keys, []string{"update", "at-once/look-up", "at-once/replaced", "at-once/failed", "at-once/list", "at-once/ctx"})
	plans := ended(t, planCases(), func() usageplan.Store { return panicking{newBase(), false} })
	require.Subset(t, plans, []string{"update", "access/instant", "at-once/look-up", "at-once/list"})
	stops := ended(t, notifyAgain(keyCases()), func() apikey.Store { return panicking{newBase(), true} })
	require.Subset(t, stops, []string{"notify/first", "notify/stop"})
}

// notifyAgain returns the cases of subscriptions.
func notifyAgain[S any](cases []directoryCase[S]) []directoryCase[S] {
	return slices.DeleteFunc(cases, func(p directoryCase[S]) bool { return !strings.HasPrefix(p.name, "notify/") })
}

// panicsLater is a counter that panics instead of returning an error.
type panicsLater struct{ store.Counter }

func (c panicsLater) Take(ctx context.Context, charge *store.Charge) error {
	if err := c.Counter.Take(ctx, charge); err != nil {
		panic(err)
	}
	return nil
}

// TestCounterPanics checks that a panic in one of many callers is an error of the case.
func TestCounterPanics(t *testing.T) {
	h := Harness{Bubble: synctest.Test, New: func(testing.TB) store.Counter {
		return panicsLater{Faulty(newModel(), Fault{Take: 5, Err: errors.New("fifth")})}
	}}
	for _, p := range promises() {
		if strings.HasPrefix(p.name, "race/") && p.needs == nothing {
			h.bubble(t, func(t *testing.T) {
				require.True(t, errors.As(h.try(t, p), new(panicked)), p.name)
			})
		}
	}
}

// TestLongValues checks that a message shows of a long value the part that differs.
func TestLongValues(t *testing.T) {
	long := strings.Repeat("é", 2000)
	for _, c := range []struct{ got, want, message string }{
		{"short", "shorter", `Name is "short", want "shorter"`},
		{long + "a" + long, long + "b" + long, "é" + "a" + "é"},
		{long + "a", long + "b", "b\" (a part of 4003 bytes)"},
		{long, "x", "want \"x\""},
	} {
		v := &visit{ctx: t.Context()}
		err := caught(func() error {
			v.equal("the key", apikey.Key{Name: c.got}, apikey.Key{Name: c.want})
			return nil
		})
		require.ErrorContains(t, err, c.message)
		require.Less(t, len(err.Error()), 600)
	}
}
