package ration_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// change is a method that changes something.
type change struct {
	do   func(ctx context.Context, r *ration.Ration) error
	want string // the actions, kinds and IDs of the entries that do makes
	idle func(ctx context.Context, r *ration.Ration) error
}

// changes has a change for each exported method that changes keys, plans, groups, links
// or allowances. The idle calls change nothing, or fail.
var changes = map[string]change{
	"apikey.Service.Create": {
		func(ctx context.Context, r *ration.Ration) error {
			return third(r.Keys.Create(ctx, apikey.Key{ID: "new"}))
		}, "create key new",
		func(ctx context.Context, r *ration.Ration) error {
			return third(r.Keys.Create(ctx, apikey.Key{ID: "ann"}))
		},
	},
	"apikey.Service.Import": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Keys.Import(ctx, apikey.Key{ID: "new"}, imported))
		}, "import key new",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Keys.Import(ctx, apikey.Key{}, "short"))
		},
	},
	"apikey.Service.ImportDigest": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Keys.ImportDigest(ctx, apikey.Key{ID: "new"}, apikey.DigestOf("x")))
		}, "import key new",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Keys.ImportDigest(ctx, apikey.Key{}, apikey.Digest{}))
		},
	},
	"apikey.Service.Update": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Keys.Update(ctx, "ann", func(k *apikey.Key) error { k.Name = "x"; return nil }))
		}, "update key ann",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Keys.Update(ctx, "ann", func(k *apikey.Key) error { return nil }))
		},
	},
	"apikey.Service.Enable": {
		func(ctx context.Context, r *ration.Ration) error { return second(r.Keys.Enable(ctx, "ann")) }, "enable key ann",
		func(ctx context.Context, r *ration.Ration) error { return second(r.Keys.Enable(ctx, "bob")) },
	},
	"apikey.Service.Disable": {
		func(ctx context.Context, r *ration.Ration) error { return second(r.Keys.Disable(ctx, "bob")) }, "disable key bob",
		func(ctx context.Context, r *ration.Ration) error { return second(r.Keys.Disable(ctx, "ann")) },
	},
	"apikey.Service.Expire": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Keys.Expire(ctx, "ann", time.Unix(1, 0)))
		}, "expire key ann",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Keys.Expire(ctx, "ann", time.Time{}))
		},
	},
	"apikey.Service.Rotate": {
		func(ctx context.Context, r *ration.Ration) error { return third(r.Keys.Rotate(ctx, "ann", time.Hour)) }, "rotate key ann",
		func(ctx context.Context, r *ration.Ration) error { return third(r.Keys.Rotate(ctx, "ann", -1)) },
	},
	"apikey.Service.RotateVersion": {
		func(ctx context.Context, r *ration.Ration) error {
			k, err := r.Keys.Get(ctx, "ann")
			return errors.Join(err, third(r.Keys.RotateVersion(ctx, "ann", k.Version, time.Hour)))
		}, "rotate key ann",
		func(ctx context.Context, r *ration.Ration) error {
			return third(r.Keys.RotateVersion(ctx, "ann", 99, time.Hour))
		},
	},
	"apikey.Service.Revoke": {
		func(ctx context.Context, r *ration.Ration) error { return third(r.Keys.Revoke(ctx, digestOfAnn(r))) }, "revoke key ann",
		func(ctx context.Context, r *ration.Ration) error {
			return third(r.Keys.Revoke(ctx, apikey.DigestOf("none")))
		},
	},
	"apikey.Service.EndSecret": {
		func(ctx context.Context, r *ration.Ration) error {
			return third(r.Keys.EndSecret(ctx, digestOfAnn(r), time.Now().Add(time.Hour)))
		}, "revoke key ann",
		func(ctx context.Context, r *ration.Ration) error {
			return third(r.Keys.EndSecret(ctx, digestOfAnn(r), time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)))
		},
	},
	"apikey.Service.Delete": {
		func(ctx context.Context, r *ration.Ration) error { return r.Keys.Delete(ctx, "ann") }, "delete key ann",
		func(ctx context.Context, r *ration.Ration) error { return r.Keys.Delete(ctx, "none") },
	},

	"usageplan.Service.Create": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.Create(ctx, usageplan.Plan{ID: "new"}))
		}, "create plan new",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.Create(ctx, usageplan.Plan{ID: "free"}))
		},
	},
	"usageplan.Service.Put": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.Put(ctx, usageplan.Plan{ID: "free", Name: "x"}))
		}, "update plan free",
		func(ctx context.Context, r *ration.Ration) error { return second(r.Plans.Put(ctx, freePlan())) },
	},
	"usageplan.Service.Update": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.Update(ctx, "free", func(p *usageplan.Plan) error { p.Name = "x"; return nil }))
		}, "update plan free",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.Update(ctx, "free", func(*usageplan.Plan) error { return nil }))
		},
	},
	"usageplan.Service.Delete": {
		func(ctx context.Context, r *ration.Ration) error { return r.Plans.Delete(ctx, "free") }, "delete plan free",
		func(ctx context.Context, r *ration.Ration) error { return r.Plans.Delete(ctx, "pro") }, // a group has it
	},
	"usageplan.Service.DeleteIf": {
		func(ctx context.Context, r *ration.Ration) error {
			return r.Plans.DeleteIf(ctx, "free", func(*usageplan.Plan) error { return nil })
		}, "delete plan free",
		func(ctx context.Context, r *ration.Ration) error {
			return r.Plans.DeleteIf(ctx, "free", func(*usageplan.Plan) error { return errors.New("no") })
		},
	},
	"usageplan.Service.Link": {
		func(ctx context.Context, r *ration.Ration) error { return r.Plans.Link(ctx, "pro", "bob") }, "link link bob/pro",
		func(ctx context.Context, r *ration.Ration) error { return r.Plans.Link(ctx, "free", "ann") },
	},
	"usageplan.Service.AddLink": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.AddLink(ctx, usageplan.Link{PlanID: "pro", KeyID: "bob"}))
		}, "link link bob/pro",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.AddLink(ctx, usageplan.Link{PlanID: "none", KeyID: "bob"}))
		},
	},
	"usageplan.Service.AddSpareLink": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.AddSpareLink(ctx, usageplan.Link{PlanID: "pro", KeyID: "ann"}))
		}, "link link ann/pro",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.AddSpareLink(ctx, usageplan.Link{PlanID: "free", KeyID: "ann"}))
		},
	},
	"usageplan.Service.UpdateLink": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.UpdateLink(ctx, "free", "ann", func(l *usageplan.Link) error { l.Quotas = []quota.Quota{}; return nil }))
		}, "update link ann/free",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plans.UpdateLink(ctx, "free", "ann", func(*usageplan.Link) error { return nil }))
		},
	},
	"usageplan.Service.Unlink": {
		func(ctx context.Context, r *ration.Ration) error { return r.Plans.Unlink(ctx, "free", "ann") }, "unlink link ann/free",
		func(ctx context.Context, r *ration.Ration) error { return r.Plans.Unlink(ctx, "free", "bob") },
	},
	"usageplan.Service.Move": {
		func(ctx context.Context, r *ration.Ration) error { return r.Plans.Move(ctx, "ann", "free", "pro") }, "move link ann/free/pro",
		func(ctx context.Context, r *ration.Ration) error { return r.Plans.Move(ctx, "ann", "free", "none") },
	},
	"usageplan.Service.Prune": {
		func(ctx context.Context, r *ration.Ration) error { return second(r.Plans.Prune(ctx)) }, "unlink link gone/free",
		func(ctx context.Context, r *ration.Ration) error { return second(r.Plans.Prune(ctx)) }, // once more
	},

	"usageplan.Groups.Create": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Groups.Create(ctx, usageplan.Group{ID: "new"}))
		}, "create group new",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Groups.Create(ctx, usageplan.Group{ID: "acme"}))
		},
	},
	"usageplan.Groups.Put": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Groups.Put(ctx, usageplan.Group{ID: "new"}))
		}, "create group new",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Groups.Put(ctx, usageplan.Group{ID: "acme", PlanID: "pro"}))
		},
	},
	"usageplan.Groups.Update": {
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Groups.Update(ctx, "team", func(g *usageplan.Group) error { g.ParentID = "help"; return nil }))
		}, "move group team",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Groups.Update(ctx, "acme", func(g *usageplan.Group) error { g.ParentID = "team"; return nil }))
		},
	},
	"usageplan.Groups.Delete": {
		func(ctx context.Context, r *ration.Ration) error { return r.Groups.Delete(ctx, "team") }, "delete group team",
		func(ctx context.Context, r *ration.Ration) error { return r.Groups.Delete(ctx, "acme") },
	},
	"usageplan.Groups.MoveKey": {
		func(ctx context.Context, r *ration.Ration) error { return second(r.Groups.MoveKey(ctx, "bob", "team")) }, "move key bob",
		func(ctx context.Context, r *ration.Ration) error { return second(r.Groups.MoveKey(ctx, "bob", "acme")) },
	},

	"gate.Gate.SetRemaining": {
		func(ctx context.Context, r *ration.Ration) error {
			return r.Gate.SetRemaining(ctx, "free", "ann", "day", 50)
		}, "extend allowance ann/free/day",
		func(ctx context.Context, r *ration.Ration) error {
			return r.Gate.SetRemaining(ctx, "free", "ann", "day", 10)
		},
	},
	"gate.Gate.SetGroupRemaining": {
		func(ctx context.Context, r *ration.Ration) error {
			return r.Gate.SetGroupRemaining(ctx, "acme", "month", 50)
		}, "extend allowance acme/month",
		func(ctx context.Context, r *ration.Ration) error {
			return r.Gate.SetGroupRemaining(ctx, "acme", "year", 50)
		},
	},

	"ration.Ration.Plan": {
		func(ctx context.Context, r *ration.Ration) error { return second(r.Plan(ctx, "free", "1/s")) }, "update plan free",
		func(ctx context.Context, r *ration.Ration) error {
			return second(r.Plan(ctx, "free", "unlimited", "10/day"))
		},
	},
	"ration.Ration.Issue": {
		func(ctx context.Context, r *ration.Ration) error { return third(r.Issue(ctx, "free", "Cy")) }, "create key *, link link */free",
		nil,
	},
}

// unchanging are the exported methods that change no record. The charges of requests are
// not recorded. Enforce is not, since it is for one process.
var unchanging = map[string][]string{
	"apikey.Service":    {"CheckImport", "Get", "GetBySecret", "List", "All", "KeyFormat", "Reminders", "Reveal", "Unseal", "Verify", "String", "Format"},
	"usageplan.Service": {"Audit", "CheckGroup", "CheckLink", "CheckPlan", "Get", "List", "All", "Links", "KeyLinks", "RouteFaults", "String", "Format"},
	"usageplan.Groups":  {"Check", "Get", "List", "All", "String", "Format"},
	"ration.Ration":     {"Handler", "Close"},
	"gate.Gate": {
		"Account", "Admit", "AdmitInto", "Classes", "Close", "Counter", "Enforce", "Format", "GroupReports", "GroupUsageByDay", "GroupUsageByWindow", "Identify",
		"KeyFormat", "KeyReports", "Keys", "LastUsed", "NoteMistake", "Peek", "PlanUsage", "Plans", "Refund", "ScopesSeen", "Settle", "Stats", "String", "Units", "Unused", "Usage",
		"UsageByDay", "UsageByWindow",
	},
}

const imported = apikey.Secret("a-secret-that-clients-have-already")

func freePlan() usageplan.Plan { return ration.Must(usageplan.Parse("free", "unlimited", "10/day")) }

func digestOfAnn(r *ration.Ration) apikey.Digest {
	return ration.Must(r.Keys.Get(context.Background(), "ann")).Digest
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

// recorded is a Recorder that keeps every Entry.
type recorded []history.Entry

func (r *recorded) Record(_ context.Context, e history.Entry) { *r = append(*r, e) }

// text returns the actions, kinds and IDs of all entries.
func (r *recorded) text() string {
	var all []string
	for _, e := range *r {
		all = append(all, e.Action+" "+e.Kind+" "+e.ID)
	}
	return strings.Join(all, ", ")
}

// recording returns a Ration with two plans, a family of groups, two keys, and a dead
// link. It records nothing of that.
func recording(t *testing.T) (*ration.Ration, *recorded) {
	ctx, log := t.Context(), &recorded{}
	r := ration.Must(ration.New(memory.New(memory.Config{}), ration.Config{
		Keys: apikey.Config{KeyFormat: apikey.Format{AcceptForeign: true}}, History: log,
	}))
	t.Cleanup(func() { _ = r.Close() })
	ration.Must(r.Plans.Create(ctx, freePlan()))
	ration.Must(r.Plan(ctx, "pro", "unlimited", "100/month"))
	for _, g := range []usageplan.Group{{ID: "acme", PlanID: "pro"}, {ID: "team", ParentID: "acme"}, {ID: "help", ParentID: "acme"}} {
		ration.Must(r.Groups.Create(ctx, g))
	}
	for _, k := range []apikey.Key{{ID: "ann"}, {ID: "bob", Enabled: true, GroupID: "acme"}, {ID: "gone"}} {
		require.NoError(t, third(r.Keys.Create(ctx, k)))
	}
	require.NoError(t, r.Plans.Link(ctx, "free", "ann"))
	require.NoError(t, r.Plans.Link(ctx, "free", "gone"))
	require.NoError(t, r.Keys.Delete(ctx, "gone"))
	*log = nil
	return r, log
}

// TestHistoryOfEveryMethod finds the exported methods of all services. Each that changes
// something records one entry for each change, with the actor. A call that changes
// nothing, or that fails, records nothing.
func TestHistoryOfEveryMethod(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, of := range []any{(*apikey.Service)(nil), (*usageplan.Service)(nil), (*usageplan.Groups)(nil), (*gate.Gate)(nil), (*ration.Ration)(nil)} {
		owner := strings.TrimPrefix(reflect.TypeOf(of).String(), "*")
		for m := range reflect.TypeOf(of).Methods() {
			c, changing := changes[owner+"."+m.Name]
			assert.NotEqual(t, changing, slices.Contains(unchanging[owner], m.Name), "%s.%s: want it in changes or in unchanging", owner, m.Name)
			if !changing {
				continue
			}
			seen++
			t.Run(owner+"."+m.Name, func(t *testing.T) { c.check(t) })
		}
	}
	require.Equal(t, len(changes), seen, "a method is gone")
}

func (c *change) check(t *testing.T) {
	r, log := recording(t)
	alice := history.Actor{Kind: "page", Name: "alice"}
	ctx := history.WithActor(t.Context(), alice)
	began := time.Now()

	require.NoError(t, c.do(ctx, r))
	parts := strings.Split(c.want, ", ")
	require.Len(t, *log, len(parts), log.text())
	for i, e := range *log {
		require.Regexp(t, "^"+strings.ReplaceAll(parts[i], "*", "[a-z0-9]+")+"$", e.Action+" "+e.Kind+" "+e.ID)
		require.Equal(t, alice, e.Actor)
		require.False(t, e.At.Before(began.Truncate(time.Microsecond)))
		require.NotEmpty(t, e.Diff())
		require.Equal(t, slices.Contains([]string{"create", "import", "link"}, e.Action), e.Before == nil, "before: %s", e.Before)
		require.Equal(t, slices.Contains([]string{"delete", "unlink"}, e.Action), e.After == nil, "after: %s", e.After)
		require.NoError(t, e.Validate())
	}

	if c.idle != nil {
		r, log = afresh(t, c, r, log)
		_ = c.idle(ctx, r)
		require.Empty(t, log.text(), "a call that changed nothing")
	}
}

// afresh returns a new Ration for the idle call. Only that of Prune comes after the call
// that changed something.
func afresh(t *testing.T, c *change, r *ration.Ration, log *recorded) (*ration.Ration, *recorded) {
	if strings.Contains(c.want, "gone/") {
		*log = nil
		return r, log
	}
	return recording(t)
}

// TestHistoryOfNobody checks that a change without an actor is recorded.
func TestHistoryOfNobody(t *testing.T) {
	t.Parallel()
	r, log := recording(t)
	require.NoError(t, r.Keys.Delete(t.Context(), "ann"))
	require.Equal(t, history.Actor{}, (*log)[0].Actor)
	require.Equal(t, "unknown", fmt.Sprint((*log)[0].Actor))
}

// TestNilHistory checks that a nil pointer in the interface is refused.
func TestNilHistory(t *testing.T) {
	t.Parallel()
	_, err := ration.New(memory.New(memory.Config{}), ration.Config{History: (*recorded)(nil)})
	require.ErrorContains(t, err, "history: nil *ration_test.recorded: want a history.Recorder, or none")
}
