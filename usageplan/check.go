package usageplan

// CheckPlan reports every fault for which Create refuses p before it calls the store:
// those that Validate finds, and units and classes that are not declared. So a program
// can check many plans before it stores the first. The error wraps ErrInvalid.
func (s *Service) CheckPlan(p *Plan) error {
	return invalid("plan", append(p.faults(), s.undeclared(p)...))
}

// CheckLink reports every fault that the overrides of l have, alone and beside the limits
// of its plan p, and units that are not declared. If p is nil, only the faults of l alone
// are reported. CheckLink ignores the Allowance, which AddLink sets. The error wraps
// ErrInvalid.
func (s *Service) CheckLink(l *Link, p *Plan) error {
	checked := *l
	checked.Allowance = l.PlanID
	if checked.Allowance == "" { // the fault of PlanID is reported already
		checked.Allowance = "none"
	}
	errs := append(checked.faults(), s.units.faults(l.Throttles, l.Quotas)...)
	if p != nil {
		errs = append(errs, p.overrideFaults(l.Throttles, l.Quotas)...)
	}
	return invalid("link", errs)
}

// CheckGroup reports every fault that g has, alone and beside the limits of its plan p,
// and units that are not declared. If p is nil, only the faults of g alone are reported.
// The error wraps ErrInvalid.
func (s *Service) CheckGroup(g *Group, p *Plan) error {
	errs := append(g.faults(), s.units.faults(g.Throttles, g.Quotas)...)
	if p != nil {
		errs = append(errs, p.overrideFaults(g.Throttles, g.Quotas)...)
	}
	return invalid("group", errs)
}
