package sdktest

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/store/memory"
	"github.com/ration-go/ration/usageplan"
)

// newClient returns an SDK client of a control plane over a memory store, and the Gate
// that enforces its plans.
func newClient(t *testing.T) (*sdk.Client, *gate.Gate) {
	st := memory.New(memory.Config{})
	g, err := gate.New(st, st, st, gate.Config{KeyFormat: apikey.Format{AcceptForeign: true}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = g.Close() })
	verifier, err := sigv4.New(func(_ context.Context, id string) (string, bool, error) { return "secret", id == "admin", nil }, sigv4.Config{})
	require.NoError(t, err)
	h, err := apigateway.New(must(apikey.NewService(st, apikey.Config{KeyFormat: g.KeyFormat()})), must(usageplan.NewService(st, st, usageplan.Config{})), g, apigateway.Signed(verifier), apigateway.Config{Stages: apigateway.StageList{{API: "pets", Name: "prod"}, {API: "pets", Name: "dev"}}})
	require.NoError(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return client(server.URL, "admin", "secret"), g
}

func client(url, id, secret string) *sdk.Client {
	return sdk.New(sdk.Options{
		BaseEndpoint: &url, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
		RetryMaxAttempts: 1,
	})
}

func replace(path, value string) types.PatchOperation {
	return types.PatchOperation{Op: types.OpReplace, Path: &path, Value: &value}
}

// TestOperations calls the operations as an administrator's program does.
func TestOperations(t *testing.T) {
	c, g := newClient(t)
	ctx := t.Context()
	key, err := c.CreateApiKey(ctx, &sdk.CreateApiKeyInput{Name: aws.String("my-key"), Enabled: true, Tags: map[string]string{"team": "a"}})
	require.NoError(t, err)
	require.Equal(t, "my-key", *key.Name)
	require.NotEmpty(t, *key.Value)
	require.WithinDuration(t, time.Now(), *key.CreatedDate, time.Minute)
	require.Equal(t, map[string]string{"team": "a"}, key.Tags)

	plan, err := c.CreateUsagePlan(ctx, &sdk.CreateUsagePlanInput{
		Name: aws.String("my-plan"), Throttle: &types.ThrottleSettings{BurstLimit: 100, RateLimit: 50},
		Quota:     &types.QuotaSettings{Limit: 10, Period: types.QuotaPeriodTypeDay},
		ApiStages: []types.ApiStage{{ApiId: aws.String("pets"), Stage: aws.String("prod"), Throttle: map[string]types.ThrottleSettings{"/pets/GET": {BurstLimit: 2, RateLimit: 1}}}},
	})
	require.NoError(t, err)
	require.EqualValues(t, 10, plan.Quota.Limit)
	require.Equal(t, 50.0, plan.Throttle.RateLimit)
	require.EqualValues(t, 2, plan.ApiStages[0].Throttle["/pets/GET"].BurstLimit)

	_, err = c.CreateUsagePlanKey(ctx, &sdk.CreateUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id, KeyType: aws.String("API_KEY")})
	require.NoError(t, err)
	_, err = c.CreateUsagePlanKey(ctx, &sdk.CreateUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id, KeyType: aws.String("API_KEY")})
	_, conflict := errors.AsType[*types.ConflictException](err)
	require.True(t, conflict, err)
	got, err := c.GetUsagePlanKey(ctx, &sdk.GetUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id})
	require.NoError(t, err)
	require.Equal(t, *key.Id, *got.Id)

	for i := range 4 {
		d, err := g.Admit(ctx, gate.Request{Secret: apikey.Secret(*key.Value), API: "pets", Stage: "prod", Route: "GET /pets"})
		require.NoError(t, err)
		require.Equal(t, i < 2, d.Allowed, "the method's throttle")
	}
	today := aws.String(time.Now().UTC().Format(time.DateOnly))
	usage, err := c.GetUsage(ctx, &sdk.GetUsageInput{UsagePlanId: plan.Id, StartDate: today, EndDate: today})
	require.NoError(t, err)
	require.Equal(t, map[string][][]int64{*key.Id: {{2, 8}}}, usage.Items)
	updated, err := c.UpdateUsage(ctx, &sdk.UpdateUsageInput{UsagePlanId: plan.Id, KeyId: key.Id, PatchOperations: []types.PatchOperation{replace("/remaining", "100")}})
	require.NoError(t, err)
	require.Equal(t, map[string][][]int64{*key.Id: {{2, 100}}}, updated.Items)

	changed, err := c.UpdateUsagePlan(ctx, &sdk.UpdateUsagePlanInput{UsagePlanId: plan.Id, PatchOperations: []types.PatchOperation{
		replace("/name", "renamed"), replace("/quota/limit", "20"), replace("/apiStages/pets:prod/throttle//pets/GET/rateLimit", "5"),
		{Op: types.OpAdd, Path: aws.String("/apiStages"), Value: aws.String("pets:dev")},
	}})
	require.NoError(t, err)
	require.Equal(t, "renamed", *changed.Name)
	require.EqualValues(t, 20, changed.Quota.Limit)
	require.Equal(t, 5.0, changed.ApiStages[0].Throttle["/pets/GET"].RateLimit)
	require.Len(t, changed.ApiStages, 2)
	_, err = c.UpdateUsagePlan(ctx, &sdk.UpdateUsagePlanInput{UsagePlanId: plan.Id, PatchOperations: []types.PatchOperation{
		replace("/name", "half"), {Op: types.OpAdd, Path: aws.String("/apiStages"), Value: aws.String("cats:prod")},
	}})
	_, missing := errors.AsType[*types.NotFoundException](err)
	require.True(t, missing, err)
	again, err := c.GetUsagePlan(ctx, &sdk.GetUsagePlanInput{UsagePlanId: plan.Id})
	require.NoError(t, err)
	require.Equal(t, "renamed", *again.Name, "all or nothing")

	arn := aws.String("arn:aws:apigateway:us-east-1::/usageplans/" + *plan.Id)
	_, err = c.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"a": "1", "b": "2"}})
	require.NoError(t, err)
	_, err = c.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a", "c"}})
	require.NoError(t, err)
	tags, err := c.GetTags(ctx, &sdk.GetTagsInput{ResourceArn: arn})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"b": "2"}, tags.Tags)
	account, err := c.GetAccount(ctx, &sdk.GetAccountInput{})
	require.NoError(t, err)
	require.Equal(t, []string{"UsagePlans"}, account.Features)
	require.Nil(t, account.ThrottleSettings, "the Gate enforces none")

	_, err = c.UpdateAccount(ctx, &sdk.UpdateAccountInput{PatchOperations: []types.PatchOperation{replace("/cloudwatchRoleArn", "arn:aws:iam::1:role/x")}})
	require.NoError(t, err)
	renamed, err := c.UpdateApiKey(ctx, &sdk.UpdateApiKeyInput{ApiKey: key.Id, PatchOperations: []types.PatchOperation{replace("/name", "renamed")}})
	require.NoError(t, err)
	require.Equal(t, "renamed", *renamed.Name)
	plans, err := c.GetUsagePlans(ctx, &sdk.GetUsagePlansInput{KeyId: key.Id})
	require.NoError(t, err)
	require.Len(t, plans.Items, 1)

	_, err = c.DeleteUsagePlan(ctx, &sdk.DeleteUsagePlanInput{UsagePlanId: plan.Id})
	_, bad := errors.AsType[*types.BadRequestException](err)
	require.True(t, bad, err)
	require.ErrorContains(t, err, "because there are API Stages associated with it, including pets:prod, pets:dev")
	_, err = c.UpdateUsagePlan(ctx, &sdk.UpdateUsagePlanInput{UsagePlanId: plan.Id, PatchOperations: []types.PatchOperation{
		{Op: types.OpRemove, Path: aws.String("/apiStages"), Value: aws.String("pets:prod")},
		{Op: types.OpRemove, Path: aws.String("/apiStages"), Value: aws.String("pets:dev")},
	}})
	require.NoError(t, err)
	_, err = c.DeleteUsagePlanKey(ctx, &sdk.DeleteUsagePlanKeyInput{UsagePlanId: plan.Id, KeyId: key.Id})
	require.NoError(t, err)
	_, err = c.DeleteUsagePlan(ctx, &sdk.DeleteUsagePlanInput{UsagePlanId: plan.Id})
	require.NoError(t, err)
	_, err = c.DeleteApiKey(ctx, &sdk.DeleteApiKeyInput{ApiKey: key.Id})
	require.NoError(t, err)
	_, err = c.GetApiKey(ctx, &sdk.GetApiKeyInput{ApiKey: key.Id})
	_, missing = errors.AsType[*types.NotFoundException](err)
	require.True(t, missing, err)
}

// TestImport imports a file, and checks that it is rolled back if FailOnWarnings is set.
func TestImport(t *testing.T) {
	c, _ := newClient(t)
	ctx := t.Context()
	plan, err := c.CreateUsagePlan(ctx, &sdk.CreateUsagePlanInput{Name: aws.String("p")})
	require.NoError(t, err)
	file := []byte("Name,Key,UsagePlanIds\nfirst,the-first-value-of-all," + *plan.Id + "\nsecond,short,\n")
	_, err = c.ImportApiKeys(ctx, &sdk.ImportApiKeysInput{Body: file, Format: types.ApiKeysFormatCsv, FailOnWarnings: true})
	_, bad := errors.AsType[*types.BadRequestException](err)
	require.True(t, bad, err)
	keys, err := c.GetApiKeys(ctx, &sdk.GetApiKeysInput{})
	require.NoError(t, err)
	require.Empty(t, keys.Items)

	done, err := c.ImportApiKeys(ctx, &sdk.ImportApiKeysInput{Body: file, Format: types.ApiKeysFormatCsv})
	require.NoError(t, err)
	require.Len(t, done.Ids, 1)
	require.Len(t, done.Warnings, 1)
	of, err := c.GetUsagePlanKeys(ctx, &sdk.GetUsagePlanKeysInput{UsagePlanId: plan.Id, NameQuery: aws.String("fir")})
	require.NoError(t, err)
	require.Equal(t, done.Ids[0], *of.Items[0].Id)
}

// TestSignatures checks that only the administrator's signature is accepted.
func TestSignatures(t *testing.T) {
	c, _ := newClient(t)
	url := *c.Options().BaseEndpoint
	for _, stranger := range []*sdk.Client{client(url, "admin", "wrong"), client(url, "stranger", "secret")} {
		_, err := stranger.GetApiKeys(t.Context(), &sdk.GetApiKeysInput{})
		require.ErrorContains(t, err, "403")
	}
}

// must returns v. It panics if err is not nil.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
