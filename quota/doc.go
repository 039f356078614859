// Package quota counts requests or units by the calendar: a quota of so many units a
// minute, hour, day, week, month or year, in any time zone.
//
// A [Quota] has a text form, such as "1000000/month start 15 in Europe/Berlin". Its Meter
// method returns the [store.Meter] of the window that an instant is in. A [Counter] holds
// each key to a Quota, without API keys or usage plans. [Days] and [Windows] report what
// was used, through any [store.Counter]. [Forecast] says when a window will be used up.
//
// A window is identified by its start. It ends because the next one begins, so nothing
// has to be reset, and no count is lost between two windows.
//
// Two adjoining windows together admit up to twice the limit within a moment. A rate
// limit, see package limiter, smooths that.
//
// # Zones
//
// A quota in UTC, which is the default, means the same on every machine. A quota in
// another zone depends on the zone data of the process. Processes with different zone
// data agree on every window whose bounds are the same in both. A program for systems
// without zone data imports time/tzdata.
package quota
