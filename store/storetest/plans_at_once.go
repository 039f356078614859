package storetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/ration-go/ration/usageplan"
)

var plansAtOnce = []directoryCase[usageplan.Store]{{
	"at-once/id", "Of many callers that insert a plan with one ID at once, one succeeds. The others get ErrExists.",
	func(v *visit, s usageplan.Store) {
		for round := range 10 {
			want := aPlan(round)
			winner := v.oneWins(v.together(crowded, func(i int) error {
				p := aPlan(round)
				p.Name = fmt.Sprint(i)
				return s.InsertPlan(v.ctx, p)
			}), usageplan.ErrExists)
			want.Name = fmt.Sprint(winner)
			v.isPlan(s, want)
		}
	},
}, {
	"at-once/link", "Of many callers that link a key to a plan at once, one succeeds. The others get ErrExists, and the " +
		"link is listed once.",
	func(v *visit, s usageplan.Store) {
		for round := range 10 {
			want := aLink(0, round)
			winner := v.oneWins(v.together(crowded, func(i int) error {
				l := aLink(0, round)
				l.Allowance = fmt.Sprint(i)
				return s.InsertLink(v.ctx, l)
			}), usageplan.ErrExists)
			want.Allowance = fmt.Sprint(winner)
			v.hasLinks(s, want.KeyID, want)
			v.ofPlan(s, want, round+1)
		}
	},
}, {
	"at-once/links", "Links of a key to many plans that are inserted at once are all there.",
	func(v *visit, s usageplan.Store) {
		for round := range 5 {
			for _, err := range v.together(crowded, func(i int) error { return s.InsertLink(v.ctx, aLink(i, round)) }) {
				v.ok(err)
			}
			ofKey, err := s.KeyLinks(v.ctx, aLink(0, round).KeyID)
			v.ok(err)
			v.equal("number of links of the key", len(ofKey), crowded)
			for i := range crowded {
				v.ofPlan(s, aLink(i, round), round+1)
			}
		}
	},
}, {
	"at-once/delete", "Of many callers that delete a plan or a link at once, one succeeds. The others get ErrNotFound.",
	func(v *visit, s usageplan.Store) {
		for round := range 10 {
			p, l := aPlan(round), aLink(0, round)
			v.ok(s.InsertPlan(v.ctx, p))
			v.ok(s.InsertLink(v.ctx, l))
			v.oneWins(v.together(crowded, func(int) error { return s.DeletePlan(v.ctx, p.ID, 0) }), usageplan.ErrNotFound)
			v.oneWins(v.together(crowded, func(int) error { return s.DeleteLink(v.ctx, l.PlanID, l.KeyID) }), usageplan.ErrNotFound)
		}
	},
}, {
	"at-once/gone", "A plan or a link that is deleted while it is updated stays deleted.",
	func(v *visit, s usageplan.Store) {
		for round := range 10 {
			p, l := aPlan(round), aLink(0, round)
			v.ok(s.InsertPlan(v.ctx, p))
			v.ok(s.InsertLink(v.ctx, l))
			errs := v.together(4, func(i int) error {
				switch i {
				case 0:
					return s.DeletePlan(v.ctx, p.ID, 0)
				case 1:
					return s.DeleteLink(v.ctx, l.PlanID, l.KeyID)
				case 2:
					return s.UpdatePlan(v.ctx, p)
				default:
					return s.UpdateLink(v.ctx, l)
				}
			})
			v.ok(errs[0])
			v.ok(errs[1])
			for _, err := range errs[2:] {
				if err != nil {
					v.wants(err, usageplan.ErrNotFound)
				}
			}
			_, err := s.Plan(v.ctx, p.ID)
			v.wants(err, usageplan.ErrNotFound)
			v.hasLinks(s, l.KeyID)
		}
	},
}, {
	"at-once/look-up", "A plan is found, in one of its versions, while it is updated.",
	func(v *visit, s usageplan.Store) {
		p := insertPlans(v, s, 1)[0]
		v.meanwhile(30, func(i int) {
			p.Name, p.Description = fmt.Sprint("plan of ", i), fmt.Sprint("plan of ", i)
			v.ok(s.UpdatePlan(v.ctx, p))
			p.Version++
		}, func() {
			got, err := s.Plan(v.ctx, p.ID)
			v.during("look-up of a plan", err)
			if got.Version > 1 && got.Name != got.Description {
				v.failf("name %q with description %q, which were never in the plan together", got.Name, got.Description)
			}
		})
	},
}, {
	"at-once/list", "The links of a key and of a plan are all there, in order, while they are updated.",
	func(v *visit, s usageplan.Store) {
		links := []usageplan.Link{aLink(0, 0), aLink(1, 0), aLink(2, 0)}
		for _, l := range links {
			v.ok(s.InsertLink(v.ctx, l))
		}
		v.ok(s.InsertLink(v.ctx, aLink(0, 1)))
		v.meanwhile(30, func(i int) {
			v.ok(s.UpdateLink(v.ctx, links[i%3]))
			links[i%3].Version++
		}, func() {
			ofKey, err := s.KeyLinks(v.ctx, keyID(0))
			v.ok(err)
			var ids []string
			for _, l := range ofKey {
				ids = append(ids, l.PlanID)
			}
			lists(v, "the plans of the key", ids, []string{planID(0), planID(1), planID(2)})
			ofPlan, _, err := s.PlanLinks(v.ctx, planID(0), "", 10)
			v.ok(err)
			ids = nil
			for _, l := range ofPlan {
				ids = append(ids, l.KeyID)
			}
			lists(v, "the keys of the plan", ids, []string{keyID(1), keyID(0)})
		})
	},
}, {
	"at-once/ctx", "If ctx ends while a link is inserted or deleted, both its key and its plan have it, or neither. " +
		"Without an error the change was made.",
	func(v *visit, s usageplan.Store) {
		for looks := 1; looks <= mostLooks; looks++ {
			// two links, so that a change that is late does not meet the next one
			l, doomed := aLink(2*looks, 2*looks), aLink(2*looks+1, 2*looks+1)
			err := v.ends(looks, func(ctx context.Context) error { return s.InsertLink(ctx, l) })
			v.whole(err, func() { v.linked(s, l, 1) }, func() { v.linked(s, l, 0) })
			v.ok(s.InsertLink(v.ctx, doomed))
			err = v.ends(looks, func(ctx context.Context) error { return s.DeleteLink(ctx, doomed.PlanID, doomed.KeyID) })
			v.whole(err, func() { v.linked(s, doomed, 0) }, func() { v.linked(s, doomed, 1) })
		}
	},
}}

func (v *visit) isPlan(s usageplan.Store, want usageplan.Plan) {
	got, err := s.Plan(v.ctx, want.ID)
	v.ok(err)
	v.equal("the plan", got, want)
}

func (v *visit) hasLinks(s usageplan.Store, keyID string, want ...usageplan.Link) {
	got, err := s.KeyLinks(v.ctx, keyID)
	v.ok(err)
	lists(v, "the links of the key", got, want)
}

// ofPlan checks that the plan of l has n links, and that l is one of them.
func (v *visit) ofPlan(s usageplan.Store, l usageplan.Link, n int) {
	page, _, err := s.PlanLinks(v.ctx, l.PlanID, "", 2*crowded*n)
	v.ok(err)
	v.equal("number of links of the plan", len(page), n)
	i := slices.IndexFunc(page, func(other usageplan.Link) bool { return other.KeyID == l.KeyID })
	if i < 0 {
		v.failf("the plan lacks the link of %s", l.KeyID)
	}
	v.equal("the link of the plan", page[i], l)
}

// linked checks how many links the key and the plan of l have.
func (v *visit) linked(s usageplan.Store, l usageplan.Link, n int) {
	ofKey, err := s.KeyLinks(v.ctx, l.KeyID)
	v.ok(err)
	v.equal("number of links of the key", len(ofKey), n)
	ofPlan, _, err := s.PlanLinks(v.ctx, l.PlanID, "", 10)
	v.ok(err)
	v.equal("number of links of the plan", len(ofPlan), n)
}
