package usageplan

import (
	"context"
	"errors"
	"fmt"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/internal/pages"
)

// An AuditReport lists keys, plans, links and groups that an operator may want to
// correct. IDs are in the order of the listings, newest first.
type AuditReport struct {
	// KeysWithoutPlan lists enabled keys that no plan admits: neither one of their links nor
	// one of the groups above them. A detached plan admits no key. If a group has it, it
	// closes all keys below the group. Keys in KeysWithoutGroup are not listed here.
	KeysWithoutPlan []string

	// DisabledKeys lists disabled keys that are linked to a plan.
	DisabledKeys []string

	// PlansWithoutKeys lists plans that no group has and no existing key is linked to.
	PlansWithoutKeys []string

	// DeadLinks lists links whose key or plan does not exist. A link that has lost both is
	// in no listing, and so not in the report.
	DeadLinks []Link

	// KeysWithManyPlans lists keys with two plans for every stage, or with two plans for the
	// same stage, which only concurrent changes can cause. The plan with the older link
	// counts.
	KeysWithManyPlans []string

	// KeysWithoutGroup lists keys that a Gate refuses because of their groups: the group,
	// one above it, or the plan of one of them does not exist, or there are more than
	// MaxGroups up to the root. If the Store is not a GroupStore, all keys with a GroupID
	// are listed.
	KeysWithoutGroup []string

	// BrokenGroups lists groups whose parent or plan does not exist, or which have more than
	// MaxGroups groups up to the root, themselves included. Only concurrent changes can
	// cause either.
	BrokenGroups []string

	// EmptyGroups lists groups without keys and without groups below them.
	EmptyGroups []string

	// Invalid lists plans, links and groups that break a rule. They name a unit or a class
	// that is not declared, or their limits do not fit beside those of their plan, for
	// example. A Gate refuses the keys of such limits, except those of a class that is not
	// declared. Only concurrent changes, a Service with another Config, or another program
	// can cause this.
	Invalid []InvalidRecord

	// RoutesWithoutEffect lists the routes that plans name and that have no effect, by
	// Config.CheckRoute: no router has them, or requests for them have gone to another
	// route.
	//
	// UnseenRoutes lists those that no router is known to have, and that no request has had
	// since the process began. They may be right: their requests may be rare, or may go to
	// another process.
	RoutesWithoutEffect, UnseenRoutes []PlanRoute
}

// An InvalidRecord names a plan, a link or a group that breaks a rule.
type InvalidRecord struct {
	PlanID  string // of the plan, or of the link
	KeyID   string // of the link
	GroupID string // of the group
	Fault   string // every fault, each on a line of its own
}

// Audit reads all keys, plans, links and groups, and reports what may need a correction.
// It changes nothing. A Service does not know when keys were used: gate.Gate.Unused lists
// those that nobody uses.
func (s *Service) Audit(ctx context.Context) (AuditReport, error) {
	a := newAudit(s)
	// auditGroups needs what auditKeys has noted of groups, and auditPlans what auditGroups
	// has noted of plans.
	for _, step := range []func(context.Context) error{a.auditKeys, a.auditGroups, a.auditPlans} {
		if err := step(ctx); err != nil {
			return AuditReport{}, fmt.Errorf("usageplan: audit: %w", err)
		}
	}
	return a.AuditReport, nil
}

// Prune removes the dead links that Audit finds. It returns their number.
func (s *Service) Prune(ctx context.Context) (int, error) {
	a, err := s.Audit(ctx)
	if err != nil {
		return 0, err
	}
	recorded := func(l *Link) { s.history.link(ctx, history.Unlink, l, nil) }
	if err := s.removeLinks(ctx, a.DeadLinks, recorded); err != nil {
		return 0, fmt.Errorf("usageplan: prune: %w", err)
	}
	return len(a.DeadLinks), nil
}

// An audit is an Audit in progress.
type audit struct {
	*Service
	AuditReport
	groups        GroupStore         // nil if the Store keeps none
	verdicts      map[string]verdict // by the ID of a group that a key is in
	groupsInUse   map[string]bool    // the IDs of groups with a key or with a group below
	plansOfGroups map[string]bool    // the IDs of plans that groups have
}

func newAudit(s *Service) *audit {
	groups, _ := s.plans.(GroupStore)
	return &audit{
		Service:       s,
		groups:        groups,
		verdicts:      map[string]verdict{},
		groupsInUse:   map[string]bool{},
		plansOfGroups: map[string]bool{},
	}
}

// auditPlans adds to the report what is wrong with all plans.
func (a *audit) auditPlans(ctx context.Context) error {
	for p, err := range a.All(ctx) {
		if err == nil {
			a.reportInvalid(InvalidRecord{PlanID: p.ID}, "plan", append(p.faults(), a.undeclared(&p)...))
			a.auditRoutes(&p)
			err = a.auditPlan(ctx, p.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reportInvalid adds the faults of a plan, a link or a group to the report, if there are
// any.
func (a *audit) reportInvalid(record InvalidRecord, what string, faults []error) {
	if err := invalid(what, faults); err != nil {
		record.Fault = err.Error()
		a.Invalid = append(a.Invalid, record)
	}
}

// auditPlan adds to the report what is wrong with the links of a plan. It finds the links
// whose key is missing, which auditKey cannot reach.
func (a *audit) auditPlan(ctx context.Context, id string) error {
	live := 0 // links whose key exists
	for links, err := range pages.All(func(cursor string) ([]Link, string, error) {
		return a.plans.PlanLinks(ctx, id, cursor, pages.Size)
	}) {
		if err != nil {
			return err
		}
		for _, l := range links {
			switch _, err := a.keys.Key(ctx, l.KeyID); {
			case err == nil:
				live++
			case errors.Is(err, apikey.ErrNotFound):
				a.DeadLinks = append(a.DeadLinks, l)
			default:
				return err
			}
		}
	}
	if live == 0 && !a.plansOfGroups[id] {
		a.PlansWithoutKeys = append(a.PlansWithoutKeys, id)
	}
	return nil
}
