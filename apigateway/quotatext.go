package apigateway

import (
	"slices"

	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// quotaText is the wire form of QuotaSettings.
type quotaText struct {
	Limit  *int64 `json:"limit,omitzero"`
	Offset *int64 `json:"offset,omitzero"`
	Period string `json:"period,omitzero"`
}

// periods maps the periods that AWS has to their names.
var periods = map[quota.Period]string{quota.Day: "DAY", quota.Week: "WEEK", quota.Month: "MONTH"}

// quotaAt returns the index of the quota that answers show, or -1. It is the first quota
// of requests whose period AWS has. It is not soft, since in AWS a quota refuses.
func quotaAt(p *usageplan.Plan) int {
	return slices.IndexFunc(p.Quotas, func(q quota.Quota) bool {
		return periods[q.Period] != "" && !q.Soft && (q.Unit == "" || q.Unit == usageplan.Requests)
	})
}

// quotaOf returns the wire form of a quota. The offset counts days from 0, and the
// StartDay of a month counts from 1 (0 means 1, too).
func quotaOf(q quota.Quota) *quotaText {
	offset := q.StartDay
	if q.Period == quota.Month {
		offset = max(q.StartDay-1, 0)
	}
	return &quotaText{new(min(q.Limit, maxFigure)), new(int64(offset)), periods[q.Period]}
}

// quota returns the quota that replaces old. The fields that AWS does not have, such as
// the name, stay if the period stays. Another period makes a new quota, of which only the
// time zone is that of old.
func (t *quotaText) quota(old quota.Quota) (quota.Quota, error) {
	switch {
	case t.Limit == nil || *t.Limit < 0:
		return old, badRequest("Usage Plan quota limit must be a non-negative numeric")
	case *t.Limit > maxFigure:
		return old, badRequest("Usage Plan quota limit must be at most %d", maxFigure)
	}
	q, offset := old, int64(0)
	if t.Offset != nil {
		offset = *t.Offset
	}
	// A quota of another period counts in other windows, so its start day begins anew.
	for period, name := range periods {
		if name == t.Period && period != old.Period {
			q = quota.Quota{Period: period, Location: old.Location}
		}
	}
	if periods[q.Period] != t.Period || t.Period == "" {
		return old, badRequest("Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]")
	}
	if q.Limit = figure(*t.Limit, old.Limit); q.Period == old.Period && offset == *quotaOf(old).Offset {
		// An unchanged offset is not checked: a quota from elsewhere may begin on the 31st,
		// which is outside AWS's range.
		return q, nil
	}
	var err error
	if q.StartDay, err = startDay(q.Period, offset); err != nil {
		return old, err
	}
	return q, nil
}

// startDay returns the start day of a period for an offset from the wire.
//
// AWS accepts these ranges, by Terraform's checks and its tests on AWS. They are ranges
// of days, whatever AWS's documentation says of the offset now (see the package doc).
func startDay(period quota.Period, offset int64) (int, error) {
	last := map[quota.Period]int64{quota.Day: 0, quota.Week: 6, quota.Month: 27}[period]
	if last == 0 && offset != 0 {
		return 0, badRequest("Usage Plan quota offset must be zero in the DAY period")
	}
	if offset < 0 || offset > last {
		return 0, badRequest("Usage Plan quota offset must be between 0 and %d inclusive in the %s period", last, periods[period])
	}
	if period == quota.Month {
		offset++ // the first of a month is 1
	}
	return int(offset), nil
}
