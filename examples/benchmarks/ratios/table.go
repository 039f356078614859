package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// exact are the token buckets among the peers. The others count windows, or refill all at once at the end of one.
var exact = map[string]bool{"xtime": true, "throttled": true, "tollbooth": true, "redis_rate": true}

// run is what one process measured.
type run struct {
	machine string
	groups  map[string]group
}

// group is the times of implementations that did the same, in nanoseconds.
type group map[string]float64

var line = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-(\d+))?\s+\d+\s+([\d.]+) ns/op`)

func parse(text string) run {
	r := run{"unknown", map[string]group{}}
	if _, rest, ok := strings.Cut(text, "\ncpu: "); ok {
		r.machine, _, _ = strings.Cut(rest, "\n")
	}
	for _, found := range line.FindAllStringSubmatch(text, -1) {
		impl, rest := split(found[1])
		name := rest + " | " + cmp.Or(found[2], "1")
		if r.groups[name] == nil {
			r.groups[name] = group{}
		}
		r.groups[name][impl], _ = strconv.ParseFloat(found[3], 64) // the expression matches nothing else
	}
	return r
}

// split tells which implementation a benchmark's name is of, and what it did: the value of impl=, or else the first word.
func split(name string) (impl, rest string) {
	words := strings.Split(name, "/")
	for i, word := range words {
		if impl, ok := strings.CutPrefix(word, "impl="); ok {
			return impl, strings.Join(slices.Delete(words, i, i+1), " ")
		}
	}
	return words[0], strings.Join(words[1:], " ")
}

// table prints a row for each group, with the time of ours as a part of that of each other implementation.
func table(w io.Writer, runs []run, ours string) error {
	others := map[string]bool{}
	for _, g := range runs[0].groups {
		for impl := range g {
			others[impl] = true
		}
	}
	if !others[ours] {
		return fmt.Errorf("no benchmark of %q was run", ours)
	}
	delete(others, ours)
	columns := slices.SortedFunc(maps.Keys(others), func(a, b string) int {
		return cmp.Or(strings.Compare(title(a)[:1], title(b)[:1]), strings.Compare(a, b))
	})
	fmt.Fprintf(w, "| what | CPUs | %s, ns | to the fastest exact peer (lowest, highest) |", ours)
	for _, impl := range columns {
		fmt.Fprintf(w, " %s |", title(impl))
	}
	fmt.Fprintf(w, "\n|%s\n", strings.Repeat(" --- |", 4+len(columns)))
	for _, name := range slices.Sorted(maps.Keys(runs[0].groups)) {
		fmt.Fprintf(w, "| %s | %.1f | %s |", name, median(runs, name, func(g group) float64 { return g[ours] }), best(runs, name, ours))
		for _, impl := range columns {
			fmt.Fprintf(w, " %.2f |", median(runs, name, func(g group) float64 { return g[ours] / g[impl] }))
		}
		fmt.Fprintln(w)
	}
	return nil
}

func title(impl string) string {
	if exact[impl] {
		return "beside " + impl
	}
	return "not a token bucket: " + impl
}

// best is ours beside the fastest exact peer of each process.
func best(runs []run, name, ours string) string {
	ratio := func(g group) float64 {
		fastest := 0.0
		for impl, ns := range g {
			if exact[impl] && (fastest == 0 || ns < fastest) {
				fastest = ns
			}
		}
		return g[ours] / fastest
	}
	all := each(runs, name, ratio)
	if len(all) == 0 {
		return "none"
	}
	return fmt.Sprintf("**%.2f** (%.2f, %.2f)", all[len(all)/2], all[0], all[len(all)-1])
}

func median(runs []run, name string, of func(group) float64) float64 {
	all := each(runs, name, of)
	return all[len(all)/2]
}

// each is a figure of every process, in ascending order.
func each(runs []run, name string, of func(group) float64) (all []float64) {
	for _, r := range runs {
		all = append(all, of(r.groups[name]))
	}
	slices.Sort(all)
	return all
}
