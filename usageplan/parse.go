package usageplan

import (
	"fmt"

	"github.com/ration-go/ration/internal/fault"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
)

// Parse returns a plan with an ID and with limits in their text forms: a throttle such as
// "50/s burst 100" or "unlimited", and quotas such as "1000/day". The error reports every
// fault at once and wraps ErrInvalid.
func Parse(id, throttle string, quotas ...string) (Plan, error) {
	p := Plan{ID: id, Throttle: new(limiter.Limit)}
	errs := []error{fault.In("throttle", p.Throttle.UnmarshalText([]byte(throttle)))}
	if len(quotas) > 0 {
		p.Quotas = make([]quota.Quota, len(quotas))
	}
	for i, text := range quotas {
		errs = append(errs, fault.In(fmt.Sprintf("quotas[%d]", i), p.Quotas[i].UnmarshalText([]byte(text))))
	}
	if err := fault.Report(ErrInvalid, "plan", errs...); err != nil {
		return Plan{}, err
	}
	return p, p.Validate()
}
