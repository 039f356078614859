// Package usageplan manages usage plans: rate limits, quotas and API stages, and the
// links that tie API keys to them.
//
// A [Plan] says how much: a token bucket (so many a second, and so many at once), any of
// several quotas by the calendar, throttles of single routes, and the API stages that it
// is for. A [Link] ties a key to a plan and names the subject that pays, whose counts
// they are. A [Service] manages plans and links. Package gate enforces them.
package usageplan
