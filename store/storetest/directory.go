package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
)

// listing is a case of a directory of keys or plans: a sentence of its contract, and a
// test that shows whether it is kept.
type listing[S any] struct {
	name, says string
	test       func(t *visit, s S)
}

// visit is one run of a case.
type visit struct{ ctx context.Context }

// run holds a directory to its promises, one subtest each.
func run[S any](t *testing.T, promises []listing[S], fresh func(t testing.TB) S) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			if err := p.try(t, fresh(t)); err != nil {
				t.Errorf("broken: %s\n%v", p.says, err)
			}
		})
	}
}

// try tells how s breaks p; nil if it keeps it.
func (p *listing[S]) try(tb testing.TB, s S) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case failure:
			err = r.error
		default:
			panic(r)
		}
	}()
	p.test(&visit{tb.Context()}, s)
	return nil
}

func (v *visit) failf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

func (v *visit) ok(err error) {
	if err != nil {
		v.failf("unexpected error: %v", err)
	}
}

func (v *visit) wants(err, want error) {
	if !errors.Is(err, want) {
		v.failf("error %v: want %v", err, want)
	}
}

func (v *visit) equal(what string, got, want any) {
	if reflect.DeepEqual(got, want) {
		return
	}
	format := "%s: %+v\nwant %+v"
	if fmt.Sprintf("%+v", got) == fmt.Sprintf("%+v", want) { // as nothing and an empty list look
		format = "%s: %#v\nwant %#v"
	}
	v.failf(format, what, got, want)
}

// lists compares record by record; it is all one whether there is an empty list or none.
func lists[T any](v *visit, what string, got, want []T) {
	for i := range min(len(got), len(want)) {
		v.equal(fmt.Sprintf("%s: the record in place %d of %d", what, i, len(want)), got[i], want[i])
	}
	if len(got) != len(want) {
		v.failf("%s: %d records: want %d", what, len(got), len(want))
	}
}

// walk is every record of a listing, and how many pages it took.
func walk[T any](v *visit, page func(cursor string) ([]T, string, error)) (all []T, pages int) {
	for cursor := ""; ; pages++ {
		list, next, err := page(cursor)
		v.ok(err)
		all = append(all, list...)
		if next == "" {
			return all, pages + 1
		}
		if next == cursor || pages > 10_000 {
			v.failf("a listing without end: cursor %q after %d pages", next, pages)
		}
		cursor = next
	}
}

// together runs f in n goroutines and returns the errors.
func (v *visit) together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return errs
}

// oneWins is the rule of versions: of many who change one, exactly one does, and the
// others are told of a conflict. It returns which one.
func (v *visit) oneWins(errs []error, conflict error) (winner int) {
	won := 0
	for i, err := range errs {
		if err != nil {
			v.wants(err, conflict)
			continue
		}
		won++
		winner = i
	}
	if won != 1 {
		v.failf("%d of %d changed one version: want 1", won, len(errs))
	}
	return winner
}

// undisturbed is the rule of listings: what is there throughout is listed once, what is
// removed meanwhile once at most.
func (v *visit) undisturbed(listed, ids []string, removed map[string]bool) {
	seen := map[string]int{}
	for _, id := range listed {
		seen[id]++
	}
	for _, id := range ids {
		if n := seen[id]; n > 1 || n == 0 && !removed[id] {
			v.failf("%s was listed %d times", id, n)
		}
	}
}
