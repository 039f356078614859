package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// reformed is a correct directory that returns its records in another form.
type reformed struct {
	base
	key  func(apikey.Key) apikey.Key
	plan func(usageplan.Plan) usageplan.Plan
	link func(usageplan.Link) usageplan.Link

	group func(usageplan.Group) usageplan.Group
}

// reform returns the records of a list in another form.
func reform[T any](list []T, form func(T) T) []T {
	for i := range list {
		list[i] = form(list[i])
	}
	return list
}

func (s reformed) Key(ctx context.Context, id string) (apikey.Key, error) {
	k, err := s.base.Key(ctx, id)
	return s.key(k), err
}

func (s reformed) KeyByDigest(ctx context.Context, d apikey.Digest) (apikey.Key, error) {
	k, err := s.base.KeyByDigest(ctx, d)
	return s.key(k), err
}

func (s reformed) Keys(ctx context.Context, f apikey.Filter, cursor string, limit int) ([]apikey.Key, string, error) {
	keys, next, err := s.base.Keys(ctx, f, cursor, limit)
	return reform(keys, s.key), next, err
}

func (s reformed) Plan(ctx context.Context, id string) (usageplan.Plan, error) {
	p, err := s.base.Plan(ctx, id)
	return s.plan(p), err
}

func (s reformed) Plans(ctx context.Context, cursor string, limit int) ([]usageplan.Plan, string, error) {
	plans, next, err := s.base.Plans(ctx, cursor, limit)
	return reform(plans, s.plan), next, err
}

func (s reformed) KeyLinks(ctx context.Context, id string) ([]usageplan.Link, error) {
	links, err := s.base.KeyLinks(ctx, id)
	return reform(links, s.link), err
}

func (s reformed) PlanLinks(ctx context.Context, id, cursor string, limit int) ([]usageplan.Link, string, error) {
	links, next, err := s.base.PlanLinks(ctx, id, cursor, limit)
	return reform(links, s.link), next, err
}

func (s reformed) Group(ctx context.Context, id string) (usageplan.Group, error) {
	g, err := s.base.Group(ctx, id)
	return s.group(g), err
}

func (s reformed) Groups(ctx context.Context, f usageplan.GroupFilter, cursor string, limit int) ([]usageplan.Group, string, error) {
	groups, next, err := s.base.Groups(ctx, f, cursor, limit)
	return reform(groups, s.group), next, err
}

func (s reformed) AccessByKey(ctx context.Context, id string) (usageplan.Access, error) {
	a, err := s.base.AccessByKey(ctx, id)
	return s.access(a), err
}

func (s reformed) AccessByDigest(ctx context.Context, d apikey.Digest) (usageplan.Access, error) {
	a, err := s.base.AccessByDigest(ctx, d)
	return s.access(a), err
}

func (s reformed) access(a usageplan.Access) usageplan.Access {
	return usageplan.Access{
		Key: s.key(a.Key), Links: reform(a.Links, s.link), Groups: reform(a.Groups, s.group), Plans: reform(a.Plans, s.plan),
	}
}

// asJSON returns what the JSON form of a record holds.
func asJSON[T any](t testing.TB) func(T) T {
	return func(record T) (held T) {
		text, err := json.Marshal(record)
		if err == nil {
			err = json.Unmarshal(text, &held)
		}
		if err != nil {
			t.Error(err)
		}
		return held
	}
}

// TestForms runs the suites on correct stores that return records in another form: with
// times in another zone, and as their JSON forms hold them.
func TestForms(t *testing.T) {
	zone := time.FixedZone("", -9*3600-30*60)
	zoned := reformed{
		key: func(k apikey.Key) apikey.Key {
			k.Created, k.Updated, k.Expires, k.RetiringUntil = k.Created.In(zone), k.Updated.In(zone), k.Expires.In(zone), k.RetiringUntil.In(zone)
			k.Rotated = k.Rotated.In(zone)
			return k
		},
		plan: func(p usageplan.Plan) usageplan.Plan {
			p.Created, p.Updated = p.Created.In(zone), p.Updated.In(zone)
			return p
		},
		link: func(l usageplan.Link) usageplan.Link {
			l.Created = l.Created.In(zone)
			return l
		},
		group: func(g usageplan.Group) usageplan.Group {
			g.Created, g.Updated = g.Created.In(zone), g.Updated.In(zone)
			return g
		},
	}
	held := reformed{
		key: asJSON[apikey.Key](t), plan: asJSON[usageplan.Plan](t), link: asJSON[usageplan.Link](t), group: asJSON[usageplan.Group](t),
	}
	for name, form := range map[string]reformed{"zone": zoned, "json": held} {
		fresh := func() reformed {
			s := form
			s.base = newBase()
			return s
		}
		t.Run(name, func(t *testing.T) {
			TestKeys(t, Directory[apikey.Store]{New: func(testing.TB) apikey.Store { return fresh() }})
			TestPlans(t, Directory[usageplan.Store]{New: func(testing.TB) usageplan.Store { return fresh() }})
		})
	}
}

// TestFixtures checks that the fixtures at their bounds are valid, and that no two IDs of
// many are equal.
func TestFixtures(t *testing.T) {
	for _, p := range []usageplan.Plan{fullPlan(), fullClasses(), aPlan(0)} {
		if err := p.Validate(); err != nil {
			t.Error(err)
		}
	}
	if n := len(fullClasses().For); n != usageplan.MaxFor {
		t.Errorf("%d classes and routes, want as many as there may be", n)
	}
	for _, l := range boundLinks() {
		l.PlanID, l.KeyID = "p", "k"
		if err := l.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, g := range boundGroups() {
		if err := g.Validate(); err != nil {
			t.Error(err)
		}
	}
	k := fullKey()
	restricted := apikey.Key{ID: "k", Tags: k.Tags, Scopes: k.Scopes, Networks: k.Networks}
	if err := restricted.Validate(); err != nil || len(k.Scopes) != 100 || len(k.Networks) != 50 {
		t.Errorf("%v, %d scopes, %d networks", err, len(k.Scopes), len(k.Networks))
	}
	seen := map[string]bool{}
	for i := range 2000 {
		for _, id := range []string{keyID(i), planID(i), groupID(i)} {
			if seen[id] || len(id) > maxIDLength {
				t.Errorf("%s: used before, or too long", id)
			}
			seen[id] = true
		}
	}
}

// TestWithoutGroups checks that the cases of groups are skipped, with a reason, for a
// store that keeps none, and that the store passes the other cases.
func TestWithoutGroups(t *testing.T) {
	for _, c := range planCases() {
		err := c.try(t, struct{ usageplan.Store }{newBase()})
		var skip skipped
		isGroups := strings.Contains(c.name, "group")
		if isGroups && !errors.As(err, &skip) || !isGroups && err != nil && !errors.As(err, &skip) {
			t.Errorf("%s: %v", c.name, err)
		}
		if isGroups && !strings.Contains(err.Error(), "usageplan.GroupStore") {
			t.Errorf("%s: skipped with the reason %q", c.name, err)
		}
	}
}
