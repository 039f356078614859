package apigateway_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
)

// FuzzPatchPlan checks that operations change a plan as they say or not at all, and that
// the Gate can enforce the result. A fault in them is a 4xx.
func FuzzPatchPlan(f *testing.F) {
	for _, op := range []struct{ op, path, value string }{
		{"replace", "/name", "x"}, {"add", "/productCode", "x"}, {"remove", "/quota", ""}, {"replace", "/quota/limit", "5"},
		{"add", "/quota/offset", "3"}, {"replace", "/quota/period", "MONTH"}, {"replace", "/throttle/rateLimit", "1e300"},
		{"add", "/throttle/burstLimit", "-1"}, {"add", "/apiStages", "pets:dev"}, {"remove", "/apiStages", "pets:prod"},
		{"replace", "/apiStages/pets:prod/throttle//pets/GET/rateLimit", "9"}, {"add", "/apiStages/pets:prod/throttle/~1a/*/burstLimit", "3"},
		{"remove", "/apiStages/pets:prod/throttle//pets/GET", ""}, {"replace", "/apiStages/pets:prod/throttle", `{"/x/GET":{"rateLimit":1,"burstLimit":1}}`},
		{"remove", "/apiStages/pets:prod/throttle/GET /pets", ""}, {"replace", "/apiStages/pets:prod/throttle", `{"/pets/GET":{},"GET /pets":{}}`},
		{"add", "/apiStages/pets:prod/throttle/GET //burstLimit", "1"}, {"replace", "/quota/limit", "4294967297"},
		{"remove", "/apiStages/pets:prod/throttle", ""}, {"copy", "/name", "x"}, {"replace", "/apiStages/pets:prod/throttle/*/*/rateLimit", "1"},
	} {
		f.Add(op.op, op.path, op.value)
	}
	f.Fuzz(func(t *testing.T, op, path, value string) {
		h := newHarness(t)
		id := h.ok(201, "POST /usageplans", `{"name": "p", "throttle": {"rateLimit": 1, "burstLimit": 2}, "quota": {"limit": 10, "period": "WEEK"},
			"apiStages": [{"apiId": "pets", "stage": "prod", "throttle": {"/pets/GET": {"rateLimit": 1}}}]}`).text("id")
		before, err := h.plans.Get(t.Context(), id)
		require.NoError(t, err)
		list := []map[string]string{{"op": "replace", "path": "/description", "value": "changed"}, {"op": op, "path": path, "value": value}}
		body, err := json.Marshal(map[string]any{"patchOperations": list})
		require.NoError(t, err)
		a := h.send("PATCH /usageplans/"+id, string(body))
		after, err := h.plans.Get(t.Context(), id)
		require.NoError(t, err)
		if a.status != 200 {
			require.Contains(t, []int{400, 404}, a.status, a.body)
			require.NotEmpty(t, a.text("message"))
			require.Equal(t, before, after)
			return
		}
		require.NoError(t, after.Validate())
		if path != "/description" {
			require.Equal(t, "changed", after.Description)
		}
		require.Equal(t, a.body, h.ok(200, "GET /usageplans/"+id, "").body)
	})
}

// FuzzCreatePlan checks that every plan that is accepted can be enforced, read, changed
// and deleted.
func FuzzCreatePlan(f *testing.F) {
	for _, body := range []string{
		`{"name": "p"}`, `{"name": "p", "throttle": {"rateLimit": 0.5, "burstLimit": 3}, "quota": {"limit": 0, "period": "MONTH", "offset": 27}}`,
		`{"name": "p", "throttle": {"rateLimit": 5, "burstLimit": 0}}`, `{"name": "p", "throttle": {"rateLimit": 1e300}}`, `{"name": "p", "quota": {"limit": 9007199254740993, "period": "DAY"}}`, `[]`, `{"name": 1}`,
		`{"name": "p", "throttle": {}, "apiStages": [{"apiId": "a", "stage": "b:c", "throttle": {"//GET": {}, "*/*": {"burstLimit": 1}}}], "tags": {"k": "v"}}`,
		`{"name": "p", "apiStages": [{"apiId": "a", "stage": "s"}, {"apiId": "a", "stage": "s"}]}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		h := newHarness(t)
		a := h.send("POST /usageplans", body)
		if a.status != 201 {
			require.Equal(t, 400, a.status, "%q: %v", body, a.body)
			require.NotEmpty(t, a.text("message"))
			require.Empty(t, h.ok(200, "GET /usageplans", "").body["item"])
			return
		}
		plan, key := a.text("id"), h.ok(201, "POST /apikeys", `{"enabled": true}`)
		h.ok(201, "POST /usageplans/"+plan+"/keys", `{"keyId": "`+key.text("id")+`", "keyType": "API_KEY"}`)
		p, err := h.plans.Get(t.Context(), plan)
		require.NoError(t, err)
		req := gate.Request{Secret: apikey.Secret(key.text("value"))}
		if len(p.Stages) > 0 {
			req.API, req.Stage = p.Stages[0].API, p.Stages[0].Name
		}
		d, err := h.gate.Admit(t.Context(), req)
		require.NoError(t, err, "%q", body)
		require.NotNil(t, d.Plan, "%q", body)

		before := h.ok(200, "GET /usageplans/"+plan, "").body
		changed := h.ok(200, "PATCH /usageplans/"+plan, patch("replace /description changed")).body
		before["description"] = "changed"
		require.Equal(t, before, changed)
		for _, s := range p.Stages {
			h.ok(200, "PATCH /usageplans/"+plan, patch("remove /apiStages "+s.String()))
		}
		h.ok(202, "DELETE /usageplans/"+plan, "")
	})
}

// FuzzARN checks that an ARN that names no existing key or plan is answered with a 4xx.
func FuzzARN(f *testing.F) {
	for _, arn := range []string{
		"arn:aws:apigateway:us-east-1::/apikeys/ID", "arn:aws-cn:apigateway:cn-north-1::/usageplans/ID", "arn:aws:s3:::bucket", "arn:",
		"arn:aws:apigateway:us-east-1::/apikeys/ID/more", "arn:aws:apigateway:us-east-1::apikeys/ID", "arn:aws:apigateway:us-east-1:1:/apikeys/", "/", ".",
	} {
		f.Add(arn)
	}
	h := newHarness(&testing.T{})
	f.Fuzz(func(t *testing.T, arn string) {
		h.t = t
		a := h.send("GET /tags/"+url.PathEscape(arn), "")
		require.Contains(t, []int{400, 404}, a.status, "%q: %v", arn, a.body)
		require.NotEmpty(t, a.header.Get("X-Amzn-Errortype"), "%q", arn)
	})
}
