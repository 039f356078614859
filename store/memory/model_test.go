package memory

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/store"
)

// A model is what a Store must be: every state by subject, name and start, and
// Charge.Decide. It never evicts.
type model struct {
	states map[string]map[string]store.State // by subject; by name and start
	moved  map[string]string
}

func newModel() *model {
	return &model{map[string]map[string]store.State{}, map[string]string{}}
}

func meterKey(m *store.Meter) string { return fmt.Sprint(m.IsWindow(), m.Start, m.Name) }

// take decides c. It returns a MovedError if a subject is closed.
func (md *model) take(c *store.Charge) error {
	if c.Op == store.Move {
		return md.move(c)
	}
	var held []store.State
	for i := range c.Parts {
		p := &c.Parts[i]
		if to, ok := md.moved[p.Subject]; ok {
			return &store.MovedError{Subject: p.Subject, To: to}
		}
		for j := range p.Meters {
			held = append(held, md.states[p.Subject][meterKey(&p.Meters[j])])
		}
	}
	next := make([]store.State, len(held))
	if !c.Decide(held, next, c.At.UnixMicro(), c.At.UnixMicro()) {
		return nil
	}
	for i := range c.Parts {
		p := &c.Parts[i]
		for j := range p.Meters {
			if c.Changes(p, j) {
				if md.states[p.Subject] == nil {
					md.states[p.Subject] = map[string]store.State{}
				}
				md.states[p.Subject][meterKey(&p.Meters[j])] = next[j]
			}
		}
		next = next[len(p.Meters):]
	}
	return nil
}

func (md *model) move(c *store.Charge) error {
	c.OK = false
	from, to := c.Parts[0].Subject, c.Parts[1].Subject
	if at, ok := md.moved[from]; ok {
		if c.OK = at == to; c.OK {
			return nil
		}
		return &store.MovedError{Subject: from, To: at}
	}
	if md.states[to] != nil {
		return store.ErrInvalid
	}
	delete(md.moved, to)
	if md.states[from] != nil {
		md.states[to] = md.states[from]
		delete(md.states, from)
	}
	md.moved[from], c.OK = to, true
	return nil
}

// A history makes random charges of a few subjects.
type history struct {
	*rand.Rand
	at     time.Time
	window time.Duration       // of the windows; a long one never ends here
	places map[string][]uint64 // that a Take ever returned
}

var historySubjects = []string{
	"acme", "acme>search", "acme>key", "acme>" + strings.Repeat("long", 20), "account",
	"stage", strings.Repeat("other", 20), "acme>", "single", "x>y>z",
	manyNames,
}

// manyNames has more meters than a layout has fields and cells, a few at a time.
const manyNames = "acme>teamkey"

// charge returns a charge of one to six parts.
func (h *history) charge() *store.Charge {
	c := &store.Charge{At: h.at}
	subjects := h.Perm(len(historySubjects))
	switch h.IntN(40) {
	case 0:
		c.Op = store.Move
		c.Parts = []store.Part{{Subject: historySubjects[subjects[0]]}, {Subject: historySubjects[subjects[1]]}}
		return c
	case 1, 2:
		c.Op = store.SetRemaining
	}
	for _, i := range subjects[:1+h.IntN(store.MaxParts)] {
		c.Parts = append(c.Parts, h.part(historySubjects[i]))
	}
	return c
}

// part returns a part of a subject with some of its meters. Most charges of a subject
// name the same meters.
func (h *history) part(subject string) store.Part {
	meters := h.meters(len(subject))
	if h.IntN(4) == 0 {
		h.Shuffle(len(meters), func(i, j int) { meters[i], meters[j] = meters[j], meters[i] })
		meters = meters[:h.IntN(len(meters)+1)]
	}
	p := store.NewPart(subject, 1, meters...)
	for i := range p.N {
		switch h.IntN(16) {
		case 0:
			p.N[i] = -h.Int64N(4)
		case 1:
			p.N[i] = 0
		case 2:
			p.N[i] = h.Int64N(20)
		}
		p.Meters[i].Soft = h.IntN(4) == 0 && !p.Meters[i].Rare
	}
	if h.IntN(8) == 0 {
		p.Levels = nil
	}
	p.Place = h.place(subject)
	return p
}

// place returns the place that a subject had last, or one that it had before, or that of
// another subject, or none, or any number.
func (h *history) place(subject string) uint64 {
	switch h.IntN(10) {
	case 0:
		subject = historySubjects[h.IntN(len(historySubjects))]
	case 1:
		return 0
	case 2:
		return h.Uint64() >> h.IntN(64)
	}
	ps := h.places[subject]
	if len(ps) == 0 {
		return 0
	}
	if h.IntN(4) == 0 {
		return ps[h.IntN(len(ps))]
	}
	return ps[len(ps)-1]
}

// meters returns the meters of the kind-th subject: from a few that fit the cells of an
// account to more than any layout has.
func (h *history) meters(kind int) (meters []store.Meter) {
	length := int64(h.window / time.Second)
	start, first := h.at.Unix()/length*length, 0
	if kind == len(manyNames) {
		first = 10 * h.IntN(3)
	}
	for i := range 1 + kind%5 {
		b := store.Meter{Name: fmt.Sprint("rate", first+i), Max: 10 + int64(i), Rate: store.Rate{Tokens: 3, Per: 40_000_000}}
		if h.IntN(50) == 0 {
			b.Max = 7
		}
		meters = append(meters, b)
	}
	for i := range kind % 8 {
		w := store.Meter{Name: fmt.Sprint("window", first+i), Max: 20, Start: start, End: start + length, Keep: 1000 * time.Hour}
		if h.window == time.Hour && h.IntN(20) == 0 { // a late refund, or a slow clock
			w.Start, w.End = start-length, start
		}
		meters = append(meters, w)
	}
	if kind%2 == 0 {
		meters = append(meters, store.Meter{Name: fmt.Sprint("id", h.IntN(3)), Max: 1, Rate: store.Rate{Tokens: 1, Per: 60_000_000}, Rare: true})
	}
	return meters
}

// keep keeps the places that a Store wrote.
func (h *history) keep(c *store.Charge) {
	for _, p := range c.Parts {
		if p.Place != 0 {
			h.places[p.Subject] = append(h.places[p.Subject], p.Place)
		}
	}
}

// clone returns a charge with its own parts, levels and places.
func clone(c *store.Charge) *store.Charge {
	other := *c
	other.Parts = slices.Clone(c.Parts)
	for i := range other.Parts {
		other.Parts[i].Levels = slices.Clone(c.Parts[i].Levels)
	}
	return &other
}

// TestHistories plays random charges on a Store and on a model, in a Store with much room
// and in one with little, and in one that is saved and loaded now and then.
func TestHistories(t *testing.T) {
	past := time.Date(2001, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		cfg    Config
		start  time.Time
		window time.Duration
		reload int // charges between two reloads
	}{
		"much room":   {Config{}, past, time.Hour, 0},
		"little room": {Config{MaxSubjects: 6}, past, 1 << 20 * time.Second * 100, 0},
		"reloaded":    {Config{}, time.Now().Truncate(time.Microsecond), time.Hour, 50},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(8) {
				full := 0
				h := &history{rand.New(rand.NewPCG(seed, 1)), test.start, test.window, map[string][]uint64{}}
				s, md := New(test.cfg), newModel()
				for step := range 1500 {
					h.at = h.at.Add(time.Duration(h.IntN(20_000_000)) * time.Microsecond)
					if h.IntN(100) == 0 {
						h.at = h.at.Add(-time.Minute)
					}
					c := h.charge()
					if step%500 == 499 {
						h.at = h.at.Add(time.Duration(h.IntN(3)) * time.Hour)
					}
					if test.reload > 0 && step%test.reload == 0 {
						s = again(t, s)
					}
					full += playStep(t, s, md, c, fmt.Sprintf("seed %d, step %d", seed, step))
					h.keep(c)
				}
				require.Equal(t, name == "little room", full > 20, "%d charges found no room", full)
			}
		})
	}
}

// playStep makes a charge of both. It returns 1 if the Store was full.
func playStep(t *testing.T, s *Store, md *model, c *store.Charge, step string) (full int) {
	t.Helper()
	want := clone(c)
	err := s.Take(t.Context(), c)
	requireCounted(t, s, step)
	if errors.Is(err, store.ErrFull) {
		return 1
	}
	wantErr := md.take(want)
	var moved, wantMoved *store.MovedError
	if errors.As(wantErr, &wantMoved) {
		require.ErrorAs(t, err, &moved, step)
		require.Equal(t, wantMoved, moved, step)
		return 0
	}
	if wantErr != nil && err == nil {
		// the subject was spent, and so has no state any more
		require.Equal(t, store.Move, c.Op, step)
		delete(md.states, c.Parts[1].Subject)
		wantErr = md.take(want)
	}
	require.ErrorIs(t, err, wantErr, step)
	require.Equal(t, want.OK, c.OK, step)
	for i := range c.Parts {
		require.Equal(t, want.Parts[i].Levels, c.Parts[i].Levels, "%s: part %d", step, i)
	}
	return 0
}

// requireCounted compares the number of subjects with what the shards have.
func requireCounted(t *testing.T, s *Store, step string) {
	t.Helper()
	n := 0
	for i := range s.shards {
		n += s.shards[i].count
		if s.shards[i].closed != nil {
			n += len(s.shards[i].closed.subjects)
		}
	}
	require.EqualValues(t, n, s.Stats().Subjects, step)
	require.LessOrEqual(t, s.Stats().Subjects, s.max, step)
}

// again saves and loads a Store.
func again(t *testing.T, s *Store) *Store {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, SaveTo(s, &file))
	loaded, err := LoadSummed(file.Bytes())
	require.NoError(t, err)
	return loaded
}
