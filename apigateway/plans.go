package apigateway

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// createPlan serves CreateUsagePlan. Its answer omits tags that were not given, as in
// AWS.
func (h *Handler) createPlan(r *http.Request) (int, any, error) {
	var in planText
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	// usageplan accepts a plan without a name, but AWS requires one.
	if in.Name == "" {
		return 0, nil, badRequest("Usage Plan name must be specified")
	}
	if err := checkTags(in.Tags); err != nil {
		return 0, nil, err
	}
	in.ProductCode = "" // AWS's CreateUsagePlan has no product code; only a patch sets it
	p := usageplan.Plan{Tags: in.Tags}
	if err := in.fill(&p, h.accountRate()); err != nil {
		return 0, nil, err
	}
	if err := h.stagesExist(r.Context(), p.Stages, nil); err != nil {
		return 0, nil, err
	}
	// The service makes the id: AWS lets no client choose one.
	p, err := h.plans.Create(r.Context(), p)
	if err != nil {
		return 0, nil, err
	}
	out := planOf(&p)
	out.Tags = p.Tags
	return http.StatusCreated, out, nil
}

// stagesExist returns an error if one of the stages does not exist. It accepts those in
// had without asking: a stage that was deleted since must not block every other change of
// its plan.
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

// getPlan serves GetUsagePlan.
func (h *Handler) getPlan(r *http.Request) (int, any, error) {
	p, err := h.plans.Get(r.Context(), r.PathValue("plan"))
	if err != nil {
		return 0, nil, err
	}
	out := planOf(&p)
	out.Tags = tagged(p.Tags)
	return http.StatusOK, out, nil
}

// getPlans serves GetUsagePlans. With a keyId it lists the plans of that key. Items of a
// list have no tags, as in AWS.
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

// plansOf returns the plans of a key, the newest link first, since AWS lists new ones
// first. It returns them in one page, because a key has few plans: 10 in AWS by default.
func (h *Handler) plansOf(ctx context.Context, keyID string) (page[planText], error) {
	out := page[planText]{Item: []planText{}}
	links, err := h.plans.KeyLinks(ctx, keyID)
	for i := len(links) - 1; i >= 0 && err == nil; i-- {
		var p usageplan.Plan
		if p, err = h.plans.Get(ctx, links[i].PlanID); err == nil {
			out.Item = append(out.Item, planOf(&p))
		} else if errors.Is(err, usageplan.ErrNotFound) {
			err = nil // the plan was deleted, and its link was not removed yet
		}
	}
	return out, err
}

// updatePlan serves UpdateUsagePlan. It applies all operations to the plan's wire form
// inside one Update: either all of them take effect or none. Update calls the function
// again if somebody else changed the plan meanwhile, so the operations never apply to an
// old plan.
func (h *Handler) updatePlan(r *http.Request) (int, any, error) {
	ops, err := readPatch(r)
	if err != nil {
		return 0, nil, err
	}
	p, err := h.plans.Update(r.Context(), r.PathValue("plan"), func(p *usageplan.Plan) error {
		// The stages that the plan had are kept apart, because fill replaces them.
		text, had := planOf(p), p.Stages
		for _, op := range ops {
			if err := text.patch(op); err != nil {
				return err
			}
		}
		// A service may create plans without names through usageplan. Such a plan can be
		// patched; a name cannot be removed.
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

// deletePlan serves DeleteUsagePlan. AWS refuses to delete a plan that has stages, but
// deletes one that only has keys. DeleteIf checks the plan that is deleted, so a stage
// that is added meanwhile is not lost. It also refuses a plan that a group has.
func (h *Handler) deletePlan(r *http.Request) (int, any, error) {
	id := r.PathValue("plan")
	return http.StatusAccepted, nil, h.plans.DeleteIf(r.Context(), id, func(p *usageplan.Plan) error {
		// AWS names the stages, since they must be removed one by one.
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

// planKeyText is a UsagePlanKey in an answer. Its id is that of the API key.
type planKeyText struct {
	ID    string `json:"id"`
	Type  string `json:"type"`
	Value string `json:"value,omitzero"`
	Name  string `json:"name,omitzero"`
}

// planKey returns k with its value if the value can be shown: AWS always sends it.
func (h *Handler) planKey(k *apikey.Key) planKeyText {
	return planKeyText{k.ID, "API_KEY", string(h.value(k, true)), k.Name}
}

// createPlanKey serves CreateUsagePlanKey. The service refuses a second link of the same
// key and plan, and a second plan for one stage of the key. AWS documents that a key has
// only one plan for each stage.
func (h *Handler) createPlanKey(r *http.Request) (int, any, error) {
	var in struct{ KeyID, KeyType string }
	if err := read(r, &in); err != nil {
		return 0, nil, err
	}
	if in.KeyType != "API_KEY" {
		return 0, nil, badRequest("Invalid key type specified. Must be one of [API_KEY]")
	}
	// The service of plans does not know which keys exist, so the key is looked up first.
	// The answer needs its name, too.
	k, err := h.keys.Get(r.Context(), in.KeyID)
	if err != nil {
		return 0, nil, err
	}
	if _, err := h.plans.AddSpareLink(r.Context(), usageplan.Link{PlanID: r.PathValue("plan"), KeyID: in.KeyID}); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, h.planKey(&k), nil
}

// getPlanKeys serves GetUsagePlanKeys. For a plan that does not exist AWS answers 200
// with an empty list, and so does getPlanKeys. It omits keys that were deleted, and keys
// whose names do not have the wanted prefix.
func (h *Handler) getPlanKeys(r *http.Request) (int, any, error) {
	ctx, query := r.Context(), r.URL.Query()
	out, err := collect(query, func(cursor string, limit int) ([]usageplan.Link, string, error) {
		return h.plans.Links(ctx, r.PathValue("plan"), cursor, limit)
	}, func(l *usageplan.Link) (planKeyText, bool, error) {
		k, err := h.keys.Get(ctx, l.KeyID)
		if errors.Is(err, apikey.ErrNotFound) {
			return planKeyText{}, false, nil
		}

		// AWS matches the prefix of a name in the same case. The store cannot filter links by
		// the names of their keys, so collect reads further pages until one is full.
		return h.planKey(&k), strings.HasPrefix(k.Name, query.Get("name")), err
	})
	return http.StatusOK, out, err
}

// getPlanKey serves GetUsagePlanKey. For a key that is not in the plan the answer is that
// of a plan that does not exist, as moto has it. A key that does not exist has an error
// of its own.
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

// deletePlanKey serves DeleteUsagePlanKey. It does not look up the plan or the key, so a
// link whose key was deleted can be removed, too.
func (h *Handler) deletePlanKey(r *http.Request) (int, any, error) {
	return http.StatusAccepted, nil, h.plans.Unlink(r.Context(), r.PathValue("plan"), r.PathValue("key"))
}
