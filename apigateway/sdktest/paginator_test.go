package sdktest

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// walk goes through all pages. more reports whether there are more pages, and next
// returns the ids of the next one.
type walk struct {
	more func() bool
	next func(ctx context.Context) ([]string, error)
}

const perPage = 7

func walkKeys(c *sdk.Client, _ *string) walk {
	p := sdk.NewGetApiKeysPaginator(c, &sdk.GetApiKeysInput{Limit: aws.Int32(perPage)})
	return walk{p.HasMorePages, func(ctx context.Context) (ids []string, err error) {
		page, err := p.NextPage(ctx)
		for _, k := range page.Items {
			ids = append(ids, *k.Id)
		}
		return ids, err
	}}
}

func walkPlans(c *sdk.Client, _ *string) walk {
	p := sdk.NewGetUsagePlansPaginator(c, &sdk.GetUsagePlansInput{Limit: aws.Int32(perPage)})
	return walk{p.HasMorePages, func(ctx context.Context) (ids []string, err error) {
		page, err := p.NextPage(ctx)
		for _, k := range page.Items {
			ids = append(ids, *k.Id)
		}
		return ids, err
	}}
}

func walkPlanKeys(c *sdk.Client, plan *string) walk {
	p := sdk.NewGetUsagePlanKeysPaginator(c, &sdk.GetUsagePlanKeysInput{UsagePlanId: plan, Limit: aws.Int32(perPage)})
	return walk{p.HasMorePages, func(ctx context.Context) (ids []string, err error) {
		page, err := p.NextPage(ctx)
		for _, k := range page.Items {
			ids = append(ids, *k.Id)
		}
		return ids, err
	}}
}

// walkUsage sorts the keys of a page by their ids, since a page is a map.
func walkUsage(c *sdk.Client, plan *string) walk {
	today := aws.String(time.Now().UTC().Format(time.DateOnly))
	p := sdk.NewGetUsagePaginator(c, &sdk.GetUsageInput{UsagePlanId: plan, StartDate: today, EndDate: today, Limit: aws.Int32(perPage)})
	return walk{p.HasMorePages, func(ctx context.Context) ([]string, error) {
		page, err := p.NextPage(ctx)
		return slices.Sorted(maps.Keys(page.Items)), err
	}}
}

// TestPaginators walks through all pages, newest first, while items are created. No item
// may be left out or come twice.
func TestPaginators(t *testing.T) {
	for name, test := range map[string]struct {
		walk  func(c *sdk.Client, plan *string) walk
		plans bool // lists plans, not the keys of one plan
		byID  bool // a page is sorted by id
	}{
		"GetApiKeys":       {walkKeys, false, false},
		"GetUsagePlans":    {walkPlans, true, false},
		"GetUsagePlanKeys": {walkPlanKeys, false, false},
		"GetUsage":         {walkUsage, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newClient(t)
			plan := createPlan(t, c)
			create := func() string {
				if test.plans {
					return *createPlan(t, c)
				}
				return *createKey(t, c, plan).Id
			}
			want := []string{}
			if test.plans {
				want = append(want, *plan)
			}
			for len(want) < 30 {
				want = append(want, create())
			}
			slices.Reverse(want)
			var found []string
			for w := test.walk(c, plan); w.more(); create() {
				ids, err := w.next(t.Context())
				require.NoError(t, err)
				require.LessOrEqual(t, len(ids), perPage)
				if test.byID {
					slices.Sort(want[len(found) : len(found)+len(ids)])
				}
				found = append(found, ids...)
			}
			require.Equal(t, want, found)
		})
	}
}

// TestUsagePages checks that the usage of each key is what was admitted, on every page.
func TestUsagePages(t *testing.T) {
	c, g := newClient(t)
	ctx, plan, want := t.Context(), createPlan(t, c), map[string][][]int64{}
	for i := range int64(20) {
		k := createKey(t, c, plan)
		for range i {
			d, err := g.Admit(ctx, gate.Request{Secret: apikey.Secret(*k.Value)})
			require.NoError(t, err)
			require.True(t, d.Allowed)
		}
		want[*k.Id] = [][]int64{{i, 1000 - i}}
	}
	today, found := aws.String(time.Now().UTC().Format(time.DateOnly)), map[string][][]int64{}
	for p := sdk.NewGetUsagePaginator(c, &sdk.GetUsageInput{UsagePlanId: plan, StartDate: today, EndDate: today, Limit: aws.Int32(perPage)}); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		require.NoError(t, err)
		maps.Copy(found, page.Items)
	}
	require.Equal(t, want, found)
}

func createPlan(t *testing.T, c *sdk.Client) *string {
	p, err := c.CreateUsagePlan(t.Context(), &sdk.CreateUsagePlanInput{
		Name: aws.String("p"), Quota: &types.QuotaSettings{Limit: 1000, Period: types.QuotaPeriodTypeDay},
	})
	require.NoError(t, err)
	return p.Id
}

// createKey creates a key in a plan.
func createKey(t *testing.T, c *sdk.Client, plan *string) *sdk.CreateApiKeyOutput {
	k, err := c.CreateApiKey(t.Context(), &sdk.CreateApiKeyInput{Name: aws.String("k"), Enabled: true})
	require.NoError(t, err)
	_, err = c.CreateUsagePlanKey(t.Context(), &sdk.CreateUsagePlanKeyInput{UsagePlanId: plan, KeyId: k.Id, KeyType: aws.String("API_KEY")})
	require.NoError(t, err)
	return k
}
