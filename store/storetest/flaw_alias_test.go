package storetest

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// unfavourableKeyFlaws and unfavourablePlanFlaws are caught by the cases of unfavourable
// records, and of changes between reads.
var (
	unfavourableKeyFlaws  = slices.Concat(alteredKeyFlaws, aliasKeyFlaws, cacheKeyFlaws, orderKeyFlaws, subscriptionFlaws[apikey.Store]())
	unfavourablePlanFlaws = slices.Concat(
		alteredPlanFlaws, limitFlaws, alertFlaws, classFlaws, aliasPlanFlaws, cachePlanFlaws, orderPlanFlaws, subscriptionFlaws[usageplan.Store](),
	)
)

// aliases is a directory that reads some IDs as the same one.
type aliases struct {
	base
	fold func(id string) string // the form in which IDs are compared
	ids  *memo[string, string]  // of each form the ID that was inserted
}

func newAliases(fold func(id string) string) aliases {
	return aliases{newBase(), fold, newMemo[string, string]()}
}

// of returns the ID that the store takes for an ID.
func (s aliases) of(id string) string {
	if form := s.fold(id); s.ids.has(form) {
		return s.ids.of(form)
	}
	return id
}

func (s aliases) add(id string) string {
	first := s.of(id)
	s.ids.set(s.fold(id), first)
	return first
}

func (s aliases) InsertKey(ctx context.Context, k apikey.Key) error {
	k.ID = s.add(k.ID)
	return s.base.InsertKey(ctx, k)
}

func (s aliases) Key(ctx context.Context, id string) (apikey.Key, error) {
	return s.base.Key(ctx, s.of(id))
}

func (s aliases) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	p.ID = s.add(p.ID)
	return s.base.InsertPlan(ctx, p)
}

func (s aliases) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	return s.base.Plan(ctx, s.of(id))
}

// asNumber returns an ID as a column of numbers keeps it.
func asNumber(id string) string {
	if n, err := strconv.ParseFloat(id, 64); err == nil {
		return strconv.FormatFloat(n, 'g', -1, 64)
	}
	return id
}

// shortDigests compares a part of each digest.
type shortDigests struct {
	base
	ids   *memo[string, string]
	index func(d apikey.Digest) string
}

func (s shortDigests) InsertKey(ctx context.Context, k apikey.Key) error {
	form := s.index(k.Digest)
	if k.Digest != (apikey.Digest{}) && s.ids.has(form) && s.ids.of(form) != k.ID {
		if _, err := s.Key(ctx, s.ids.of(form)); err == nil {
			return apikey.ErrExists
		}
	}
	s.ids.set(form, k.ID)
	return s.base.InsertKey(ctx, k)
}

// comparedCustomers compares customers as some collations do.
type comparedCustomers struct {
	base
	form func(customer string) string
}

func (s comparedCustomers) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	all := apikey.Filter{NamePrefix: f.NamePrefix}
	keys, next, err := s.base.Keys(ctx, all, cursor, limit)
	keys = slices.DeleteFunc(keys, func(k apikey.Key) bool {
		return f.CustomerID != "" && s.form(k.CustomerID) != s.form(f.CustomerID)
	})
	return keys, next, err
}

// comparedNames filters names in a way of its own.
type comparedNames struct {
	base
	match func(name, prefix string) bool
}

func (s comparedNames) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	keys, next, err := s.base.Keys(ctx, apikey.Filter{CustomerID: f.CustomerID}, cursor, limit)
	return slices.DeleteFunc(keys, func(k apikey.Key) bool { return !s.match(k.Name, f.NamePrefix) }), next, err
}

func aliasedKeys(name string, fold func(string) string) directoryFlaw[apikey.Store] {
	return directoryFlaw[apikey.Store]{name, "ids", func() apikey.Store { return newAliases(fold) }}
}

func aliasedPlans(name string, fold func(string) string) directoryFlaw[usageplan.Store] {
	return directoryFlaw[usageplan.Store]{name, "ids", func() usageplan.Store { return newAliases(fold) }}
}

var aliasKeyFlaws = []directoryFlaw[apikey.Store]{
	aliasedKeys("IDs without regard to case", strings.ToLower),
	aliasedKeys("IDs as numbers", asNumber),
	aliasedKeys("IDs of composed characters", composed),
	aliasedKeys("IDs of 63 bytes", func(id string) string { return cutTo(id, 63) }),
	{"a digest by its String", "digests", func() apikey.Store {
		return shortDigests{newBase(), newMemo[string, string](), apikey.Digest.String}
	}},
	{"a digest up to its first zero", "digests", func() apikey.Store {
		return shortDigests{newBase(), newMemo[string, string](), func(d apikey.Digest) string {
			text, _, _ := strings.Cut(string(d[:]), "\x00")
			return text
		}}
	}},
	{"a digest without regard to case", "digests", func() apikey.Store {
		return shortDigests{newBase(), newMemo[string, string](), func(d apikey.Digest) string { return strings.ToUpper(string(d[:])) }}
	}},
	{"customers without regard to case", "list/text, list/group", func() apikey.Store { return comparedCustomers{newBase(), strings.ToLower} }},
	{"customers without the spaces at their end", "list/text, list/group", func() apikey.Store {
		return comparedCustomers{newBase(), func(c string) string { return strings.TrimRight(c, " ") }}
	}},
	{"a prefix as a range that ends at U+F8FF", "list/text, list/group", func() apikey.Store {
		return comparedNames{newBase(), func(name, prefix string) bool { return name >= prefix && name <= prefix+"\uf8ff" }}
	}},
	{"a prefix of 255 bytes", "list/text, list/group", func() apikey.Store {
		return comparedNames{newBase(), func(name, prefix string) bool { return strings.HasPrefix(name, cutTo(prefix, 255)) }}
	}},
	{"a prefix of composed characters", "list/text, list/group", func() apikey.Store {
		return comparedNames{newBase(), func(name, prefix string) bool { return strings.HasPrefix(composed(name), composed(prefix)) }}
	}},
}

// joins keeps a link under the joined IDs of its plan and its key.
type joins struct {
	base
	separator string
	links     *memo[string, bool]
}

func (s joins) InsertLink(ctx context.Context, l usageplan.Link) error {
	name := l.PlanID + s.separator + l.KeyID
	if s.links.has(name) {
		return usageplan.ErrExists
	}
	err := s.base.InsertLink(ctx, l)
	if err == nil {
		s.links.set(name, true)
	}
	return err
}

func (s joins) DeleteLink(ctx context.Context, planID, keyID string) error {
	s.links.drop(planID + s.separator + keyID)
	return s.base.DeleteLink(ctx, planID, keyID)
}

// scans finds the links of a key among all whose key's ID begins with its ID.
type scans struct {
	base
	keys *memo[string, bool]
}

func (s scans) InsertLink(ctx context.Context, l usageplan.Link) error {
	s.keys.set(l.KeyID, true)
	return s.base.InsertLink(ctx, l)
}

func (s scans) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	links, err := s.base.KeyLinks(ctx, id)
	for _, key := range s.keys.names() {
		if key != id && strings.HasPrefix(key, id) {
			others, _ := s.base.KeyLinks(ctx, key)
			links = append(links, others...)
		}
	}
	return links, err
}

// oneTable keeps keys and plans under the same names.
type oneTable struct{ base }

func (s oneTable) InsertPlan(ctx context.Context, p usageplan.Plan) error {
	if _, err := s.Key(ctx, p.ID); err == nil {
		return usageplan.ErrExists
	}
	return s.base.InsertPlan(ctx, p)
}

// oneTableDeletes deletes all that has the ID of a deleted plan.
type oneTableDeletes struct{ base }

func (s oneTableDeletes) DeletePlan(ctx context.Context, id string, version int64) error {
	err := s.base.DeletePlan(ctx, id, version)
	if err == nil {
		_ = s.DeleteKey(ctx, id)
	}
	return err
}

var aliasPlanFlaws = []directoryFlaw[usageplan.Store]{
	aliasedPlans("IDs without regard to case", strings.ToLower),
	aliasedPlans("IDs as numbers", asNumber),
	aliasedPlans("IDs of 63 bytes", func(id string) string { return cutTo(id, 63) }),
	{"a link under the IDs joined by -", "links/ids", func() usageplan.Store { return joins{newBase(), "-", newMemo[string, bool]()} }},
	{"a link under the IDs joined by nothing", "links/ids", func() usageplan.Store { return joins{newBase(), "", newMemo[string, bool]()} }},
	{"a key's links by a scan of the beginning", "links/ids", func() usageplan.Store { return scans{newBase(), newMemo[string, bool]()} }},
	{"one table without kinds", "both/ids", func() usageplan.Store { return oneTable{newBase()} }},
	{"a deletion of a plan and the key of its ID", "both/ids", func() usageplan.Store { return oneTableDeletes{newBase()} }},
}
