package directory

import (
	"encoding/json"
	"errors"
	"reflect"

	"github.com/ration-go/ration/usageplan"
)

var errNotALimit = errors.New("a member that is not a limit: want the limits alone")

// limitsField is the column with the limits of a record, in the JSON form of the record.
// Its other fields have columns of their own. The function only returns a copy of a
// record that has the limits alone, and set sets the limits.
func limitsField[T any](encode func() any, only func(T) T, set func(T)) field {
	return jsonField("limits",
		func() (any, error) { return encode(), nil },
		func(text []byte) error {
			var found T
			if err := json.Unmarshal(text, &found); err != nil {
				return err
			}
			if !reflect.DeepEqual(found, only(found)) {
				return errNotALimit
			}
			set(found)
			return nil
		})
}

// planLimits is the column with the limits of a plan.
func planLimits(p *usageplan.Plan) field {
	type limits struct {
		usageplan.Plan
		ID struct{} `json:"id,omitzero"` // hides that of the Plan, which has no omitzero
	}
	only := func(p usageplan.Plan) usageplan.Plan {
		return usageplan.Plan{
			Throttle: p.Throttle, Throttles: p.Throttles, Quotas: p.Quotas, Alerts: p.Alerts,
			For: p.For, Routes: p.Routes, StageRoutes: p.StageRoutes,
		}
	}
	return limitsField(func() any { return limits{Plan: only(*p)} }, only, func(found usageplan.Plan) {
		p.Throttle, p.Throttles, p.Quotas, p.Alerts = found.Throttle, found.Throttles, found.Quotas, found.Alerts
		p.For, p.Routes, p.StageRoutes = found.For, found.Routes, found.StageRoutes
	})
}

// linkLimits is the column with the overrides of a link.
func linkLimits(l *usageplan.Link) field {
	type limits struct {
		usageplan.Link
		PlanID    struct{} `json:"planId,omitzero"`
		KeyID     struct{} `json:"keyId,omitzero"`
		Allowance struct{} `json:"allowance,omitzero"`
	}
	only := func(l usageplan.Link) usageplan.Link {
		return usageplan.Link{Throttle: l.Throttle, Throttles: l.Throttles, Quotas: l.Quotas, Alerts: l.Alerts}
	}
	return limitsField(func() any { return limits{Link: only(*l)} }, only, func(found usageplan.Link) {
		l.Throttle, l.Throttles, l.Quotas, l.Alerts = found.Throttle, found.Throttles, found.Quotas, found.Alerts
	})
}

// groupLimits is the column with the overrides of a group.
func groupLimits(g *usageplan.Group) field {
	type limits struct {
		usageplan.Group
		ID struct{} `json:"id,omitzero"`
	}
	only := func(g usageplan.Group) usageplan.Group {
		return usageplan.Group{Throttle: g.Throttle, Throttles: g.Throttles, Quotas: g.Quotas}
	}
	return limitsField(func() any { return limits{Group: only(*g)} }, only, func(found usageplan.Group) {
		g.Throttle, g.Throttles, g.Quotas = found.Throttle, found.Throttles, found.Quotas
	})
}
