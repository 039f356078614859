package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The exact peers are token buckets, or follow the same rule by another name. The inexact
// peers count windows, or refill all tokens at once.
var (
	exact   = []string{"xtime", "throttled", "tollbooth", "redis_rate"}
	inexact = []string{"go-limiter", "ulule", "httprate"}
)

// run holds what one process measured.
type run struct {
	machine string
	groups  map[string]group
}

// group holds the times of implementations that did the same work, in nanoseconds.
type group map[string]float64

// fastest returns the time of the fastest exact peer. It returns NaN if there is none.
func (g group) fastest() float64 {
	best := math.NaN()
	for _, impl := range exact {
		if ns, ok := g[impl]; ok && !(ns >= best) {
			best = ns
		}
	}
	return best
}

var line = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-(\d+))?\s+\d+\s+([\d.]+) ns/op`)

// parse reads what a process printed. Of several rounds of a benchmark it takes the
// fastest, which other work disturbed least.
func parse(text string) run {
	r := run{"unknown processor", map[string]group{}}
	if _, rest, ok := strings.Cut(text, "\ncpu: "); ok {
		r.machine, _, _ = strings.Cut(rest, "\n")
	}
	for _, found := range line.FindAllStringSubmatch(text, -1) {
		impl, rest := split(found[1])
		name := rest + " | " + cmp.Or(found[2], "1")
		if r.groups[name] == nil {
			r.groups[name] = group{}
		}
		ns, _ := strconv.ParseFloat(found[3], 64) // the expression matched
		if best, ok := r.groups[name][impl]; !ok || ns < best {
			r.groups[name][impl] = ns
		}
	}
	return r
}

// split returns the implementation that a benchmark's name tells, and the rest of the
// name. The implementation is the value of impl=, or else the first word.
func split(name string) (impl, rest string) {
	words := strings.Split(name, "/")
	for i, word := range words {
		if impl, ok := strings.CutPrefix(word, "impl="); ok {
			return impl, strings.Join(slices.Delete(words, i, i+1), " ")
		}
	}
	return words[0], strings.Join(words[1:], " ")
}

// table prints a row for each group that has ours. The row has our time, and its ratio to
// the time of each other implementation.
func table(w io.Writer, runs []run, ours string) error {
	others, rows := map[string]bool{}, []string{}
	for name, g := range runs[0].groups {
		if _, ok := g[ours]; ok {
			rows = append(rows, name)
			for impl := range g {
				others[impl] = true
			}
		}
	}
	if len(rows) == 0 {
		return errors.New("no benchmark of " + ours + " was run")
	}
	delete(others, ours)
	columns := arrange(others)
	fmt.Fprintf(w, "| what | processors | %s, ns | to the fastest exact peer (lowest, highest) |", ours)
	for _, impl := range columns {
		fmt.Fprintf(w, " to %s |", impl)
	}
	fmt.Fprintf(w, "\n|%s\n", strings.Repeat(" --- |", 4+len(columns)))
	slices.Sort(rows)
	for _, name := range rows {
		best := each(runs, name, func(g group) float64 { return g[ours] / g.fastest() })
		fmt.Fprintf(w, "| %s | %.1f | **%s** (%s, %s) |", name, median(each(runs, name, func(g group) float64 { return g[ours] })),
			figure(median(best)), figure(best[0]), figure(best[len(best)-1]))
		for _, impl := range columns {
			fmt.Fprintf(w, " %s |", figure(median(each(runs, name, func(g group) float64 { return g[ours] / g.time(impl) }))))
		}
		fmt.Fprintln(w)
	}
	columns = slices.DeleteFunc(columns, func(impl string) bool { return !slices.Contains(inexact, impl) })
	if len(columns) > 0 {
		fmt.Fprintf(w, "\nNot token buckets: %s.\n", strings.Join(columns, ", "))
	}
	return nil
}

// time returns the time of an implementation. It returns NaN if there is none.
func (g group) time(impl string) float64 {
	if ns, ok := g[impl]; ok {
		return ns
	}
	return math.NaN()
}

// arrange returns the exact peers first, then the inexact peers, then all others.
func arrange(impls map[string]bool) (columns []string) {
	for _, impl := range slices.Concat(exact, inexact, slices.Sorted(maps.Keys(impls))) {
		if impls[impl] && !slices.Contains(columns, impl) {
			columns = append(columns, impl)
		}
	}
	return columns
}

func figure(ratio float64) string {
	if math.IsNaN(ratio) {
		return "none"
	}
	return strconv.FormatFloat(ratio, 'f', 2, 64)
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }

// each returns a figure of every process, in ascending order.
func each(runs []run, name string, of func(group) float64) (all []float64) {
	for _, r := range runs {
		all = append(all, of(r.groups[name]))
	}
	slices.Sort(all)
	return all
}
