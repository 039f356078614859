// Package usageplan manages usage plans: rate limits, quotas and API stages, and the
// links that tie API keys to them.
//
// A [Plan] says how much a key may use: a token bucket, up to five calendar quotas,
// throttles of single routes, and the API stages that the plan is for. A [Link] ties a
// key to a plan, and names the subject whose counts the key uses. A [Service] manages the
// plans and links of a [Store]. Package gate enforces them.
package usageplan
