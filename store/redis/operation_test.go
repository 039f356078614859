package redis

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// operation is a call of the directory, on key k, plan p, their link, and group g with
// its plan q, as sample made them.
type operation struct {
	name    string
	changes bool
	parts   []string // the parts of the directory that it touches
	call    func(ctx context.Context, s *Store) error
}

var sampleKey = apikey.Key{
	ID: "k", GroupID: "g", Name: "name", Digest: apikey.DigestOf("secret"), Retiring: apikey.DigestOf("old secret"), Version: 1,
}

func sample(t testing.TB, s *Store) {
	t.Helper()
	require.NoError(t, s.InsertKey(t.Context(), sampleKey))
	require.NoError(t, s.InsertPlan(t.Context(), usageplan.Plan{ID: "p", Version: 1}))
	require.NoError(t, s.InsertLink(t.Context(), usageplan.Link{PlanID: "p", KeyID: "k", Version: 1}))
	require.NoError(t, s.InsertPlan(t.Context(), usageplan.Plan{ID: "q", Version: 1}))
	require.NoError(t, s.InsertGroup(t.Context(), usageplan.Group{ID: "g", ParentID: "top", PlanID: "q", Version: 1}))
	require.NoError(t, s.InsertGroup(t.Context(), usageplan.Group{ID: "top", Version: 1}))
}

var (
	keyParts   = []string{"last", "keys", "keys-by-age", "digests"}
	planParts  = []string{"last", "plans", "plans-by-age"}
	linkParts  = []string{"last", "links", "links-of-plan:p", "links-of-key:k"}
	groupParts = []string{"last", "groups", "groups-by-age"}

	accessParts = []string{"digests", "keys", "links", "plans", "links-of-key:k", "groups"}
)

// reads are the operations that return a record.
var reads = []operation{
	{"key", false, keyParts[1:2], func(ctx context.Context, s *Store) error { _, err := s.Key(ctx, "k"); return err }},
	{"key by digest", false, []string{"digests", "keys"}, func(ctx context.Context, s *Store) error {
		_, err := s.KeyByDigest(ctx, sampleKey.Retiring)
		return err
	}},
	{"keys", false, keyParts[:3], func(ctx context.Context, s *Store) error {
		_, _, err := s.Keys(ctx, apikey.Filter{NamePrefix: "n"}, "", 10)
		return err
	}},
	{"plan", false, planParts[1:2], func(ctx context.Context, s *Store) error { _, err := s.Plan(ctx, "p"); return err }},
	{"plans", false, planParts, func(ctx context.Context, s *Store) error { _, _, err := s.Plans(ctx, "", 10); return err }},
	{"links of a key", false, []string{"links", "links-of-key:k"}, func(ctx context.Context, s *Store) error {
		_, err := s.KeyLinks(ctx, "k")
		return err
	}},
	{"access by digest", false, accessParts, func(ctx context.Context, s *Store) error {
		_, err := s.AccessByDigest(ctx, sampleKey.Retiring)
		return err
	}},
	{"access by key", false, accessParts[1:], func(ctx context.Context, s *Store) error {
		_, err := s.AccessByKey(ctx, "k")
		return err
	}},
	{"links of a plan", false, linkParts[:3], func(ctx context.Context, s *Store) error {
		_, _, err := s.PlanLinks(ctx, "p", "", 10)
		return err
	}},
	{"group", false, groupParts[1:2], func(ctx context.Context, s *Store) error { _, err := s.Group(ctx, "g"); return err }},
	{"groups", false, groupParts, func(ctx context.Context, s *Store) error {
		_, _, err := s.Groups(ctx, usageplan.GroupFilter{}, "", 10)
		return err
	}},
}

// inserts are the operations that add something new.
var inserts = []operation{
	{"insert key", true, keyParts, func(ctx context.Context, s *Store) error {
		return s.InsertKey(ctx, apikey.Key{ID: "new", Digest: apikey.DigestOf("new")})
	}},
	{"insert plan", true, planParts, func(ctx context.Context, s *Store) error {
		return s.InsertPlan(ctx, usageplan.Plan{ID: "new"})
	}},
	{"insert link", true, linkParts[:3], func(ctx context.Context, s *Store) error {
		return s.InsertLink(ctx, usageplan.Link{PlanID: "p", KeyID: "new"})
	}},
	{"insert group", true, groupParts, func(ctx context.Context, s *Store) error {
		return s.InsertGroup(ctx, usageplan.Group{ID: "new"})
	}},
}

// updates are the operations that change or delete what sample made.
var updates = []operation{
	{"update key", true, keyParts, func(ctx context.Context, s *Store) error { return s.UpdateKey(ctx, sampleKey) }},
	{"delete key", true, keyParts, func(ctx context.Context, s *Store) error { return s.DeleteKey(ctx, "k") }},
	{"update plan", true, planParts, func(ctx context.Context, s *Store) error {
		return s.UpdatePlan(ctx, usageplan.Plan{ID: "p", Version: 1})
	}},
	{"delete plan", true, planParts, func(ctx context.Context, s *Store) error { return s.DeletePlan(ctx, "p", 1) }},
	{"update link", true, linkParts, func(ctx context.Context, s *Store) error {
		return s.UpdateLink(ctx, usageplan.Link{PlanID: "p", KeyID: "k", Version: 1})
	}},
	{"delete link", true, linkParts, func(ctx context.Context, s *Store) error { return s.DeleteLink(ctx, "p", "k") }},
	{"update group", true, groupParts, func(ctx context.Context, s *Store) error {
		return s.UpdateGroup(ctx, usageplan.Group{ID: "g", ParentID: "top", Version: 1})
	}},
	{"delete group", true, groupParts, func(ctx context.Context, s *Store) error { return s.DeleteGroup(ctx, "g", 1) }},
}

func operations() []operation { return slices.Concat(reads, inserts, updates) }
