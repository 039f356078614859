package apigateway

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// createPlan is CreateUsagePlan.
func (h *Handler) createPlan(r *http.Request) (int, any, error) {
	var in planText
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	if in.Name == "" {
		return 0, nil, badRequest("Usage Plan name must be specified")
	}
	if err := checkTags(in.Tags); err != nil {
		return 0, nil, err
	}
	in.ProductCode = "" // by a patch alone
	p := usageplan.Plan{Tags: in.Tags}
	if err := in.fill(&p, h.accountRate()); err != nil {
		return 0, nil, err
	}
	if err := h.stagesExist(r.Context(), p.Stages, nil); err != nil {
		return 0, nil, err
	}
	p, err := h.plans.Create(r.Context(), p)
	if err != nil {
		return 0, nil, err
	}
	out := planOf(&p)
	out.Tags = p.Tags
	return http.StatusCreated, out, nil
}

// stagesExist refuses stages that there are not, but for those that a plan has already.
func (h *Handler) stagesExist(ctx context.Context, stages, had []usageplan.Stage) error {
	if h.cfg.Stages == nil {
		return nil
	}
	old := map[usageplan.Stage]bool{}
	for _, s := range had {
		old[s] = true
	}
	for _, s := range stages {
		if old[s] {
			continue
		}
		exists, err := h.cfg.Stages.Stage(ctx, s)
		if err != nil {
			return err
		}
		if !exists {
			return notFound("API Stage not found: %s", s)
		}
	}
	return nil
}

// getPlan is GetUsagePlan.
func (h *Handler) getPlan(r *http.Request) (int, any, error) {
	p, err := h.plans.Get(r.Context(), r.PathValue("plan"))
	if err != nil {
		return 0, nil, err
	}
	out := planOf(&p)
	out.Tags = tagged(p.Tags)
	return http.StatusOK, out, nil
}

// getPlans is GetUsagePlans, of all plans or of those of one key.
func (h *Handler) getPlans(r *http.Request) (int, any, error) {
	ctx, query := r.Context(), r.URL.Query()
	if keyID := query.Get("keyId"); keyID != "" {
		out, err := h.plansOf(ctx, keyID)
		return http.StatusOK, out, err
	}
	out, err := collect(query, func(cursor string, limit int) ([]usageplan.Plan, string, error) {
		return h.plans.List(ctx, cursor, limit)
	}, func(p *usageplan.Plan) (planText, bool, error) { return planOf(p), true, nil })
	return http.StatusOK, out, err
}

// plansOf is the plans of a key, which are few, newest link first.
func (h *Handler) plansOf(ctx context.Context, keyID string) (page[planText], error) {
	out := page[planText]{Item: []planText{}}
	links, err := h.plans.KeyLinks(ctx, keyID)
	for i := len(links) - 1; i >= 0 && err == nil; i-- {
		var p usageplan.Plan
		if p, err = h.plans.Get(ctx, links[i].PlanID); err == nil {
			out.Item = append(out.Item, planOf(&p))
		} else if errors.Is(err, usageplan.ErrNotFound) {
			err = nil // a dead link
		}
	}
	return out, err
}

// updatePlan is UpdateUsagePlan.
func (h *Handler) updatePlan(r *http.Request) (int, any, error) {
	ops, err := readPatch(r)
	if err != nil {
		return 0, nil, err
	}
	p, err := h.plans.Update(r.Context(), r.PathValue("plan"), func(p *usageplan.Plan) error {
		text, had := planOf(p), p.Stages
		for _, op := range ops {
			if err := text.patch(op); err != nil {
				return err
			}
		}
		if text.Name == "" && p.Name != "" {
			return badRequest("Usage Plan name must be specified")
		}
		if err := text.fill(p, h.accountRate()); err != nil {
			return err
		}
		return h.stagesExist(r.Context(), p.Stages, had)
	})
	if err != nil {
		return 0, nil, err
	}
	out := planOf(&p)
	out.Tags = tagged(p.Tags)
	return http.StatusOK, out, nil
}

// deletePlan is DeleteUsagePlan, which wants the stages to be taken away first.
func (h *Handler) deletePlan(r *http.Request) (int, any, error) {
	id := r.PathValue("plan")
	return http.StatusAccepted, nil, h.plans.DeleteIf(r.Context(), id, func(p *usageplan.Plan) error {
		var names []string
		for _, s := range p.Stages {
			names = append(names, s.String())
		}
		if names == nil {
			return nil
		}
		return badRequest("Cannot delete Usage Plan %s because there are API Stages associated with it, including %s",
			id, strings.Join(names, ", "))
	})
}

// planKeyText is a UsagePlanKey on the wire.
type planKeyText struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Value string `json:"value,omitzero"`
	Name  string `json:"name,omitzero"`
}

func (h *Handler) planKey(k *apikey.Key) planKeyText {
	return planKeyText{k.ID, "API_KEY", string(h.value(k, true)), k.Name}
}

// createPlanKey is CreateUsagePlanKey.
func (h *Handler) createPlanKey(r *http.Request) (int, any, error) {
	var in struct{ KeyID, KeyType string }
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	if in.KeyType != "API_KEY" {
		return 0, nil, badRequest("Invalid key type specified. Must be one of [API_KEY]")
	}
	k, err := h.keys.Get(r.Context(), in.KeyID)
	if err != nil {
		return 0, nil, err
	}
	if err := h.plans.Link(r.Context(), r.PathValue("plan"), in.KeyID); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, h.planKey(&k), nil
}

// getPlanKeys is GetUsagePlanKeys: of a plan that there is not none, as in AWS.
func (h *Handler) getPlanKeys(r *http.Request) (int, any, error) {
	ctx, query := r.Context(), r.URL.Query()
	out, err := collect(query, func(cursor string, limit int) ([]usageplan.Link, string, error) {
		return h.plans.Links(ctx, r.PathValue("plan"), cursor, limit)
	}, func(l *usageplan.Link) (planKeyText, bool, error) {
		k, err := h.keys.Get(ctx, l.KeyID)
		if errors.Is(err, apikey.ErrNotFound) {
			return planKeyText{}, false, nil
		}
		return h.planKey(&k), strings.HasPrefix(k.Name, query.Get("name")), err
	})
	return http.StatusOK, out, err
}

// getPlanKey is GetUsagePlanKey. A key that is in another plan is answered like no plan,
// as in AWS.
func (h *Handler) getPlanKey(r *http.Request) (int, any, error) {
	ctx, planID := r.Context(), r.PathValue("plan")
	k, err := h.keys.Get(ctx, r.PathValue("key"))
	if err != nil {
		return 0, nil, err
	}
	links, err := h.plans.KeyLinks(ctx, k.ID)
	if err != nil {
		return 0, nil, err
	}
	for _, l := range links {
		if l.PlanID == planID {
			return http.StatusOK, h.planKey(&k), nil
		}
	}
	return 0, nil, errNoPlan
}

// deletePlanKey is DeleteUsagePlanKey.
func (h *Handler) deletePlanKey(r *http.Request) (int, any, error) {
	return http.StatusAccepted, nil, h.plans.Unlink(r.Context(), r.PathValue("plan"), r.PathValue("key"))
}
