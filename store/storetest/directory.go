package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// directoryCase is a case for a directory of keys or plans: a sentence of its contract,
// and a test that checks it.
type directoryCase[S any] struct {
	name, says string
	test       func(t *visit, s S)
}

// visit is one run of a case.
type visit struct{ ctx context.Context }

// run checks a directory against its promises, with one subtest each.
func run[S any](t *testing.T, promises []directoryCase[S], fresh func(t testing.TB) S) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			if err := p.try(t, fresh(t)); err != nil {
				t.Errorf("promise broken: %s\n%v", p.says, err)
			}
		})
	}
}

// try returns how s breaks p, or nil if it keeps p.
func (p *directoryCase[S]) try(tb testing.TB, s S) (err error) {
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
	if sameRecord(got, want) {
		return
	}
	format := "%s: %+v\nwant %+v"
	// nil and an empty list print alike
	if fmt.Sprintf("%+v", got) == fmt.Sprintf("%+v", want) {
		format = "%s: %#v\nwant %#v"
	}
	v.failf(format, what, got, want)
}

// lists compares two lists record by record. It accepts nil for an empty list.
func lists[T any](v *visit, what string, got, want []T) {
	for i := range min(len(got), len(want)) {
		v.equal(fmt.Sprintf("%s: record %d of %d", what, i, len(want)), got[i], want[i])
	}
	if len(got) != len(want) {
		v.failf("%s: %d records: want %d", what, len(got), len(want))
	}
}

// walk returns every record of a listing and the number of its pages.
func walk[T any](v *visit, page func(cursor string) ([]T, string, error)) (all []T, pages int) {
	for cursor := ""; ; pages++ {
		list, next, err := page(cursor)
		v.ok(err)
		all = append(all, list...)
		if next == "" {
			return all, pages + 1
		}
		if next == cursor || pages > 10_000 {
			v.failf("the listing does not end: cursor %q after %d pages", next, pages)
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

// oneWins checks the rule of changes that exclude each other: of many callers, exactly
// one succeeds, and the others get a conflict. It returns the index of the winner.
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
		v.failf("%d of %d callers succeeded at once: want 1", won, len(errs))
	}
	return winner
}

// undisturbed checks the rule of listings: a record that exists throughout is listed
// once, and a record that is removed meanwhile at most once.
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
