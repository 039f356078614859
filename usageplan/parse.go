package usageplan

import (
	"cmp"
	"fmt"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
)

// Parse returns a plan with an ID and with limits in their text forms: a throttle such as
// "50/s burst 100" or "unlimited", and quotas such as "1000/day" or "200000
// input_tokens/day". A plan with Throttles gets them from ParseThrottle: a text such as
// "5/minute" is a throttle and a quota alike, and means another limit as each.
//
// The error reports every fault at once and wraps ErrInvalid.
func Parse(id, throttle string, quotas ...string) (Plan, error) {
	p := Plan{ID: id, Throttle: new(limiter.Limit)}
	wrong := fault.In("throttle", p.Throttle.UnmarshalText([]byte(throttle)))
	errs := []error{cmp.Or(misplaced(throttle), wrong)}
	if len(quotas) > 0 {
		p.Quotas = make([]quota.Quota, len(quotas))
	}
	for i, text := range quotas {
		errs = append(errs, fault.In(fmt.Sprintf("quotas[%d]", i), p.Quotas[i].UnmarshalText([]byte(text))))
	}
	if err := fault.Report(ErrInvalid, "plan", errs...); err != nil {
		return Plan{}, err
	}
	if err := p.Validate(); err != nil {
		return Plan{}, err
	}
	return p, nil
}
