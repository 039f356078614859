package directorytest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/store/sql/internal/directory"
	"github.com/ration-go/ration/usageplan"
)

// A Recorder is a database that remembers the statements that it runs.
type Recorder struct {
	directory.Database
	mu   sync.Mutex
	seen map[string][]any
}

// Change implements directory.Database.
func (r *Recorder) Change(ctx context.Context, statement string, args ...any) (int64, error) {
	r.record(statement, args)
	return r.Database.Change(ctx, statement, args...)
}

// Query implements directory.Database.
func (r *Recorder) Query(ctx context.Context, statement string, args []any, each func(directory.Row) error) error {
	r.record(statement, args)
	return r.Database.Query(ctx, statement, args, each)
}

func (r *Recorder) record(statement string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[string][]any{}
	}
	r.seen[statement] = args
}

// Statements returns every statement of a Store over r, with arguments.
func (r *Recorder) Statements(ctx context.Context, s *directory.Store) (map[string][]any, error) {
	if err := everything(ctx, s); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen, nil
}

// everything calls each method in each way that has a statement of its own.
func everything(ctx context.Context, s *directory.Store) error {
	k := apikey.Key{ID: "key", Name: "name", Digest: apikey.DigestOf("key"), GroupID: "group", CustomerID: "customer"}
	p, g := usageplan.Plan{ID: "plan"}, usageplan.Group{ID: "group", PlanID: "plan", ParentID: "root"}
	l := usageplan.Link{PlanID: "plan", KeyID: "key"}
	errs := []error{s.InsertKey(ctx, k), s.InsertPlan(ctx, p), s.InsertGroup(ctx, g), s.InsertLink(ctx, l)}
	p.Version, g.Version, l.Version = 1, 1, 1
	errs = append(errs, s.UpdateKey(ctx, k), s.UpdatePlan(ctx, p), s.UpdateGroup(ctx, g), s.UpdateLink(ctx, l))
	for _, err := range []error{s.UpdateKey(ctx, k), s.UpdatePlan(ctx, p), s.UpdateGroup(ctx, g), s.UpdateLink(ctx, l)} {
		if err == nil {
			errs = append(errs, errors.New("no conflict"))
		}
	}
	look := func(_ any, err error) { errs = append(errs, err) }
	look(s.Key(ctx, "key"))
	look(s.KeyByDigest(ctx, k.Digest))
	look(s.Plan(ctx, "plan"))
	look(s.Group(ctx, "group"))
	look(s.KeyLinks(ctx, "key"))
	look(s.AccessByKey(ctx, "key"))
	look(s.AccessByDigest(ctx, k.Digest))
	errs = append(errs, lists(ctx, s)...)
	errs = append(errs, s.DeleteLink(ctx, "plan", "key"), s.DeleteGroup(ctx, "group", 2), s.DeletePlan(ctx, "plan", 0), s.DeleteKey(ctx, "key"))
	return errors.Join(errs...)
}

// lists calls each listing, with each filter, from the beginning and from a cursor. There
// are three records of each kind for that.
func lists(ctx context.Context, s *directory.Store) (errs []error) {
	for i := range 2 {
		id := fmt.Sprint("other-", i)
		errs = append(errs, s.InsertKey(ctx, apikey.Key{ID: id}), s.InsertPlan(ctx, usageplan.Plan{ID: id}),
			s.InsertGroup(ctx, usageplan.Group{ID: id}), s.InsertLink(ctx, usageplan.Link{PlanID: "plan", KeyID: id}))
	}
	list := func(page func(cursor string) (next string, err error)) {
		next, err := page("")
		errs = append(errs, err)
		if next != "" {
			_, err = page(next)
			errs = append(errs, err)
		}
	}
	for i := range 8 {
		var f apikey.Filter
		if i&1 != 0 {
			f.GroupID = "group"
		}
		if i&2 != 0 {
			f.CustomerID = "customer"
		}
		if i&4 != 0 {
			f.NamePrefix = "na"
		}
		list(func(cursor string) (string, error) { _, next, err := s.Keys(ctx, f, cursor, 1); return next, err })
		g := usageplan.GroupFilter{ParentID: "root", PlanID: "plan"}
		if i&1 != 0 {
			g.ParentID = ""
		}
		if i&2 != 0 {
			g.PlanID = ""
		}
		list(func(cursor string) (string, error) { _, next, err := s.Groups(ctx, g, cursor, 1); return next, err })
	}
	list(func(cursor string) (string, error) { _, next, err := s.Plans(ctx, cursor, 1); return next, err })
	list(func(cursor string) (string, error) {
		_, next, err := s.PlanLinks(ctx, "plan", cursor, 1)
		return next, err
	})
	return errs
}

// indexes are those that a listing with a condition uses.
var indexes = map[string]string{
	" AND customer_id = ":    "ration_keys_customer",
	" AND left(customer_id,": "ration_keys_customer",
	" AND group_id = ":       "ration_keys_group",
	" AND parent_id = ":      "ration_groups_parent",
	" AND plan_id = ":        "_plan", // of groups or links
}

// CheckListing checks that a listing uses the index of its first filter. Other statements
// have no condition of seq.
func CheckListing(t *testing.T, statement, plan string) {
	t.Helper()
	_, inner, _ := strings.Cut(statement, "WHERE seq < ")
	inner, _, _ = strings.Cut(inner, " ORDER BY")
	for condition, index := range indexes {
		if strings.Contains(inner, condition) {
			require.Contains(t, plan, index, statement)
		}
	}
}
