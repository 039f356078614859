package postgres

import (
	"maps"
	"slices"
	"time"

	"github.com/ration-go/ration/store"
)

// A request has the arguments of one call of ration_take. Everything that charges share
// is there once: subjects, states and terms. A term is a state with the figures of a
// meter. The migration describes the function.
type request struct {
	subjects map[string]bool // whether a charge may change it
	states   map[stateKey]int32
	terms    map[term]int32

	buckets []stateKey
	windows []stateKey
	inOrder []term
	asked   []*store.Charge
	refs    []int32 // the terms of all meters, charge by charge
	charges []int64 // the charges as numbers
}

// stateKey identifies a state.
type stateKey struct {
	subject, name string
	start         int64
	window        bool
}

// term is what a charge needs of a meter, beside the units. Equal terms are sent once.
type term struct {
	state     int32 // the index in buckets or in windows, as window says
	window    bool
	soft      bool
	max       int64
	rate      store.Rate // Per is positive, and zero for a window
	span      int64
	ends      int64
	keptUntil int64
}

func newRequest() *request {
	return &request{subjects: map[string]bool{}, states: map[stateKey]int32{}, terms: map[term]int32{}}
}

// add adds a charge.
func (r *request) add(c *store.Charge) {
	at := instant(c)
	for p := range c.Parts {
		part := &c.Parts[p]
		changes := false
		for i := range part.Meters {
			changes = changes || c.Changes(part, i)
			r.refs = append(r.refs, r.termOf(part.Subject, &part.Meters[i], at))
		}
		r.subjects[part.Subject] = changes || r.subjects[part.Subject]
	}
	r.asked = append(r.asked, c)
}

// instant returns the caller's clock in Unix microseconds.
func instant(c *store.Charge) int64 {
	if c.At.IsZero() {
		return time.Now().UnixMicro()
	}
	return c.At.UnixMicro()
}

func (r *request) termOf(subject string, m *store.Meter, at int64) int32 {
	key := stateKey{subject: subject, name: m.Name, start: m.Start, window: m.IsWindow()}
	list := &r.buckets
	if key.window {
		list = &r.windows
	}
	state, known := r.states[key]
	if !known {
		state = int32(len(*list))
		*list = append(*list, key)
		r.states[key] = state
	}
	t := term{state: state, window: key.window, soft: m.Soft, max: m.Max}
	if key.window {
		t.span, t.ends, t.keptUntil = m.SpanAt(at), m.End, m.KeptUntil()
	} else {
		t.rate = store.Rate{Tokens: m.Rate.Tokens, Per: max(m.Rate.Per, 1)}
	}
	index, known := r.terms[t]
	if !known {
		index = int32(len(r.inOrder))
		r.inOrder = append(r.inOrder, t)
		r.terms[t] = index
	}
	return index
}

// stateOf returns the index of a term's state among all states: buckets come first.
func (r *request) stateOf(t int32) int {
	state := int(r.inOrder[t].state)
	if r.inOrder[t].window {
		state += len(r.buckets)
	}
	return state
}

// arguments returns the arguments of ration_take.
func (r *request) arguments() [][]byte {
	locks, reads, indexes := r.order()
	r.writeCharges(indexes)

	columns := make([][]int64, 8)
	for i := range r.inOrder {
		t := &r.inOrder[i]
		soft := int64(0)
		if t.soft {
			soft = 1
		}
		figures := [8]int64{int64(r.stateOf(int32(i))) + 1, t.max, soft, t.rate.Tokens, t.rate.Per, t.span, t.ends, t.keptUntil}
		for c, f := range figures {
			columns[c] = append(columns[c], f)
		}
	}
	args := [][]byte{
		encodeTexts(locks), encodeTexts(reads),
		encodeTexts(column(r.buckets, subjectOf)), encodeTexts(column(r.buckets, nameOf)),
		encodeTexts(column(r.windows, subjectOf)), encodeTexts(column(r.windows, nameOf)),
		encodeInts(column(r.windows, func(k stateKey) int64 { return k.start })),
	}
	for _, c := range columns {
		args = append(args, encodeInts(c))
	}
	return append(args, encodeInts(r.charges), encodeInt4(len(r.asked)))
}

func subjectOf(k stateKey) string { return escapeText(k.subject) }
func nameOf(k stateKey) string    { return escapeText(k.name) }

func column[T any](keys []stateKey, of func(stateKey) T) []T {
	values := make([]T, len(keys))
	for i, k := range keys {
		values[i] = of(k)
	}
	return values
}

// order returns the subjects that charges may change, in the order in which they are
// locked, and the others. Subjects are numbered through both, from 1.
func (r *request) order() (locks, reads []string, indexes map[string]int64) {
	indexes = make(map[string]int64, len(r.subjects))
	names := make(map[string]string, len(r.subjects)) // by the text in the table
	for subject := range r.subjects {
		names[escapeText(subject)] = subject
	}
	for _, text := range slices.Sorted(maps.Keys(names)) {
		if r.subjects[names[text]] {
			locks = append(locks, text)
		} else {
			reads = append(reads, text)
		}
	}
	for i, text := range slices.Concat(locks, reads) {
		indexes[names[text]] = int64(i) + 1
	}
	return locks, reads, indexes
}

// writeCharges writes the charges as numbers.
func (r *request) writeCharges(indexes map[string]int64) {
	refs := r.refs
	for _, c := range r.asked {
		meters := 0
		for p := range c.Parts {
			meters += len(c.Parts[p].Meters)
		}
		r.charges = append(r.charges, int64(c.Op), int64(len(c.Parts)), int64(meters))
		for p := range c.Parts {
			r.charges = append(r.charges, indexes[c.Parts[p].Subject])
		}
		for p := range c.Parts {
			for _, n := range c.Parts[p].N {
				r.charges = append(r.charges, int64(refs[0])+1, n)
				refs = refs[1:]
			}
		}
	}
}
