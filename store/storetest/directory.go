package storetest

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"runtime"
	"sync"
	"testing"
)

// directoryCase is a case for a directory of keys or plans: a sentence of its contract,
// and a test that checks it.
type directoryCase[S any] struct {
	name, says string
	test       func(t *visit, s S)
}

// Directory configures how a suite makes the stores of keys or plans under test. Only New
// is required.
type Directory[S any] struct {
	// New makes a fresh, empty store for one case. It may leave the clean-up to t. Cases run
	// one after the other.
	New func(t testing.TB) S

	// Reopen closes the last store that New made, or that Reopen returned, and opens its
	// storage again, as a restart of the process does. Set it for a store that outlives the
	// process. If nil, the cases that need it are skipped, as with Peer.
	Reopen func(t testing.TB) S

	// Peer opens a second store over the storage of the last store that New made, as a
	// second process does, and leaves the first one open. Set it for a store that several
	// processes share.
	Peer func(t testing.TB) S
}

// visit is one run of a case.
type visit struct {
	ctx      context.Context
	reopen   func() any // Directory.Reopen, or nil
	peer     func() any // Directory.Peer, or nil
	panicked bool       // the store did, in another case
}

// visit returns a run in which the store may be opened again.
func (d *Directory[S]) visit(tb testing.TB) *visit {
	v := &visit{ctx: tb.Context()}
	if d.Reopen != nil {
		v.reopen = func() any { return d.Reopen(tb) }
	}
	if d.Peer != nil {
		v.peer = func() any { return d.Peer(tb) }
	}
	return v
}

// withReopen makes a case of a test that opens its store again.
func withReopen[S any](test func(v *visit, s S, reopen func() S)) func(v *visit, s S) {
	return func(v *visit, s S) {
		if v.reopen == nil {
			v.skip("needs Directory.Reopen")
		}
		test(v, s, func() S { return v.reopen().(S) })
	}
}

// withPeer makes a case of a test with two stores over one storage.
func withPeer[S any](test func(v *visit, here, there S)) func(v *visit, s S) {
	return func(v *visit, s S) {
		if v.peer == nil {
			v.skip("needs Directory.Peer")
		}
		test(v, s, v.peer().(S))
	}
}

// run checks a directory against its promises, with one subtest each.
func run[S any](t *testing.T, promises []directoryCase[S], d Directory[S]) {
	panicked := false
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			v := d.visit(t)
			v.panicked = panicked
			if report(t, p.name, p.says, p.visited(v, func() S { return d.New(t) })) {
				panicked = true
			}
		})
	}
}

// try returns how s breaks p, or nil if it keeps p.
func (p *directoryCase[S]) try(tb testing.TB, s S) error {
	return p.visited(&visit{ctx: tb.Context()}, func() S { return s })
}

func (p *directoryCase[S]) visited(v *visit, fresh func() S) error {
	return caught(func() error {
		p.test(v, fresh())
		return nil
	})
}

// failf ends the case. Its steps are lines of code, so the error names the line.
func (v *visit) failf(format string, args ...any) {
	panic(failure{fmt.Errorf("%s: %w", line(), fmt.Errorf(format, args...))})
}

func (v *visit) skip(why string) { panic(failure{skipped{errors.New(why)}}) }

// line returns the place in the code of the case that is running.
func line() string {
	pc := make([]uintptr, 16)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	for {
		frame, more := frames.Next()
		if file := filepath.Base(frame.File); file != "directory.go" || !more {
			return fmt.Sprintf("storetest/%s:%d", file, frame.Line)
		}
	}
}

func (v *visit) ok(err error) {
	if err != nil {
		v.failf("the call returned the error %q, want none", err)
	}
}

func (v *visit) wants(err, want error) {
	if !errors.Is(err, want) {
		v.failf("the call returned the error %q, want %q", fmt.Sprint(err), want)
	}
}

// equal compares what was read with what was written, field by field.
func (v *visit) equal(what string, got, want any) {
	if sameRecord(got, want) {
		return
	}
	if wrong := differences("", reflect.ValueOf(got), reflect.ValueOf(want)); len(wrong) > 0 {
		v.failf("%s:\n\t%s", what, lines(wrong))
	}
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

// skipAfterPanic skips a case of several goroutines if the store panicked in another
// case. A lock may still be locked, for which the goroutines would wait for ever.
func (v *visit) skipAfterPanic() {
	if v.panicked {
		v.skip("the store panicked in another case")
	}
}

// together runs f in n goroutines and returns the errors.
func (v *visit) together(n int, f func(i int) error) []error {
	v.skipAfterPanic()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = caught(func() error { return f(i) }) })
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
