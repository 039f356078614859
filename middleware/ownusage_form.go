package middleware

import "time"

// usageVersion is the version of usageBody. It grows only if a client that knows the
// version before could misread the body. New members do not change it.
const usageVersion = 1

// A usageBody is the JSON of a client's own usage. docs/own-usage.md describes it.
type usageBody struct {
	Version int          `json:"version"`
	At      time.Time    `json:"at"`
	KeyID   string       `json:"keyId"`
	Cost    *usageCost   `json:"cost,omitzero"`
	Limits  []usageLimit `json:"limits"`
	Days    []usageDay   `json:"days,omitzero"`
	Groups  []usageGroup `json:"groups,omitzero"`
}

// A usageGroup is what a group above the key has used.
type usageGroup struct {
	ID     string       `json:"id"`
	Limits []usageLimit `json:"limits"`
	Days   []usageDay   `json:"days,omitzero"`
}

// A usageFit says when something fits. Never is set if waiting does not help.
type usageFit struct {
	Now   bool      `json:"now"`
	At    time.Time `json:"at,omitzero"`
	Never bool      `json:"never,omitzero"`
}

// A usageCost says when a request of some cost fits all limits.
type usageCost struct {
	Of map[string]int64 `json:"of"` // by unit
	usageFit
}

// A usageLimit is where a throttle or a quota stands.
type usageLimit struct {
	Name      string         `json:"name"`
	Kind      string         `json:"kind"` // throttle or quota
	Unit      string         `json:"unit"`
	Soft      bool           `json:"soft,omitzero"`
	Limit     int64          `json:"limit"`
	Used      int64          `json:"used"`
	Leased    int64          `json:"leased,omitzero"`
	Remaining int64          `json:"remaining"`
	PerSecond *float64       `json:"perSecond,omitzero"` // of a throttle
	Start     time.Time      `json:"start,omitzero"`     // of a quota's window
	Reset     time.Time      `json:"reset,omitzero"`     // the end, or when a bucket is full
	Fits      *usageFit      `json:"fits,omitzero"`      // if a cost was asked about
	Forecast  *usageForecast `json:"forecast,omitzero"`
	Windows   []usageWindow  `json:"windows,omitzero"`
}

// A usageForecast is a quota.Projection.
type usageForecast struct {
	PerSecond float64   `json:"perSecond"`
	AtEnd     int64     `json:"atEnd"`
	UsedUp    time.Time `json:"usedUp,omitzero"`
}

// A usageWindow is what was used in one window of a quota.
type usageWindow struct {
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	Limit     int64     `json:"limit"`
	Used      int64     `json:"used"`
	Leased    int64     `json:"leased,omitzero"`
	Remaining int64     `json:"remaining"`
}

// A usageDay is what was used on one day in UTC, by unit.
type usageDay struct {
	Start time.Time        `json:"start"`
	End   time.Time        `json:"end"`
	Used  map[string]int64 `json:"used"`
}
