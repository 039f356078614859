package storetest

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// ordered is a directory that lists its records in an order of its own, and continues at
// a cursor in a way of its own. Each record has a number.
type ordered struct {
	base
	mu      *sync.Mutex
	last    *int
	numbers map[string]int

	byID, byTime, byUpdate bool // what the order is by, before the number
	moves                  bool // an update gives a record a new number
	keeps                  bool // a deleted record keeps its number for its successor
	at                     continuing

	plans, links, groups bool // which listings of a store of plans it is about
}

// continuing is what a cursor does once its row was deleted.
type continuing int

const (
	byPlace    continuing = iota // it keeps its place, as it must
	byRow                        // it has the place of the row that now has the ID
	endsThere                    // the listing ends
	failsThere                   // the cursor is invalid
)

// newOrdered sets up an ordered that has the settings of o.
func newOrdered(o ordered) ordered {
	o.base, o.mu, o.last, o.numbers = newBase(), new(sync.Mutex), new(int), map[string]int{}
	return o
}

// number gives a record a number. If again is set, it may have one.
func (s ordered) number(name string, again bool, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.numbers[name]; err == nil && !(ok && again) {
		*s.last++
		s.numbers[name] = *s.last
	}
	return err
}

func (s ordered) remove(name string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && !s.keeps {
		delete(s.numbers, name)
	}
	return err
}

func (s ordered) InsertKey(ctx context.Context, k apikey.Key) error {
	return s.number("key "+k.ID, s.keeps, s.base.InsertKey(ctx, k))
}

func (s ordered) UpdateKey(ctx context.Context, k apikey.Key) error {
	return s.number("key "+k.ID, !s.moves, s.base.UpdateKey(ctx, k))
}

func (s ordered) DeleteKey(ctx context.Context, id string) error {
	return s.remove("key "+id, s.base.DeleteKey(ctx, id))
}

func (s ordered) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	return s.number("plan "+p.ID, s.keeps, s.base.InsertPlan(ctx, p))
}

func (s ordered) UpdatePlan(ctx context.Context, p usageplan.Plan) error {
	return s.number("plan "+p.ID, !s.moves, s.base.UpdatePlan(ctx, p))
}

func (s ordered) DeletePlan(ctx context.Context, id string, version int64) error {
	return s.remove("plan "+id, s.base.DeletePlan(ctx, id, version))
}

func (s ordered) InsertLink(ctx context.Context, l usageplan.Link) error {
	return s.number("link "+l.PlanID+" "+l.KeyID, s.keeps, s.base.InsertLink(ctx, l))
}

func (s ordered) UpdateLink(ctx context.Context, l usageplan.Link) error {
	return s.number("link "+l.PlanID+" "+l.KeyID, !s.moves, s.base.UpdateLink(ctx, l))
}

func (s ordered) DeleteLink(ctx context.Context, planID, keyID string) error {
	return s.remove("link "+planID+" "+keyID, s.base.DeleteLink(ctx, planID, keyID))
}

// listRow is a record and its place in the order.
type listRow[T any] struct {
	record      T
	name, place string
}

// rank returns a text that grows with the order.
func (s ordered) rank(name, id string, created, updated time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf("%08d", s.numbers[name])
	if s.byTime {
		text = fmt.Sprintf("%020d ", created.UnixMicro()) + text
	}
	if s.byUpdate {
		text = fmt.Sprintf("%020d ", updated.UnixMicro()) + text
	}
	if s.byID {
		text = id + " " + text
	}
	return text
}

func (s ordered) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	all, _, err := s.base.Keys(ctx, f, "", 10_000)
	var rows []listRow[apikey.Key]
	for _, k := range all {
		rows = append(rows, listRow[apikey.Key]{k, "key " + k.ID, s.rank("key "+k.ID, k.ID, k.Created, k.Updated)})
	}
	return pageOf(s, rows, err, cursor, limit, apikey.ErrInvalid)
}

func (s ordered) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	if !s.plans {
		return s.base.Plans(ctx, cursor, limit)
	}
	all, _, err := s.base.Plans(ctx, "", 10_000)
	var rows []listRow[usageplan.Plan]
	for _, p := range all {
		rows = append(rows, listRow[usageplan.Plan]{p, "plan " + p.ID, s.rank("plan "+p.ID, p.ID, p.Created, p.Updated)})
	}
	return pageOf(s, rows, err, cursor, limit, usageplan.ErrInvalid)
}

func (s ordered) PlanLinks(ctx context.Context, id, cursor string, limit int) ([]usageplan.Link, string, error) {
	if !s.links {
		return s.base.PlanLinks(ctx, id, cursor, limit)
	}
	all, _, err := s.base.PlanLinks(ctx, id, "", 10_000)
	var rows []listRow[usageplan.Link]
	for _, l := range all {
		name := "link " + l.PlanID + " " + l.KeyID
		rows = append(rows, listRow[usageplan.Link]{l, name, s.rank(name, l.KeyID, l.Created, time.Time{})})
	}
	return pageOf(s, rows, err, cursor, limit, usageplan.ErrInvalid)
}

// pageOf returns the rows after the one that a cursor names, greatest place first.
func pageOf[T any](s ordered, rows []listRow[T], err error, cursor string, limit int, invalid error) (page []T, next string, _ error) {
	if err != nil {
		return nil, "", err
	}
	place := "\xff"
	if cursor != "" {
		name, text, ok := strings.Cut(strings.TrimPrefix(cursor, "row-"), ".")
		rawName, nameErr := hex.DecodeString(name)
		rawPlace, placeErr := hex.DecodeString(text)
		if !ok || nameErr != nil || placeErr != nil {
			return nil, "", invalid
		}
		place = string(rawPlace)
		at := slices.IndexFunc(rows, func(r listRow[T]) bool { return r.name == string(rawName) })
		switch {
		case at >= 0 && s.at == byRow:
			place = rows[at].place
		case at < 0 && s.at == endsThere:
			return nil, "", nil
		case at < 0 && s.at == failsThere:
			return nil, "", invalid
		}
	}
	slices.SortFunc(rows, func(a, b listRow[T]) int { return cmp.Compare(b.place, a.place) })
	rows = slices.DeleteFunc(rows, func(r listRow[T]) bool { return r.place >= place })
	for i := range min(limit, len(rows)) {
		page = append(page, rows[i].record)
	}
	if len(page) < len(rows) {
		end := rows[len(page)-1]
		next = fmt.Sprintf("row-%x.%x", end.name, end.place)
	}
	return page, next, nil
}

func orderedKeys(name, caught string, o ordered) directoryFlaw[apikey.Store] {
	return directoryFlaw[apikey.Store]{name, caught, func() apikey.Store { return newOrdered(o) }}
}

func orderedPlans(name, caught string, o ordered) directoryFlaw[usageplan.Store] {
	return directoryFlaw[usageplan.Store]{name, caught, func() usageplan.Store { return newOrdered(o) }}
}

var orderKeyFlaws = []directoryFlaw[apikey.Store]{
	orderedKeys("lists by ID", "list, list/order, list/group", ordered{byID: true}),
	orderedKeys("lists by the time of creation", "list, list/order, list/group", ordered{byTime: true}),
	orderedKeys("lists by the time of the last change", "list, list/order, list/group", ordered{byUpdate: true}),
	orderedKeys("lists a key that was inserted again at its old place", "list/order", ordered{keeps: true}),
	orderedKeys("a listing ends where its row was deleted", "list/deleted", ordered{at: endsThere}),
	orderedKeys("a listing fails where its row was deleted", "list/deleted", ordered{at: failsThere}),
	orderedKeys("a listing goes on where its row was inserted again", "list/replaced", ordered{at: byRow}),
	{"one listing at a time", "list/several", func() apikey.Store { return oneCursor{newBase(), new(string)} }},
	{"asks for one more than the greatest limit", "list/limit", func() apikey.Store { return wraps{newBase()} }},
}

var orderPlanFlaws = []directoryFlaw[usageplan.Store]{
	orderedPlans("lists plans by ID", "list, list/order", ordered{byID: true, plans: true}),
	orderedPlans("lists plans by the time of creation", "list, list/order, groups/delete", ordered{byTime: true, plans: true}),
	orderedPlans("lists plans by the time of the last change", "list, list/order, groups/delete", ordered{byUpdate: true, plans: true}),
	{"a wrong cursor if the rest of the plans was deleted", "list/deleted", func() usageplan.Store { return endless{newBase()} }},
	orderedPlans("lists an updated plan first", "list/order", ordered{moves: true, plans: true}),
	orderedPlans("lists a plan that was inserted again at its old place", "list/order", ordered{keeps: true, plans: true}),
	orderedPlans("a listing of plans ends where its row was deleted", "list/deleted", ordered{at: endsThere, plans: true}),
	orderedPlans("a listing of plans fails where its row was deleted", "list/deleted", ordered{at: failsThere, plans: true}),
	orderedPlans("lists the links of a plan by ID", "links, links/order", ordered{byID: true, links: true}),
	orderedPlans("lists the links of a plan by their times", "links, links/order, at-once/list", ordered{byTime: true, links: true}),
	orderedPlans("lists an updated link first", "links/order, at-once/list", ordered{moves: true, links: true}),
	orderedPlans("a listing of links goes on where its row was inserted again", "links/deleted", ordered{at: byRow, links: true}),
	{"lists the links of a key by their times", "links, links/order, at-once/list", func() usageplan.Store {
		return sortedLinks{newBase(), func(a, b usageplan.Link) int { return a.Created.Compare(b.Created) }}
	}},
	{"asks for one more than the greatest limit", "list/order, links/order", func() usageplan.Store { return wraps{newBase()} }},
}
