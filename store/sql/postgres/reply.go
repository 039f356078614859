package postgres

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/ration-go/ration/store"
)

// A reply is what ration_take has returned.
type reply struct {
	clock   int64
	closed  map[string]string // where closed subjects have moved
	states  []store.State     // before the batch; then those that follow
	decided []int64
}

// What decided has of a charge.
const (
	refused = iota
	applied
	// 2: a subject is closed
)

func decodeReply(row [][]byte, buckets int) (*reply, error) {
	if len(row) != 4 || len(row[0]) != 8 {
		return nil, fmt.Errorf("%d columns: want a clock, closed subjects, states and decisions", len(row))
	}
	r := &reply{clock: int64(binary.BigEndian.Uint64(row[0]))}
	closed, err := decodeTexts(row[1])
	if err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(closed); i += 2 {
		if r.closed == nil {
			r.closed = map[string]string{}
		}
		r.closed[unescapeText(closed[i])] = unescapeText(closed[i+1])
	}
	held, err := decodeInts(row[2])
	if err != nil {
		return nil, err
	}
	r.states = decodeStates(held, buckets)
	r.decided, err = decodeInts(row[3])
	return r, err
}

// decodeStates makes states of their figures: all first ones, then all second ones, and
// so on.
func decodeStates(held []int64, buckets int) []store.State {
	size := len(held) / 4
	states := make([]store.State, size)
	for i := range states {
		a, b, c, d := held[i], held[size+i], held[2*size+i], held[3*size+i]
		if i < buckets {
			states[i].Bucket = store.Bucket{Tokens: a, Part: b, Last: c, Per: d}
		} else {
			states[i].Window = store.Window{Used: a, Extra: b, Last: c}
		}
	}
	return states
}

// replay decides the charges again, in the order in which the server has decided them,
// and so fills in their answers. The server sends the states before the batch only: to
// send those of each answer would take it longer than to decide.
func (r *reply) replay(q *request, errs []error) error {
	var held, next [store.MaxParts * store.MaxMeters]store.State
	refs := q.refs
	for i, c := range q.asked {
		meters := 0
		for p := range c.Parts {
			for range c.Parts[p].Meters {
				held[meters] = r.states[q.stateOf(refs[meters])]
				meters++
			}
		}
		if moved := r.movedOf(c); moved != nil {
			errs[i] = moved
		} else {
			keep := c.Decide(held[:meters], next[:meters], instant(c), r.clock)
			if c.OK != (r.decided[i] == applied) {
				return fmt.Errorf("ration_take decided %d of a charge and store.Charge.Decide %t: want the same", r.decided[i], c.OK)
			}
			if keep {
				r.keep(q, c, refs, next[:meters])
			}
		}
		refs = refs[meters:]
	}
	return nil
}

// keep keeps the states that c has changed.
func (r *reply) keep(q *request, c *store.Charge, refs []int32, next []store.State) {
	i := 0
	for p := range c.Parts {
		for j := range c.Parts[p].Meters {
			if c.Changes(&c.Parts[p], j) {
				r.states[q.stateOf(refs[i])] = next[i]
			}
			i++
		}
	}
}

// movedOf returns the error of a charge whose subject is closed. It names the first of
// them.
func (r *reply) movedOf(c *store.Charge) error {
	if len(r.closed) == 0 {
		return nil
	}
	for p := range c.Parts {
		if to, ok := r.closed[c.Parts[p].Subject]; ok {
			return &store.MovedError{Subject: strings.Clone(c.Parts[p].Subject), To: to}
		}
	}
	return nil
}
