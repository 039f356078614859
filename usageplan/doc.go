// Package usageplan manages usage plans: rate limits, quotas and API stages, and the
// links and groups that tie API keys to them.
//
// A [Plan] says how much a key or a group may use: token buckets, calendar quotas,
// throttles of single routes, and the API stages that the plan is for. A [Link] ties a
// key to a plan. A [Service] manages the plans and links of a [Store]. Package gate
// enforces them.
//
// # Units
//
// A plan limits requests. It also limits other [Units] that the service declares, such as
// tokens of a language model, bytes or money: "1000000 input_tokens/month" is a quota,
// and "100000 input_tokens/minute" a [Throttle]. A request says what it uses of each in
// its [Costs]. A plan, a link or a group with a unit that is not declared is refused, so
// that a misspelt unit is not a limit without effect.
//
// # Groups
//
// A [Group] is an organisation or a team. All keys in it use its allowance together.
// Groups stand below one another, at most [MaxGroups] above a key, and each may have a
// plan. A request is charged to its key and to every group above the key in one step, and
// is admitted only if all of them have room. A key without a link is admitted by its
// groups alone, if one of them has a plan.
//
// [Groups] manages the groups of a [GroupStore]. The groups below one root are a family.
// A group stays in its family, while a key can move to any group. If a group above a key,
// or the plan of one, does not exist, a Gate refuses the key: a group that is missing is
// never taken for no group. [Service.Audit] reports such keys and groups.
package usageplan
