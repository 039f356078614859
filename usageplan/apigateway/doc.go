// Package apigateway speaks the Amazon API Gateway protocol for API keys and usage plans, so that the `aws apigateway` command
// line, the AWS SDKs and Terraform manage the keys and plans of a service that enforces them itself:
//
//	aws apigateway create-api-key --name my-api-key --enabled --endpoint-url http://127.0.0.1:8081 --region us-east-1
//
// A [Handler] is an http.Handler over an apikey.Service, a usageplan.Service and a usageplan.Gate. It serves nobody without an
// [Authenticator].
//
// # What differs from AWS
//
//   - GetUsage is current, and not half an hour late. UpdateUsage is in force when it is answered.
//   - A secret is shown when its key is made, and again only where the apikey.Service has a Seal: includeValue, and the values
//     that AWS gives with each key of a plan, are absent otherwise.
//   - A plan with several quotas shows the first of a day, a week or a month; patches and UpdateUsage act on that one.
//   - Several patch operations are applied in their order, and all of them or none.
//   - A plan that is made without stages is for every stage that no other plan of the key names. AWS has no such plans. One whose
//     stages have all been taken away is for none, as in AWS (usageplan.Plan.Detached); it looks the same.
//   - Of two routes that have one name in AWS the second is not shown: "//GET" is the root alone, and not all below it. Patches
//     leave such routes as they are; figures above 2147483647 too, which are shown as that.
//   - Of a throttle of which only one figure is given, the other is the account's.
//   - The offset of a quota is the day on which its week (0 is Sunday) or month (0 is the first) begins.
//   - The days of GetUsage are those of UTC, also where a quota has another time zone. What remains is what the quota's window
//     has left, which is what is enforced: today it is that of the current window. So it may be more than the limit less the
//     days' uses, where the quota or its period is younger than the day, and less, where keys share a subject.
//   - GetUsage of a plan without a quota says that 2147483647 remain.
//   - Nothing is deprecated twice over: stageKeys, labels and generateDistinctId are taken, and mean nothing.
//   - There are no logs in CloudWatch: UpdateAccount takes /cloudwatchRoleArn and /features, and keeps neither.
package apigateway
