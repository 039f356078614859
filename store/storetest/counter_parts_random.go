package storetest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ration-go/ration/store"
)

var partRandomPromises = []promise{{
	name: "random/parts",
	says: "In any history of charges of several parts, of soft meters and of moves, every answer equals that of the " +
		"reference counter.",
	test: func(t *trial) {
		for seed := range uint64(3) {
			h := &relatives{play: newPlay(t, 200+seed), moves: true}
			for i := range h.known {
				for j := range h.known[i] {
					h.known[i][j] = h.name(i, j)
				}
			}
			h.run(300)
		}
	},
}}

// relatives is a random history of the subjects of two families. One subject of each is
// the family itself.
type relatives struct {
	*play
	known  [2][5]string // the subjects of each family under their present names
	closed []string
	moves  bool // the store has not said that it cannot move subjects
}

func (h *relatives) name(family, i int) string {
	if i == 0 {
		return fmt.Sprintf("family %d.%d", h.seed, family)
	}
	return fmt.Sprintf("family %d.%d>%d", h.seed, family, i)
}

func (h *relatives) run(steps int) {
	for i := range steps {
		h.pass()
		who := h.several()
		for _, one := range who {
			if h.plans[one] == nil {
				h.plans[one] = &randomPlan{h.buckets(), h.limits()}
			}
		}
		switch h.rnd.IntN(30) {
		case 0:
			h.replan(i, who[0])
		case 1:
			h.plans[who[0]].limits = h.limits()
		case 2:
			h.relocate(i)
		case 3:
			h.chargeClosed(i, who)
		default:
			h.agree(i, h.next(who))
		}
	}
}

// several returns one to four subjects, mostly of one family.
func (h *relatives) several() []string {
	family := h.rnd.IntN(2)
	all := slices.Clone(h.known[family][:])
	if h.rnd.IntN(8) == 0 {
		all = append(all, h.known[1-family][:]...)
	}
	h.rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+h.rnd.IntN(4)]
}

// next returns a random charge of some subjects. Some of its meters are soft.
func (h *relatives) next(who []string) *store.Charge {
	c := h.play.next(who[0])
	for _, one := range who[1:] {
		c.Parts = append(c.Parts, h.play.next(one).Parts...)
	}
	c.At = h.clock(who...)
	for p := range c.Parts {
		for i := range c.Parts[p].Meters {
			m := &c.Parts[p].Meters[i]
			m.Soft = h.rnd.IntN(6) == 0 && !m.Rare
		}
	}
	return c
}

// agree makes a charge of both counters, unless it is over families that the counter
// keeps apart.
func (h *relatives) agree(i int, c *store.Charge) {
	h.asked.Store(c)
	want := clone(c)
	err := h.c.Take(h.ctx, c)
	if isApart(err) && !oneFamily(c) {
		return
	}
	if err != nil {
		h.failf("history %d, step %d, %v into it: %s: Take returned the error %q, want none", h.seed, i, h.now, about(c), err)
	}
	h.ref.take(want)
	h.equal(i, c, want)
}

// oneFamily reports whether the subjects of c are of one family.
func oneFamily(c *store.Charge) bool {
	return !slices.ContainsFunc(c.Parts, func(p store.Part) bool {
		return store.Family(p.Subject) != store.Family(c.Parts[0].Subject)
	})
}

// relocate moves a subject to a new name, of its own family or of the other one.
func (h *relatives) relocate(i int) {
	if !h.moves {
		return
	}
	family, j := h.rnd.IntN(2), h.rnd.IntN(5)
	from, to := h.known[family][j], fmt.Sprintf("%s>moved %d", h.name(h.rnd.IntN(2), 0), i)
	err := h.move(from, to)
	if errors.Is(err, errors.ErrUnsupported) {
		h.moves = false
		return
	}
	if err != nil {
		h.failf("history %d, step %d: move subject %q to %q: error %v, want none", h.seed, i, from, to, err)
	}
	if err := h.ref.move(from, to); err != nil {
		h.failf("history %d, step %d: %v", h.seed, i, err)
	}
	h.known[family][j] = to
	h.plans[to] = h.plans[from]
	h.closed = append(h.closed, from)
}

// chargeClosed charges a closed subject beside others that are not.
func (h *relatives) chargeClosed(i int, who []string) {
	if len(h.closed) == 0 {
		return
	}
	gone := h.closed[h.rnd.IntN(len(h.closed))]
	c := h.next(who)
	c.Parts[len(c.Parts)-1].Subject = gone
	err := h.c.Take(h.ctx, c)
	if isApart(err) && !oneFamily(c) {
		return
	}
	var moved *store.MovedError
	if !errors.As(err, &moved) || moved.Subject != gone || moved.To != h.ref.moved[gone] {
		h.failf("history %d, step %d: %s: error %v, want a MovedError from %q to %q", h.seed, i, about(c), err, gone, h.ref.moved[gone])
	}
}
