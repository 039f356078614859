package storetest

import (
	"errors"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// base is a correct directory for flawed ones to embed.
type base struct{ *memory.Store }

func newBase() base { return base{memory.New(memory.Config{})} }

// These are flaws that keys and plans have in common. Their methods are beside the other
// flaws of each.
type (
	lastWins          struct{ base }
	oldestFirst       struct{ base }
	offsets           struct{ base }
	oneMore           struct{ base }
	ignoresCtx        struct{ base }
	wholeSeconds      struct{ base }
	lenient           struct{ base }
	overwrites        struct{ base }
	merges            struct{ base }
	idempotent        struct{ base }
	rejectsConcurrent struct {
		base
		busy chan struct{}
	}
)

// enter returns false if another caller is inside. Otherwise it stays inside for a
// moment.
func (s rejectsConcurrent) enter() bool {
	select {
	case s.busy <- struct{}{}:
		runtime.Gosched()
		<-s.busy
		return true
	default:
		return false
	}
}

// offset returns a page by its offset in the whole list, which moves when records are
// inserted or deleted.
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

// directoryFlaw is a directory that breaks a promise.
type directoryFlaw[S any] struct {
	name   string
	caught string // the cases that catch the flaw, with ", " between them
	make   func() S
}

// cases returns the names of the cases that catch the flaw.
func (f *directoryFlaw[S]) cases() []string { return strings.Split(f.caught, ", ") }

// TestDirectoryFlaws runs the suites on flawed directories. Every flaw must be caught,
// and every case must catch one. With -v it prints the tables of flaws.
func TestDirectoryFlaws(t *testing.T) {
	t.Run("keys", func(t *testing.T) { tried(t, keyCases(), keyFlaws()) })
	t.Run("plans", func(t *testing.T) { tried(t, planCases(), planFlaws()) })
}

func keyFlaws() []directoryFlaw[apikey.Store] {
	return slices.Concat(storedKeyFlaws, durableKeyFlaws, unfavourableKeyFlaws, keyAtOnceFlaws)
}

func planFlaws() []directoryFlaw[usageplan.Store] {
	return slices.Concat(storedPlanFlaws, accessFlaws, durablePlanFlaws, unfavourablePlanFlaws, planAtOnceFlaws, groupFlaws())
}

func tried[S any](t *testing.T, cases []directoryCase[S], flaws []directoryFlaw[S]) {
	idle := map[string]bool{}
	for _, p := range cases {
		idle[p.name] = true
	}
	var rows table
	for _, f := range flaws {
		names := f.cases()
		t.Run(f.name, func(t *testing.T) {
			for _, name := range names {
				i := slices.IndexFunc(cases, func(p directoryCase[S]) bool { return p.name == name })
				if i < 0 {
					t.Fatalf("no such case: %s", name)
				}
				delete(idle, name)
				var err error
				for try := 0; try < 10 && err == nil; try++ { // a race may not show the flaw at once
					err = f.try(t, &cases[i])
				}
				if err == nil {
					t.Fatalf("not caught by %s: %s", name, cases[i].says)
				}
				t.Logf("%s: %v", name, err)
				if name == names[0] {
					rows.add(f.name, cases[i].says, names)
				}
			}
		})
	}
	for name := range idle {
		t.Errorf("no flaw is caught by %s", name)
	}
	t.Log(rows.String())
}

// try returns how a fresh directory with the flaw breaks p. It returns nil if the flaw is
// not about what p needs.
func (f *directoryFlaw[S]) try(t *testing.T, p *directoryCase[S]) (err error) {
	synctest.Test(t, func(t *testing.T) {
		var s any = f.make()
		v := &visit{ctx: t.Context()}
		if r, ok := s.(interface{ reopen() any }); ok {
			v.reopen = func() any { s = r.reopen(); r = s.(interface{ reopen() any }); return s }
		}
		if r, ok := s.(interface{ peer() any }); ok {
			v.peer = r.peer
		}
		err = p.visited(v, func() S { return s.(S) })
	})
	if errors.As(err, new(skipped)) {
		return nil
	}
	return err
}
