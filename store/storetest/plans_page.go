package storetest

import (
	"fmt"
	"slices"

	"github.com/ration-go/ration/usageplan"
)

// pagedPlans are cases of the pages of a listing.
var pagedPlans = []directoryCase[usageplan.Store]{{
	"list", "A listing is complete, newest first, in pages of at most the limit. Plans that are inserted meanwhile do " +
		"not disturb it.",
	func(v *visit, s usageplan.Store) {
		want := insertPlans(v, s, 25)
		slices.Reverse(want)
		for i, limit := range []int{1, 7, 500} {
			all, _ := walk(v, func(cursor string) ([]usageplan.Plan, string, error) {
				plans, next, err := s.Plans(v.ctx, cursor, limit)
				if len(plans) > limit {
					v.failf("a page of %d: want at most %d", len(plans), limit)
				}
				if cursor == "" {
					late := aPlan(1000 + i)
					v.ok(s.InsertPlan(v.ctx, late))
					want = slices.Insert(want, 0, late)
				}
				return plans, next, err
			})
			lists(v, fmt.Sprintf("the listing by %d", limit), all, want[1:])
		}
	},
}, {
	"cursor", "A call with a cursor that no listing returned returns ErrInvalid.",
	func(v *visit, s usageplan.Store) {
		insertPlans(v, s, 3)
		v.ok(s.InsertLink(v.ctx, aLink(0, 0)))
		for _, cursor := range []string{"?", "-1", " ", "99999999999999999999999999"} {
			_, _, err := s.Plans(v.ctx, cursor, 1)
			v.wants(err, usageplan.ErrInvalid)
			_, _, err = s.PlanLinks(v.ctx, planID(0), cursor, 1)
			v.wants(err, usageplan.ErrInvalid)
		}
	},
}}
