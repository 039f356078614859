package usageplan

import (
	"maps"
	"slices"
)

// Clone returns a copy that shares no memory that can be written to. The two still share
// the locations of quotas, which never change.
func (p Plan) Clone() Plan {
	p.Throttle = copied(p.Throttle)
	p.For = maps.Clone(p.For)
	for key, l := range p.For {
		p.For[key] = Limits{slices.Clone(l.Throttles), slices.Clone(l.Quotas)}
	}
	p.Throttles = slices.Clone(p.Throttles)
	p.Quotas = slices.Clone(p.Quotas)
	p.Alerts = slices.Clone(p.Alerts)
	p.Routes = maps.Clone(p.Routes)
	p.Stages = slices.Clone(p.Stages)
	p.Tags = maps.Clone(p.Tags)
	p.StageRoutes = maps.Clone(p.StageRoutes)
	for stage, routes := range p.StageRoutes {
		p.StageRoutes[stage] = maps.Clone(routes)
	}
	return p
}

// Clone returns a copy that shares no memory that can be written to.
func (l Link) Clone() Link {
	l.Throttle = copied(l.Throttle)
	l.Throttles = slices.Clone(l.Throttles)
	l.Quotas = slices.Clone(l.Quotas)
	l.Alerts = slices.Clone(l.Alerts)
	return l
}

// copied returns a pointer to a copy of *p, or nil if p is nil.
func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}
