package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
)

// listing is a case of a directory of keys or plans: a sentence of its contract, and a test that shows whether it is kept.
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
	if !reflect.DeepEqual(got, want) {
		v.failf("%s: %+v\nwant %+v", what, got, want)
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

// oneWins is the rule of versions: of many who change one, exactly one does, and the others are told of a conflict.
func (v *visit) oneWins(errs []error, conflict error) {
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		default:
			v.wants(err, conflict)
		}
	}
	if won != 1 {
		v.failf("%d of %d changed one version: want 1", won, len(errs))
	}
}
