// Package quota is how an allowance is said and asked: so many units a day, a week, a
// month, by the calendar of any time zone.
//
// A [Quota] has a text form, such as "1000000/month start 15 in Europe/Berlin", and gives
// the [store.Meter] of the window that an instant is in. A window is known by its start:
// it ends because the next begins, so that nothing has to be reset, and a count can never
// be lost between two windows. Two windows that adjoin admit up to twice the limit in a
// moment; a throttle, which package limiter has, smooths that.
//
// [Days] and [Windows] read what was used, through any [store.Counter].
//
// # Zones
//
// A quota of UTC, which is the default, means the same everywhere. One of a zone goes by
// the zone data of the process that asks; where two processes have different data, they
// agree on all windows whose bounds the data agree on. A program for systems without zone
// data imports time/tzdata.
package quota
