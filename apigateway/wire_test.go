package apigateway_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/history"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// TestKeys checks that the answers about keys are those of AWS.
func TestKeys(t *testing.T) {
	h := newHarness(t)
	a := h.ok(201, "POST /apikeys", `{"name": "my-key", "enabled": true, "customerId": "c", "unknown": [1]}`)
	id, value := a.text("id"), a.text("value")
	require.Equal(t, true, a.body["enabled"])
	require.Equal(t, []any{}, a.body["stageKeys"])
	require.InDelta(t, float64(time.Now().Unix()), a.body["createdDate"], 10)
	require.NotContains(t, a.body, "tags")
	require.NotContains(t, a.body, "description")
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.NotEmpty(t, a.header.Get("X-Amzn-Requestid"))

	bare := h.ok(201, "POST /apikeys", "")
	require.Equal(t, false, bare.body["enabled"])
	require.NotContains(t, bare.body, "name")

	got := h.ok(200, "GET /apikeys/"+id, "")
	require.NotContains(t, got.body, "value")
	require.Equal(t, map[string]any{}, got.body["tags"])
	require.Equal(t, value, h.ok(200, "GET /apikeys/"+id+"?includeValue=true", "").text("value"))

	own := h.ok(201, "POST /apikeys", `{"value": "a-value-of-my-own-choice", "enabled": true}`)
	require.Equal(t, "a-value-of-my-own-choice", own.text("value"))
	list := h.ok(200, "GET /apikeys?includeValues=true", "").body["item"].([]any)
	require.Len(t, list, 3)
	require.Equal(t, own.text("id"), list[0].(map[string]any)["id"], "newest first")
	require.Equal(t, "a-value-of-my-own-choice", list[0].(map[string]any)["value"])
	require.NotContains(t, list[0], "tags")
	require.Len(t, h.ok(200, "GET /apikeys?name=my", "").body["item"], 1)
	require.Empty(t, h.ok(200, "GET /apikeys?name=key", "").body["item"], "a prefix")
	require.Len(t, h.ok(200, "GET /apikeys?customerId=c", "").body["item"], 1)

	patched := h.ok(200, "PATCH /apikeys/"+id, patch("replace /name other", "replace /enabled nonsense", "replace /customerId d",
		"replace /description text", "add /labels x", "remove /stages x/y"))
	require.NotContains(t, patched.body, "value")
	require.Equal(t, "other", patched.text("name"))
	require.Equal(t, false, patched.body["enabled"])
	require.Equal(t, "d", patched.text("customerId"))
	require.Nil(t, h.ok(202, "DELETE /apikeys/"+id, "").body)
	h.ok(404, "DELETE /apikeys/"+id, "")
}

// TestPages lists keys by position, with several limits.
func TestPages(t *testing.T) {
	h := newHarness(t)
	for i := range 30 {
		h.ok(201, "POST /apikeys", fmt.Sprintf(`{"name": "key-%02d"}`, i))
	}
	for limit, size := range map[string]int{"": 25, "7": 7, "-1": 25, "0": 25, "1000": 30} {
		found, position, first := 0, "", true
		for first || position != "" {
			a := h.ok(200, "GET /apikeys?limit="+limit+"&position="+position, "")
			items := a.body["item"].([]any)
			if first {
				require.Len(t, items, size, limit)
			}
			found += len(items)
			position, first = "", false
			if p, ok := a.body["position"]; ok {
				position = p.(string)
			}
		}
		require.Equal(t, 30, found)
	}
	require.Equal(t, "Invalid position parameter", h.ok(400, "GET /apikeys?position=?", "").text("message"))
	h.ok(400, "GET /apikeys?limit=many", "")
	require.Len(t, h.ok(200, "GET /apikeys?limit=99999999999999999999", "").body["item"], 30)
	require.Len(t, h.ok(200, "GET /apikeys?limit=-99999999999999999999", "").body["item"], 25)
}

// TestPlans checks that the answers about plans are those of AWS, and what the plans
// enforce.
func TestPlans(t *testing.T) {
	h := newHarness(t)
	a := h.ok(201, "POST /usageplans", `{"name": "p", "throttle": {"burstLimit": 100, "rateLimit": 0.5}, "quota": {"limit": 1000, "period": "WEEK", "offset": 1},
		"apiStages": [{"apiId": "pets", "stage": "prod", "throttle": {"/pets/GET": {"rateLimit": 1, "burstLimit": 2}, "//GET": {"rateLimit": 3}, "/files/{proxy+}/ANY": {"rateLimit": 1, "burstLimit": 1}, "*/*": {"burstLimit": 4}}}]}`)
	id := a.text("id")
	p, err := h.plans.Get(t.Context(), id)
	require.NoError(t, err)
	prod := usageplan.Stage{API: "pets", Name: "prod"}
	require.Equal(t, limiter.Limit{Rate: 0.5, Burst: 100}, *p.Throttle)
	require.Equal(t, []quota.Quota{{Limit: 1000, Period: quota.Week, StartDay: 1}}, p.Quotas)
	require.Equal(t, map[string]limiter.Limit{"GET /pets": {Rate: 1, Burst: 2}, "GET /{$}": {Rate: 3}, "/files/{proxy...}": {Rate: 1, Burst: 1}, "*": {Rate: 10_000, Burst: 4}}, p.StageRoutes[prod])
	back := h.ok(200, "GET /usageplans/"+id, "")
	require.Equal(t, map[string]any{"limit": 1000.0, "offset": 1.0, "period": "WEEK"}, back.body["quota"])
	require.Equal(t, map[string]any{
		"/pets/GET": map[string]any{"rateLimit": 1.0, "burstLimit": 2.0}, "//GET": map[string]any{"rateLimit": 3.0, "burstLimit": 0.0},
		"/files/{proxy+}/ANY": map[string]any{"rateLimit": 1.0, "burstLimit": 1.0}, "*/*": map[string]any{"rateLimit": 10000.0, "burstLimit": 4.0},
	}, back.body["apiStages"].([]any)[0].(map[string]any)["throttle"])
	require.Equal(t, map[string]any{}, back.body["tags"])

	for _, step := range []struct {
		ops   []string
		check func(p usageplan.Plan) bool
	}{
		{[]string{"replace /name n", "replace /description d", "add /productCode c"}, func(p usageplan.Plan) bool {
			return p.Name == "n" && p.Description == "d" && p.ProductCode == "c"
		}},
		{[]string{"replace /quota/period MONTH", "replace /quota/offset 14"}, func(p usageplan.Plan) bool {
			return p.Quotas[0] == quota.Quota{Limit: 1000, Period: quota.Month, StartDay: 15}
		}},
		{[]string{"remove /quota"}, func(p usageplan.Plan) bool { return len(p.Quotas) == 0 }},
		{[]string{"add /quota/limit 7", "add /quota/period DAY"}, func(p usageplan.Plan) bool {
			return p.Quotas[0] == quota.Quota{Limit: 7, Period: quota.Day}
		}},
		{[]string{"replace /throttle/rateLimit 2.5"}, func(p usageplan.Plan) bool { return *p.Throttle == limiter.Limit{Rate: 2.5, Burst: 100} }},
		{[]string{"replace /apiStages/pets:prod/throttle//pets/GET/rateLimit 9", "replace /apiStages/pets:prod/throttle/~1cats/POST/burstLimit 3"}, func(p usageplan.Plan) bool {
			return p.StageRoutes[prod]["GET /pets"] == limiter.Limit{Rate: 9, Burst: 2} && p.StageRoutes[prod]["POST /cats"] == limiter.Limit{Rate: 10_000, Burst: 3}
		}},
		{[]string{"remove /apiStages/pets:prod/throttle//pets/GET"}, func(p usageplan.Plan) bool { return len(p.StageRoutes[prod]) == 4 }},
		{[]string{`replace /apiStages/pets:prod/throttle {"/x/GET":{"rateLimit":1,"burstLimit":1}}`}, func(p usageplan.Plan) bool {
			return len(p.StageRoutes[prod]) == 1 && p.StageRoutes[prod]["GET /x"] == limiter.Limit{Rate: 1, Burst: 1}
		}},
		{[]string{"add /apiStages pets:dev", "add /apiStages pets:dev"}, func(p usageplan.Plan) bool { return len(p.Stages) == 2 }},
		{[]string{"remove /apiStages pets:prod", "remove /apiStages pets:dev"}, func(p usageplan.Plan) bool { return len(p.Stages) == 0 && len(p.StageRoutes) == 0 }},
		{[]string{"remove /throttle", "remove /productCode"}, func(p usageplan.Plan) bool { return p.Throttle == nil && p.ProductCode == "" }},
		{[]string{"add /throttle/burstLimit 5"}, func(p usageplan.Plan) bool { return *p.Throttle == limiter.Limit{Rate: 10_000, Burst: 5} }},
	} {
		h.ok(200, "PATCH /usageplans/"+id, patch(step.ops...))
		p, err := h.plans.Get(t.Context(), id)
		require.NoError(t, err)
		require.True(t, step.check(p), "%v: %+v", step.ops, p)
	}
	h.ok(202, "DELETE /usageplans/"+id, "")
	require.Equal(t, "Invalid Usage Plan ID specified", h.ok(404, "GET /usageplans/"+id, "").text("message"))
}

// TestManyQuotas checks that one of several quotas is shown and patched, and that the
// others stay.
func TestManyQuotas(t *testing.T) {
	h := newHarness(t)
	hour, day, year := quota.Quota{Limit: 5, Period: quota.Hour}, quota.Quota{Name: "mine", Limit: 10, Period: quota.Day}, quota.Quota{Limit: 99, Period: quota.Year}
	p, err := h.plans.Create(t.Context(), usageplan.Plan{Name: "p", Quotas: []quota.Quota{hour, day, year}})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"limit": 10.0, "offset": 0.0, "period": "DAY"}, h.ok(200, "GET /usageplans/"+p.ID, "").body["quota"])
	h.ok(200, "PATCH /usageplans/"+p.ID, patch("replace /quota/limit 20"))
	day.Limit = 20
	p, err = h.plans.Get(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, []quota.Quota{hour, day, year}, p.Quotas)
	h.ok(200, "PATCH /usageplans/"+p.ID, patch("replace /quota/period WEEK"))
	p, err = h.plans.Get(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, []quota.Quota{hour, {Limit: 20, Period: quota.Week}, year}, p.Quotas, "another period is another window")
	h.ok(200, "PATCH /usageplans/"+p.ID, patch("remove /quota"))
	p, err = h.plans.Get(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, []quota.Quota{hour, year}, p.Quotas)
}

// TestBadRequests checks that faults are answered with the status, the type and the
// message of AWS, and change nothing.
func TestBadRequests(t *testing.T) {
	h := newHarness(t, func(cfg *parts) {
		cfg.Stages = apigateway.StageList{{API: "pets", Name: "prod"}, {API: "pets", Name: "dev"}}
	})
	key := h.ok(201, "POST /apikeys", `{"name": "k", "value": "a-value-of-twenty-chars"}`).text("id")
	plan := h.ok(201, "POST /usageplans", `{"name": "p", "quota": {"limit": 5, "period": "DAY"}, "apiStages": [{"apiId": "pets", "stage": "prod"}]}`).text("id")
	free := h.ok(201, "POST /usageplans", `{"name": "free"}`).text("id")
	rival := h.ok(201, "POST /usageplans", `{"name": "rival", "apiStages": [{"apiId": "pets", "stage": "prod"}]}`).text("id")
	h.ok(201, "POST /usageplans/"+plan+"/keys", `{"keyId": "`+key+`", "keyType": "API_KEY"}`)
	before := h.ok(200, "GET /usageplans", "").body
	wide := strings.Repeat("x", 1025)
	for _, test := range []struct {
		what, body string
		status     int
		kind, text string
	}{
		{"POST /apikeys", `{"name": "` + wide + `"}`, 400, "BadRequestException", "Invalid API Key name, can be at most 1024 characters."},
		{"POST /apikeys", `{"description": "` + strings.Repeat("x", 125_001) + `"}`, 400, "BadRequestException", "Invalid API Key description specified."},
		{"POST /apikeys", `{"value": "short"}`, 400, "BadRequestException", "API Key value should be at least 20 characters"},
		{"POST /apikeys", `{"value": "` + strings.Repeat("x", 129) + `"}`, 400, "BadRequestException", "API Key value exceeds maximum size of 128 characters"},
		{"POST /apikeys", `{"value": "a-value-of-twenty-chars"}`, 409, "ConflictException", "API Key already exists"},
		{"POST /apikeys", `{"name": 7}`, 400, "SerializationException", ""},
		{"POST /apikeys", `{"enabled": "yes"}`, 400, "SerializationException", ""},
		{"POST /apikeys", `{"name": `, 400, "SerializationException", "Malformed JSON in the request body"},
		{"POST /apikeys", `[]`, 400, "SerializationException", ""},
		{"POST /apikeys", `{"tags": {"aws:x": ""}}`, 400, "BadRequestException", ""},
		{"POST /apikeys", strings.Repeat(" ", 11<<20), 413, "RequestEntityTooLargeException", ""},
		{"GET /apikeys/nobody", "", 404, "NotFoundException", "Invalid API Key identifier specified"},
		{"PATCH /apikeys/nobody", patch("replace /name x"), 404, "NotFoundException", "Invalid API Key identifier specified"},
		{"PATCH /apikeys/" + key, patch("replace /name x", "replace /id y"), 400, "BadRequestException",
			"Invalid patch path  '/id' specified for op 'replace'. Must be one of: [/description, /enabled, /name, /customerId]"},
		{"PATCH /apikeys/" + key, patch("copy /name x"), 400, "BadRequestException",
			"Invalid patch path  '/name' specified for op 'copy'. Please choose supported operations"},
		{"PATCH /apikeys/" + key, patch("wrong-op /name x"), 400, "ValidationException", ""},
		{"PATCH /apikeys/" + key, patch("replace /name " + wide), 400, "BadRequestException", "Invalid API Key name, can be at most 1024 characters."},
		{"POST /usageplans", `{}`, 400, "BadRequestException", ""},
		{"POST /usageplans", `{"name": "x", "quota": {"limit": 5}}`, 400, "BadRequestException", "Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]"},
		{"POST /usageplans", `{"name": "x", "quota": {"period": "DAY"}}`, 400, "BadRequestException", "Usage Plan quota limit must be a non-negative numeric"},
		{"POST /usageplans", `{"name": "x", "quota": {"limit": -1, "period": "DAY"}}`, 400, "BadRequestException", "Usage Plan quota limit must be a non-negative numeric"},
		{"POST /usageplans", `{"name": "x", "quota": {"limit": 1, "period": "DAY", "offset": 1}}`, 400, "BadRequestException", "Usage Plan quota offset must be zero in the DAY period"},
		{"POST /usageplans", `{"name": "x", "quota": {"limit": 1, "period": "WEEK", "offset": 7}}`, 400, "BadRequestException", "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period"},
		{"POST /usageplans", `{"name": "x", "quota": {"limit": 1, "period": "MONTH", "offset": 28}}`, 400, "BadRequestException", "Usage Plan quota offset must be between 0 and 27 inclusive in the MONTH period"},
		{"POST /usageplans", `{"name": "x", "quota": {"limit": "5", "period": "DAY"}}`, 400, "SerializationException", ""},
		{"POST /usageplans", `{"name": "x", "quota": {"limit": 2147483648, "period": "DAY"}}`, 400, "BadRequestException", "Usage Plan quota limit must be at most 2147483647"},
		{"POST /usageplans", `{"name": "x", "quota": {"limit": 1, "period": "WEEK", "offset": 4294967297}}`, 400, "BadRequestException", "Usage Plan quota offset must be between 0 and 6 inclusive in the WEEK period"},
		{"POST /usageplans", `{"name": "x", "throttle": {"rateLimit": 1, "burstLimit": -4294967295}}`, 400, "BadRequestException", "Usage Plan throttle burst limit must be a non-negative integer"}, // one in 32 bits
		{"POST /usageplans", `{"name": "x", "throttle": {"rateLimit": 1, "burstLimit": 2147483648}}`, 400, "BadRequestException", "Usage Plan throttle burst limit must be at most 2147483647"},
		{"POST /usageplans", `{"name": "x", "throttle": {}, "apiStages": [{"apiId": "pets", "stage": "dev", "throttle": {"/x/GET": {"burstLimit": 2147483648}}}]}`, 400, "BadRequestException",
			"Usage Plan throttle burst limit must be at most 2147483647"},
		{"POST /usageplans", `{"name": "x", "throttle": {}, "apiStages": [{"apiId": "pets", "stage": "dev", "throttle": {"/x/GET": {}, "GET /x": {"burstLimit": 1}}}]}`, 400, "BadRequestException",
			"Invalid methods specified: /x/GET and GET /x are both /x/GET"},
		{"POST /usageplans", `{"name": "x", "throttle": {}, "apiStages": [{"apiId": "pets", "stage": "dev", "throttle": {"GET /": {}}}]}`, 400, "BadRequestException",
			"Invalid method {resourcePath: GET ,method: } specified"},
		{"POST /usageplans", `{"name": "x", "apiStages": [` + strings.Repeat(`{"apiId": "pets", "stage": "dev"},`, 100) + `{"apiId": "pets", "stage": "prod"}]}`, 400, "BadRequestException",
			"Usage Plan can have at most 100 API Stages"},
		{"POST /usageplans", `{"name": "x", "throttle": {"rateLimit": -1}}`, 400, "BadRequestException", ""},
		{"POST /usageplans", `{"name": "x", "apiStages": [{"apiId": "pets"}]}`, 400, "BadRequestException", ""},
		{"POST /usageplans", `{"name": "x", "apiStages": [{"apiId": "cats", "stage": "prod"}]}`, 404, "NotFoundException", "API Stage not found: cats:prod"},
		{"POST /usageplans", `{"name": "x", "apiStages": [{"apiId": "pets", "stage": "dev", "throttle": {"/x/GET": {}}}]}`, 400, "BadRequestException",
			"Can not define fine grain throttling if usage plan throttle is not defined."},
		{"POST /usageplans", `{"name": "x", "throttle": {}, "apiStages": [{"apiId": "pets", "stage": "dev", "throttle": {"nonsense": {}}}]}`, 400, "BadRequestException", ""},
		{"PATCH /usageplans/nothing", patch("replace /name x"), 404, "NotFoundException", "Invalid Usage Plan ID specified"},
		{"PATCH /usageplans/" + plan, patch("remove /name"), 400, "BadRequestException",
			"Invalid patch path  '/name' specified for op 'remove'. Must be one of: [/apiStages, /quota, /throttle, /productCode, /apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, /apiStages/<apidId:stageName>/throttle]"},
		{"PATCH /usageplans/" + plan, patch("replace /name x", "remove /apiStages pets"), 400, "BadRequestException", "Invalid API Stage specified"},
		{"PATCH /usageplans/" + plan, patch("replace /name x", "remove /apiStages cats:prod"), 404, "NotFoundException",
			"Invalid API Stage {api: cats, stage: prod} specified for usageplan " + plan},
		{"PATCH /usageplans/" + plan, patch("replace /name x", "add /apiStages cats:prod"), 404, "NotFoundException", "API Stage not found: cats:prod"},
		{"PATCH /usageplans/" + plan, patch("add /apiStages pets"), 400, "BadRequestException", "Invalid API Stage specified"},
		{"PATCH /usageplans/" + plan, patch("replace /quota/limit x"), 400, "BadRequestException", "Usage Plan quota limit must be a non-negative numeric"},
		{"PATCH /usageplans/" + plan, patch("replace /quota/limit 4294967297"), 400, "BadRequestException", "Usage Plan quota limit must be at most 2147483647"},
		{"PATCH /usageplans/" + plan, patch("replace /throttle/burstLimit 2147483648"), 400, "BadRequestException", "Usage Plan throttle burst limit must be at most 2147483647"},
		{"PATCH /usageplans/" + plan, patch("replace /quota/offset 2147483648"), 400, "BadRequestException", "Usage Plan quota offset must be zero in the DAY period"},
		{"PATCH /usageplans/" + plan, patch("replace /quota/offset 4294967296"), 400, "BadRequestException", "Usage Plan quota offset must be zero in the DAY period"}, // zero in 32 bits
		{"PATCH /usageplans/" + plan, patch(`replace /apiStages/pets:prod/throttle {"*": {}, "*/*": {}}`), 400, "BadRequestException", "Invalid methods specified: * and */* are both */*"},
		{"PATCH /usageplans/" + plan, patch("remove /apiStages/pets:prod/throttle//x/GET"), 400, "BadRequestException", "Invalid method {resourcePath: /x,method: GET} specified"},
		{"PATCH /usageplans/" + plan, patch("remove /apiStages/pets:prod/throttle/nonsense"), 400, "BadRequestException", ""},
		{"PATCH /usageplans/" + plan, patch("replace /quota/offset x"), 400, "BadRequestException", ""},
		{"PATCH /usageplans/" + plan, patch("replace /throttle/rateLimit NaN"), 400, "BadRequestException", ""},
		{"PATCH /usageplans/" + plan, patch("replace /throttle/rateLimit Inf"), 400, "BadRequestException", ""},
		{"PATCH /usageplans/" + plan, patch("replace /throttle/burstLimit 1.5"), 400, "BadRequestException", ""},
		{"PATCH /usageplans/" + plan, patch("replace /name "), 400, "BadRequestException", ""},
		{"PATCH /usageplans/" + free, patch("add /apiStages/pets:prod/throttle//x/GET/rateLimit 1"), 404, "NotFoundException", "API Stage not found: pets:prod"},
		{"PATCH /usageplans/" + plan, patch("add /apiStages/pets:prod/throttle//x/GET/color 1"), 400, "BadRequestException", ""},
		{"PATCH /usageplans/" + plan, patch("replace /apiStages/pets:prod/throttle nonsense"), 400, "BadRequestException", ""},
		{"DELETE /usageplans/" + plan, "", 400, "BadRequestException",
			"Cannot delete Usage Plan " + plan + " because there are API Stages associated with it, including pets:prod"},
		{"POST /usageplans/" + plan + "/keys", `{"keyId": "` + key + `", "keyType": "API_KEY"}`, 409, "ConflictException", ""},
		{"POST /usageplans/" + rival + "/keys", `{"keyId": "` + key + `", "keyType": "API_KEY"}`, 409, "ConflictException", ""},
		{"POST /usageplans/" + plan + "/keys", `{"keyId": "` + key + `"}`, 400, "BadRequestException", ""},
		{"POST /usageplans/" + plan + "/keys", `{"keyId": "nobody", "keyType": "API_KEY"}`, 404, "NotFoundException", "Invalid API Key identifier specified"},
		{"POST /usageplans/nothing/keys", `{"keyId": "` + key + `", "keyType": "API_KEY"}`, 404, "NotFoundException", "Invalid Usage Plan ID specified"},
		{"GET /usageplans/" + free + "/keys/" + key, "", 404, "NotFoundException", "Invalid Usage Plan ID specified"},
		{"DELETE /usageplans/" + free + "/keys/" + key, "", 404, "NotFoundException", "Invalid Usage Plan ID specified"},
		{"GET /usageplans/" + plan + "/usage", "", 400, "BadRequestException", ""},
		{"GET /usageplans/" + plan + "/usage?startDate=2026-01-02&endDate=2026-01-01", "", 400, "BadRequestException", "Usage end date must be after start date"},
		{"GET /usageplans/" + plan + "/usage?startDate=2020-01-01&endDate=2026-01-01", "", 400, "BadRequestException", ""},
		{"PATCH /usageplans/" + plan + "/keys/" + key + "/usage", patch("add /remaining 5"), 400, "BadRequestException", ""},
		{"PATCH /usageplans/" + plan + "/keys/" + key + "/usage", patch("replace /remaining -5"), 400, "BadRequestException", ""},
		{"PATCH /usageplans/" + plan + "/keys/nobody/usage", patch("replace /remaining 5"), 404, "NotFoundException", "Invalid API Key identifier specified"},
		{"GET /tags/arn%3Aaws%3As3%3A%3A%3Abucket", "", 400, "BadRequestException", ""},
		{"GET /tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2Fapikeys%2Fnobody", "", 404, "NotFoundException", "Invalid API Key identifier specified"},
		{"PUT /tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2Fapikeys%2F" + key, `{"tags": {"": "x"}}`, 400, "BadRequestException", ""},
		{"PATCH /account", patch("remove /features UsagePlans"), 400, "BadRequestException", "Usage Plans cannot be disabled once enabled"},
		{"PATCH /account", patch("replace /throttleSettings x"), 400, "BadRequestException", ""},
		{"GET /elsewhere", "", 404, "UnknownOperationException", ""},
		{"GET /apikeys/../usageplans", "", 404, "UnknownOperationException", ""},
		{"GET //apikeys", "", 404, "UnknownOperationException", ""},
		{"PUT /apikeys", "", 404, "UnknownOperationException", ""},
		{"DELETE /usageplans/" + plan + "/usage", "", 404, "UnknownOperationException", ""},
		{"POST /apikeys?mode=import", "name,key\n", 400, "BadRequestException", "Invalid format specified. Must be one of [csv]"},
		{"POST /apikeys?mode=import&format=xml", "name,key\n", 400, "BadRequestException", "Invalid format specified. Must be one of [csv]"},
		{"POST /apikeys?mode=import&format=csv", "name\nx\n", 400, "BadRequestException", ""},
		{"POST /apikeys?mode=import&format=csv&failonwarnings=true", "name,key\nx,another-value-of-my-own\ny,short\n", 400, "BadRequestException", ""},
		{"POST /apikeys?mode=import&format=csv", "name,key\n" + strings.Repeat("n", 11<<20), 413, "RequestEntityTooLargeException", ""},
	} {
		a := h.send(test.what, test.body)
		name := fmt.Sprintf("%s %.100s: %v", test.what, test.body, a.body)
		require.Equal(t, test.status, a.status, name)
		require.Equal(t, test.kind, a.header.Get("X-Amzn-Errortype"), name)
		require.NotEmpty(t, a.text("message"), name)
		if test.text != "" {
			require.Equal(t, test.text, a.text("message"))
		}
	}
	require.Equal(t, before, h.ok(200, "GET /usageplans", "").body, "nothing has changed")
	require.Empty(t, h.ok(200, "GET /usageplans/nothing/keys", "").body["item"])
	require.Len(t, h.ok(200, "GET /apikeys", "").body["item"], 1)
}

// TestImport makes keys of a file, and links them.
func TestImport(t *testing.T) {
	h := newHarness(t)
	plan := h.ok(201, "POST /usageplans", `{"name": "p"}`).text("id")
	file := "Name,Key,Enabled,UsagePlanIds\none,the-first-value-of-twenty,true," + plan + "\ntwo,short,true,\nthree,the-third-value-of-twenty,false,\n"
	a := h.ok(201, "POST /apikeys?mode=import&format=csv", file)
	require.Len(t, a.body["ids"], 2)
	require.Equal(t, []any{"line 3: invalid: malformed secret: want 20 to 128 visible characters"}, a.body["warnings"])
	keys := h.ok(200, "GET /usageplans/"+plan+"/keys", "").body["item"].([]any)
	require.Equal(t, []any{map[string]any{"id": a.body["ids"].([]any)[0], "name": "one", "type": "API_KEY", "value": "the-first-value-of-twenty"}}, keys)

	again := h.ok(201, "POST /apikeys?mode=import&format=csv&failonwarnings=true", "name,key\nrenamed,the-third-value-of-twenty\n")
	require.Equal(t, map[string]any{"ids": []any{a.body["ids"].([]any)[1]}, "warnings": []any{}}, again.body)
	require.Equal(t, "renamed", h.ok(200, "GET /apikeys/"+again.body["ids"].([]any)[0].(string), "").text("name"))
}

// TestImportLeaves tells of what a failed import has left behind.
func TestImportLeaves(t *testing.T) {
	h := newHarness(t)
	var log bytes.Buffer
	keys := must(apikey.NewService(undeletable{h.st}, apikey.Config{KeyFormat: h.keys.KeyFormat()}))
	handler, err := apigateway.New(keys, h.plans, h.gate, accept, apigateway.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	h.h = handler
	a := h.ok(503, "POST /apikeys?mode=import&format=csv&failonwarnings=true", "name,key,usageplanids\na,a-value-of-twenty-chars,nowhere\n")
	require.Contains(t, a.text("message"), "not all of it could be rolled back")
	require.Contains(t, log.String(), "not all was rolled back")
}

// undeletable is a store whose keys stay.
type undeletable struct{ apikey.Store }

func (undeletable) DeleteKey(context.Context, string) error { return errors.New("broken") }

// TestClosed checks that New requires an Authenticator, and that a request that it
// refuses is not served.
func TestClosed(t *testing.T) {
	_, err := apigateway.New(nil, nil, nil, nil, apigateway.Config{})
	require.ErrorContains(t, err, "authenticate")
	require.ErrorContains(t, err, "gate: nil")
	h := newHarness(t, func(cfg *parts) {
		cfg.Authenticate = func(*http.Request) (history.Actor, error) { return history.Actor{}, errors.New("of the inside") }
	})
	a := h.ok(403, "POST /apikeys", `{}`)
	require.Equal(t, "AccessDeniedException", a.header.Get("X-Amzn-Errortype"))
	require.NotContains(t, a.text("message"), "inside")
}
