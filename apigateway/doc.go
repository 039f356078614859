// Package apigateway speaks the Amazon API Gateway protocol for API keys and usage plans,
// so that the `aws apigateway` command line, the AWS SDKs and Terraform manage the keys
// and plans of a service that enforces them itself:
//
//	aws apigateway create-api-key --name my-api-key --enabled --endpoint-url http://127.0.0.1:8081 --region us-east-1
//
// A [Handler] is an http.Handler over an apikey.Service, a usageplan.Service and a
// gate.Gate. It serves nobody without an [Authenticator].
//
// # What differs from AWS
//
//   - GetUsage is current. UpdateUsage is in force when it is answered. AWS documents no
//     delay of either.
//   - A secret is shown when its key is made, and again only where the apikey.Service has
//     a Seal: includeValue, and the values
//     that AWS gives with each key of a plan, are absent otherwise.
//   - A plan with several quotas shows the first of a day, a week or a month; patches and
//     UpdateUsage act on that one.
//   - Several patch operations are applied in their order, and all of them or none.
//   - A plan that is made without stages is for every stage that no other plan of the key
//     names. AWS has no such plans. One whose
//     stages have all been taken away is for none, as in AWS (usageplan.Plan.Detached); it looks the same.
//   - A key may be in several plans without stages, as in AWS. The plan of the oldest
//     link counts where no plan of the key names
//     the stage.
//   - Of two routes that have one name in AWS the second is not shown: "//GET" is the
//     root alone, and not all below it. Patches
//     leave such routes as they are; figures above 2147483647 too, which are shown as that.
//   - A throttle with a rate and no burst, or a burst of 0, shows a burst of 0. It holds
//     what the rate allows in a second,
//     rounded up (limiter.Limit). A throttle with a burst and no rate gets the account's rate, which is 10,000 where the Gate has
//     no throttle of the account. A rate of 0 blocks.
//   - GetAccount shows the throttle that the Gate enforces (gate.Config.Account), and no
//     throttle where there is none.
//     AWS always has one.
//   - The offset of a quota is the day on which its week (0 is Sunday) or month (0 is the
//     first) begins. AWS documents it as
//     requests that the first period has less, and did so as a day until 2021; the ranges that it accepts are those of days.
//   - The days of GetUsage are those of UTC, also where a quota has another time zone.
//     What remains is what the quota's window
//     has left, which is what is enforced: today it is that of the current window. So it may be more than the limit less the
//     days' uses, where the quota or its period is younger than the day, and less, where keys share a subject.
//   - GetUsage of a plan without a quota says that 2147483647 remain.
//   - Stage keys are kept and given back, and mean nothing: a key is for the stages of
//     its plans. Labels and generateDistinctId
//     are accepted and not kept.
//   - A signature may leave Content-Type out, as with AWS, so a body is read in one way
//     whatever its Content-Type is.
//   - There are no logs in CloudWatch: UpdateAccount takes /cloudwatchRoleArn and
//     /features, and keeps neither.
package apigateway
