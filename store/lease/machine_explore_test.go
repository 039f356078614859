package lease_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/longtest"
)

// bounds keep an exploration finite.
type bounds struct {
	processes int
	block     int16 // the most units of one call
	windows   int16
	extended  int16 // SetRemaining is tried while at most so many units are used
	doubting  int   // the processes that ask for settlements whose answers were lost
}

// explorer visits every machine that can be reached, those with the fewest steps first.
type explorer struct {
	rules  rules
	bounds bounds
	from   map[machine]arrival
	queue  []machine
	steps  int
}

// An arrival says how a machine was reached.
type arrival struct {
	before machine
	step   step
	depth  int
}

// explore returns the first machine that breaks a promise, as an error with the steps
// that lead to it.
func (e *explorer) explore() error {
	start := machine{}
	e.from, e.queue = map[machine]arrival{start: {}}, []machine{start}
	for len(e.queue) > 0 {
		m := e.queue[0]
		e.queue = e.queue[1:]
		if err := e.visit(m); err != nil {
			return fmt.Errorf("%w\n%s", err, e.path(m))
		}
	}
	return nil
}

// visit checks m, and queues the machines that follow it.
func (e *explorer) visit(m machine) error {
	if err := e.rules.fault(m); err != nil {
		return err
	}
	if err := e.rules.usedUp(m, e.bounds.processes); err != nil {
		return err
	}
	for s := range e.bounds.steps {
		if s.action == endsWindow && m.window+1 >= e.bounds.windows || s.action == extends && m.used > e.bounds.extended {
			continue
		}
		next, err := e.rules.next(m, s)
		if errors.Is(err, errDisabled) {
			continue
		}
		e.steps++
		if _, known := e.from[next]; !known {
			e.from[next] = arrival{m, s, e.from[m].depth + 1}
			e.queue = append(e.queue, next)
		}
	}
	return nil
}

// steps yields every step that the bounds allow.
func (b bounds) steps(yield func(step) bool) {
	for _, a := range []action{changesPlan, endsWindow} {
		if !yield(step{action: a}) {
			return
		}
	}
	for n := range b.extended {
		if !yield(step{extends, 0, n}) {
			return
		}
	}
	for p := range b.processes {
		for a := asks; a < changesPlan; a++ {
			if a == doubts && p >= b.doubting {
				continue
			}
			units := int16(1)
			if a == asks || a == givesBack || a == expires {
				units = b.block
			}
			for n := int16(1); n <= units; n++ {
				if !yield(step{a, p, n}) {
					return
				}
			}
		}
	}
}

// path returns the steps that lead to m.
func (e *explorer) path(m machine) string {
	var steps []string
	for at := e.from[m]; at.depth > 0; at = e.from[at.before] {
		steps = append([]string{at.step.String()}, steps...)
	}
	return strings.Join(steps, "\n")
}

// usedUp checks that the quota can be used up entirely from m on, apart from what is
// lost: every process gives back what it holds, and one of them spends what remains.
func (r *rules) usedUp(m machine, processes int) error {
	end := m
	for p := range processes {
		end = r.settle(end, p)
	}
	lost := end.lost
	for range r.greatest(m) {
		for _, a := range []action{asks, applies, answers, spends} {
			end = r.try(end, step{a, 0, 1})
		}
	}
	if want := max(m.spent, r.limit(m, m.plan)-lost); end.spent < want {
		return fmt.Errorf("%d spent when all processes have given back, %d lost: want %d", end.spent, lost, want)
	}
	return nil
}

// settle has a process end its call, hear of the plan, and give back what it holds.
func (r *rules) settle(m machine, p int) machine {
	for _, a := range []action{connects, answers, fails, asksAgain, hears} {
		m = r.try(m, step{a, p, 1})
	}
	m = r.try(m, step{expires, p, m.processes[p].out})
	m = r.try(m, step{givesBack, p, m.processes[p].kept})
	for _, a := range []action{applies, answers} {
		m = r.try(m, step{a, p, 1})
	}
	return m
}

// try makes a step if the rules allow it.
func (r *rules) try(m machine, s step) machine {
	if next, err := r.next(m, s); err == nil {
		return next
	}
	return m
}

// TestMachine explores every order in which processes lease, spend, give back, expire,
// crash, hear of another plan, and lose the store. In each state that can be reached, the
// units spent and outstanding are at most the limit, they are what the store counts, and
// the quota can still be used up.
func TestMachine(t *testing.T) {
	t.Parallel()
	tests := map[string]explorer{
		"one process, blocks of two":       {rules: rules{limits: []int16{4, 2}}, bounds: bounds{1, 2, 2, 0, 0}},
		"one process, answers are lost":    {rules: rules{limits: []int16{2, 1}}, bounds: bounds{1, 1, 2, 0, 1}},
		"two processes, answers are lost":  {rules: rules{limits: []int16{1}}, bounds: bounds{2, 1, 1, 0, 1}},
		"two processes, a plan that grows": {rules: rules{limits: []int16{2, 3}}, bounds: bounds{2, 1, 1, 0, 0}},
		"two processes, an extension":      {rules: rules{limits: []int16{1}}, bounds: bounds{2, 1, 1, 2, 0}},
		"three processes":                  {rules: rules{limits: []int16{2}}, bounds: bounds{3, 1, 1, 0, 0}},
	}
	if !testing.Short() {
		tests["two processes, a plan that shrinks"] = explorer{rules: rules{limits: []int16{2, 1}}, bounds: bounds{2, 1, 2, 0, 0}}
	}
	if longtest.Enabled() {
		tests["two processes, blocks of two"] = explorer{rules: rules{limits: []int16{3, 2}}, bounds: bounds{2, 2, 1, 0, 0}}
	}
	if os.Getenv(manyRounds) != "" {
		tests["three processes, a plan that shrinks"] = explorer{rules: rules{limits: []int16{2, 1}}, bounds: bounds{3, 1, 1, 0, 0}}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, test.explore())
			t.Logf("%d states, %d steps", len(test.from), test.steps)
			require.Greater(t, len(test.from), 1000)
		})
	}
}

// TestMachineCatches breaks one rule of the machine at a time. The exploration finds each
// flaw, and logs the shortest history that shows it.
func TestMachineCatches(t *testing.T) {
	t.Parallel()
	for _, flaw := range flaws {
		t.Run(string(flaw), func(t *testing.T) {
			e := explorer{rules: rules{limits: []int16{2, 1}, flaw: flaw}, bounds: bounds{2, 1, 2, 0, 1}}
			err := e.explore()
			require.Error(t, err)
			assert.NotEmpty(t, e.from)
			t.Log(strings.ReplaceAll(err.Error(), "\n", "; "))
		})
	}
}
