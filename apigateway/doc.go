// Package apigateway serves the Amazon API Gateway protocol for API keys and usage plans.
// The `aws apigateway` command line, the AWS SDKs and Terraform can then manage the keys
// and plans of a service that enforces them itself:
//
//	aws apigateway create-api-key --name my-api-key --enabled \
//	    --endpoint-url http://127.0.0.1:8081 --region us-east-1
//
// A [Handler] is an http.Handler over an apikey.Service, a usageplan.Service and a
// gate.Gate. [New] requires an [Authenticator].
//
// # What differs from AWS
//
// Keys:
//
//   - A key's value is shown when the key is created. It is shown again only if the
//     apikey.Service has a Seal. Otherwise includeValue has no effect, and the values
//     that AWS returns with the keys of a plan are absent.
//   - Stage keys are stored and returned, but have no effect. The stages of a key are
//     those of its plans. Labels and generateDistinctId are accepted and not stored.
//
// Plans:
//
//   - All operations of a patch are applied in order, or none of them is.
//   - A plan that is created without stages counts on every stage that no other plan of
//     the key names. AWS has no such plans. A plan whose last stage was removed counts on
//     no stage, as in AWS (usageplan.Plan.Detached). The two look the same in answers.
//   - A key may be in several plans without stages, as in AWS. On a stage that no plan of
//     the key names, the plan of the oldest link counts.
//   - Two routes can have one name in AWS. Only one of them is shown: "//GET" means the
//     root alone, not everything below it. Patches leave the other route as it is.
//   - Numbers above 2147483647 are shown as 2147483647. Patches leave them as they are.
//
// Throttles:
//
//   - A throttle with a rate and no burst, or a burst of 0, shows a burst of 0. Its
//     bucket holds what the rate allows in a second, rounded up (see limiter.Limit).
//   - A throttle with a burst and no rate gets the account's rate. The rate is 10,000 if
//     the Gate has no account throttle. A rate of 0 blocks every request.
//   - GetAccount shows the throttle that the Gate enforces (gate.Config.Account), or no
//     throttle if the Gate has none. AWS always has one.
//
// Quotas and usage:
//
//   - A plan with several quotas shows the first one of requests whose period is a day, a
//     week or a month and that is not soft. Patches and UpdateUsage act on that quota.
//   - The offset of a quota is the day on which its week (0 is Sunday) or its month (0 is
//     the first) begins. AWS documented it so until 2021. It now documents the offset as
//     requests subtracted from the first period, but still accepts only ranges of days.
//   - GetUsage is current, and UpdateUsage is in force when it is answered. AWS documents
//     no delay of either.
//   - The days of GetUsage are UTC days, even if a quota has another time zone. The
//     remaining number is what the quota's window has left, because that is what the Gate
//     enforces. For today it is that of the current window. It can be more than the limit
//     less the uses shown, if the quota or its period is younger than the day.
//   - GetUsage of a plan without a quota shows 2147483647 remaining.
//
// Units (usageplan.Units), of which AWS has requests alone:
//
//   - Quotas of other units, and all further throttles (usageplan.Plan.Throttles), are
//     not shown. Patches leave them as they are. They are enforced.
//   - GetUsage and UpdateUsage are about requests.
//
// Limits that AWS has not:
//
//   - Soft quotas and the limits of classes and routes (usageplan.Plan.For) are not
//     shown. Patches leave them as they are. They count.
//   - A quota that a patch adds has the name of its period. It is refused if the plan has
//     a limit of that name, such as a soft quota of the same period without a name of its
//     own.
//
// Groups of keys (usageplan.Group), which AWS has not:
//
//   - No answer shows a group, and no request changes one or moves a key.
//   - The numbers of GetUsage and UpdateUsage are those of the key's own quota. A group
//     above the key may have less left.
//   - A plan that a group has cannot be deleted. The answer is a BadRequestException, as
//     for a plan with stages.
//   - A key in a group that is removed from its last plan may still be admitted: by the
//     limits of its groups, if one has a plan. To lock the key out, disable it.
//
// Scopes and networks of keys (apikey.Key.Scopes and Networks), which AWS has not:
//
//   - No answer shows them, and no request changes them. They hold: a key that is changed
//     here keeps them.
//   - A key that is created here has neither. So it may be used from everywhere, and only
//     on the routes that need no scope.
//
// Protocol:
//
//   - A signature may leave out Content-Type, as with AWS. A body is therefore read in
//     one way, whatever its Content-Type.
//   - There are no CloudWatch logs. UpdateAccount accepts /cloudwatchRoleArn and
//     /features, and stores neither.
package apigateway
