package storetest

import (
	"runtime"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/ration-go/ration/store/memory"
)

// base is a directory that is right, for flawed ones to embed.
type base struct{ *memory.Store }

func newBase() base { return base{memory.New(memory.Config{})} }

// Flaws that keys and plans have in common; the methods are where the other flaws of each
// are.
type (
	lastWins     struct{ base }
	oldestFirst  struct{ base }
	offsets      struct{ base }
	oneMore      struct{ base }
	deaf         struct{ base }
	wholeSeconds struct{ base }
	lenient      struct{ base }
	overwrites   struct{ base }
	merges       struct{ base }
	idempotent   struct{ base }
	alone        struct {
		base
		busy chan struct{}
	}
)

// enter is false if somebody else is in. It stays for a moment.
func (s alone) enter() bool {
	select {
	case s.busy <- struct{}{}:
		runtime.Gosched()
		<-s.busy
		return true
	default:
		return false
	}
}

// offset is a page by its place in the whole, which moves when records come and go.
func offset[T any](all []T, cursor string, limit int, bad error) ([]T, string, error) {
	at := 0
	if cursor != "" {
		var err error
		if at, err = strconv.Atoi(cursor); err != nil || at < 0 {
			return nil, "", bad
		}
	}
	at = min(at, len(all))
	end := min(at+limit, len(all))
	next := strconv.Itoa(end)
	if end == len(all) {
		next = ""
	}
	return all[at:end], next, nil
}

// wrong is a directory that breaks a promise, and the case that is for it.
type wrong[S any] struct {
	name, caught string
	make         func() S
}

// TestDirectoryFlaws tries the suites on directories that are wrong: every flaw must be
// caught, and every case must catch one.
func TestDirectoryFlaws(t *testing.T) {
	t.Run("keys", func(t *testing.T) { tried(t, keyCases(), keyFlaws) })
	t.Run("plans", func(t *testing.T) { tried(t, planCases(), slices.Concat(planFlaws, accessFlaws)) })
}

func tried[S any](t *testing.T, cases []listing[S], flaws []wrong[S]) {
	idle := map[string]bool{}
	for _, p := range cases {
		idle[p.name] = true
	}
	for _, f := range flaws {
		delete(idle, f.caught)
		t.Run(f.name, func(t *testing.T) {
			i := slices.IndexFunc(cases, func(p listing[S]) bool { return p.name == f.caught })
			if i < 0 {
				t.Fatalf("no such case: %s", f.caught)
			}
			var err error
			for try := 0; try < 10 && err == nil; try++ { // a race can end well
				synctest.Test(t, func(t *testing.T) { err = cases[i].try(t, f.make()) })
			}
			if err == nil {
				t.Fatalf("not caught by %s: %s", f.caught, cases[i].says)
			}
			t.Log(err)
		})
	}
	for name := range idle {
		t.Errorf("no flaw is caught by %s", name)
	}
}
