package usageplan

import (
	"maps"
	"slices"
)

// Clone is a copy that shares nothing that can be written to.
func (p Plan) Clone() Plan {
	p.Quotas, p.Stages, p.Tags = slices.Clone(p.Quotas), slices.Clone(p.Stages), maps.Clone(p.Tags)
	p.Throttle, p.Routes, p.StageRoutes = copied(p.Throttle), maps.Clone(p.Routes), maps.Clone(p.StageRoutes)
	for stage, routes := range p.StageRoutes {
		p.StageRoutes[stage] = maps.Clone(routes)
	}
	return p
}

// Clone is a copy that shares nothing that can be written to.
func (l Link) Clone() Link {
	l.Throttle, l.Quotas = copied(l.Throttle), slices.Clone(l.Quotas)
	return l
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	return new(*p)
}
