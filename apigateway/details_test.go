package apigateway_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/store/memory"
)

// raw returns the text of an answer.
func (h *harness) raw(what, body string) string {
	h.t.Helper()
	method, path, _ := strings.Cut(what, " ")
	w := httptest.NewRecorder()
	h.h.ServeHTTP(w, httptest.NewRequestWithContext(h.t.Context(), method, path, strings.NewReader(body)))
	return w.Body.String()
}

// admitted returns how many of n requests at one instant are admitted.
func (h *harness) admitted(n int, req gate.Request) (passed int) {
	h.t.Helper()
	req.At = time.Now()
	for range n {
		d, err := h.gate.Admit(h.t.Context(), req)
		require.NoError(h.t, err)
		if d.Allowed {
			passed++
		}
	}
	return passed
}

// TestRateWithoutBurst checks that a rate may come with a burst of 0, or without one, as
// in AWS. The burst is shown as it was sent, so that Terraform sees no difference. The
// bucket holds what the rate allows in a second.
func TestRateWithoutBurst(t *testing.T) {
	h := newHarness(t)
	value := h.ok(201, "POST /apikeys", `{"enabled": true}`)
	key := `{"keyId": "` + value.text("id") + `", "keyType": "API_KEY"}`
	for _, test := range []struct {
		throttle, shown string
		passed          int
	}{
		{`{"rateLimit": 5, "burstLimit": 0}`, `{"burstLimit":0,"rateLimit":5.0}`, 5},
		{`{"rateLimit": 5}`, `{"burstLimit":0,"rateLimit":5.0}`, 5},
		{`{"rateLimit": 2.5, "burstLimit": 0}`, `{"burstLimit":0,"rateLimit":2.5}`, 3},
		{`{"rateLimit": 0.1, "burstLimit": 0}`, `{"burstLimit":0,"rateLimit":0.1}`, 1},
		{`{"rateLimit": 0, "burstLimit": 5}`, `{"burstLimit":5,"rateLimit":0.0}`, 0},
		{`{"rateLimit": 0, "burstLimit": 0}`, `{"burstLimit":0,"rateLimit":0.0}`, 0},
	} {
		plan := h.ok(201, "POST /usageplans", `{"name": "p", "throttle": `+test.throttle+`}`).text("id")
		require.Contains(t, h.raw("GET /usageplans/"+plan, ""), test.shown)
		h.ok(201, "POST /usageplans/"+plan+"/keys", key)
		require.Equal(t, test.passed, h.admitted(8, gate.Request{Secret: apikey.Secret(value.text("value"))}), test.throttle)

		patched := h.ok(200, "PATCH /usageplans/"+plan, patch("replace /throttle/burstLimit 7", "replace /throttle/rateLimit 50", "replace /throttle/burstLimit 0"))
		require.Equal(t, map[string]any{"burstLimit": 0.0, "rateLimit": 50.0}, patched.body["throttle"])
		h.ok(202, "DELETE /usageplans/"+plan+"/keys/"+value.text("id"), "")
	}
	staged := h.ok(201, "POST /usageplans", `{"name": "s", "throttle": {"rateLimit": 50}, "apiStages": [{"apiId": "a", "stage": "b", "throttle": {"/x/GET": {"rateLimit": 3, "burstLimit": 0}}}]}`).text("id")
	require.Contains(t, h.raw("GET /usageplans/"+staged, ""), `{"/x/GET":{"burstLimit":0,"rateLimit":3.0}}`)
	h.ok(201, "POST /usageplans/"+staged+"/keys", key)
	require.Equal(t, 3, h.admitted(8, gate.Request{Secret: apikey.Secret(value.text("value")), API: "a", Stage: "b", Route: "GET /x"}))
}

// TestRates checks that rates are sent as floating-point numbers, whole ones too.
func TestRates(t *testing.T) {
	h := newHarness(t)
	for rate, shown := range map[string]string{"50": "50.0", "0.5": "0.5", "1e12": "1000000000000.0", "0.00000001": "1e-8", "0": "0.0"} {
		text := h.raw("POST /usageplans", `{"name": "p", "throttle": {"burstLimit": 1, "rateLimit": `+rate+`}}`)
		require.Contains(t, text, `"rateLimit":`+shown+"}", rate)
	}
}

// TestTwoPlansWithoutStages links a key to two plans that have no stages yet. The plan of
// the older link counts until a plan names the stage.
func TestTwoPlansWithoutStages(t *testing.T) {
	h := newHarness(t)
	key := h.ok(201, "POST /apikeys", `{"enabled": true}`)
	link := `{"keyId": "` + key.text("id") + `", "keyType": "API_KEY"}`
	first := h.ok(201, "POST /usageplans", `{"name": "first"}`).text("id")
	second := h.ok(201, "POST /usageplans", `{"name": "second"}`).text("id")
	h.ok(201, "POST /usageplans/"+first+"/keys", link)
	h.ok(201, "POST /usageplans/"+second+"/keys", link)
	counts := func(want string) {
		t.Helper()
		d, err := h.gate.Admit(t.Context(), gate.Request{Secret: apikey.Secret(key.text("value")), API: "pets", Stage: "prod"})
		require.NoError(t, err)
		require.Equal(t, want, d.Plan.Name)
	}
	counts("first")
	h.ok(200, "PATCH /usageplans/"+second, patch("add /apiStages pets:prod"))
	counts("second")
	h.ok(409, "PATCH /usageplans/"+first, patch("add /apiStages pets:prod"))
	h.ok(202, "DELETE /usageplans/"+second+"/keys/"+key.text("id"), "")
	counts("first")
}

// TestWideValues checks that values may contain characters beyond ASCII, and that the
// limits count characters.
func TestWideValues(t *testing.T) {
	h := newHarness(t)
	plan := h.ok(201, "POST /usageplans", `{"name": "p"}`).text("id")
	for _, value := range []string{strings.Repeat("é", 20), strings.Repeat("鍵", 128), strings.Repeat("🔑", 128), "clé-de-la-première-époque"} {
		key := h.ok(201, "POST /apikeys", `{"enabled": true, "value": "`+value+`"}`).text("id")
		require.Equal(t, value, h.ok(200, "GET /apikeys/"+key+"?includeValue=true", "").text("value"))
		h.ok(201, "POST /usageplans/"+plan+"/keys", `{"keyId": "`+key+`", "keyType": "API_KEY"}`)
		require.Equal(t, 1, h.admitted(1, gate.Request{Secret: apikey.Secret(value)}), value)
	}
	for value, want := range map[string]string{
		strings.Repeat("é", 19):  "API Key value should be at least 20 characters",
		strings.Repeat("鍵", 129): "API Key value exceeds maximum size of 128 characters",
	} {
		require.Equal(t, want, h.ok(400, "POST /apikeys", `{"value": "`+value+`"}`).text("message"))
	}
	h.ok(400, "POST /apikeys", `{"value": "`+strings.Repeat("e", 20)+"\u200b\"}") // a zero-width space
	h.ok(400, "POST /apikeys", `{"value": "a value with spaces in it"}`)
	file := "name,key\nwide," + strings.Repeat("ü", 20) + "\n"
	require.Len(t, h.ok(201, "POST /apikeys?mode=import&format=csv", file).body["ids"], 1)
}

// TestMethodNames checks that a path whose last part is not a method is refused.
func TestMethodNames(t *testing.T) {
	h := newHarness(t)
	id := h.ok(201, "POST /usageplans", `{"name": "p", "throttle": {}, "apiStages": [{"apiId": "a", "stage": "s"}]}`).text("id")
	for method, want := range map[string]string{
		"/pets/get": "Invalid method {resourcePath: /pets,method: get} specified", "/pets": "Invalid method {resourcePath: ,method: pets} specified",
		"/": "Invalid method {resourcePath: ,method: } specified", "/pets/GETS": "Invalid method {resourcePath: /pets,method: GETS} specified",
		"pets/GET": "Invalid method {resourcePath: pets,method: GET} specified",
	} {
		a := h.ok(400, "PATCH /usageplans/"+id, patch(`replace /apiStages/a:s/throttle {"`+method+`": {"rateLimit": 1}}`))
		require.Equal(t, want, a.text("message"))
		a = h.ok(400, "PATCH /usageplans/"+id, patch("replace /apiStages/a:s/throttle/"+method+"/rateLimit 1"))
		require.Equal(t, want, a.text("message"))
		a = h.ok(400, "POST /usageplans", `{"name": "p", "throttle": {}, "apiStages": [{"apiId": "a", "stage": "s", "throttle": {"`+method+`": {}}}]}`)
		require.Equal(t, want, a.text("message"))
	}
	h.ok(200, "PATCH /usageplans/"+id, patch("replace /apiStages/a:s/throttle//pets/ANY/rateLimit 1", "replace /apiStages/a:s/throttle//GET/rateLimit 1"))
}

// TestStageNames checks AWS's error for a stage that is JSON or a list. Such a text is
// cut at its colons and not found.
func TestStageNames(t *testing.T) {
	h := newHarness(t)
	id := h.ok(201, "POST /usageplans", `{"name": "p"}`).text("id")
	for value, want := range map[string]string{
		`{"apiId": "kx2asm6go3", "stage": "dev"}`:   `API Stage not found: {"apiId": "kx2asm6go3", "stage"`,
		`[{"apiId": "kx2asm6go3", "stage": "dev"}]`: `API Stage not found: [{"apiId": "kx2asm6go3", "stage"`,
	} {
		a := h.ok(404, "PATCH /usageplans/"+id, patch("add /apiStages "+value))
		require.Equal(t, want, a.text("message"))
	}
	for _, value := range []string{"apiId=kx2asm6go3,stage=dev", "kx2asm6go3", ":dev", "kx2asm6go3:", ""} {
		a := h.ok(400, "PATCH /usageplans/"+id, patch("add /apiStages "+value))
		require.Equal(t, "Invalid API Stage specified", a.text("message"))
	}
	for _, id := range []string{`{`, `[`, `a\"`, `a:b`} {
		h.ok(400, "POST /usageplans", `{"name": "p", "apiStages": [{"apiId": "`+id+`", "stage": "dev"}]}`)
	}
	require.Empty(t, h.ok(200, "GET /usageplans/"+id, "").body["apiStages"])
}

// TestMessages checks that errors have the messages of AWS.
func TestMessages(t *testing.T) {
	h := newHarness(t)
	key := h.ok(201, "POST /apikeys", `{}`).text("id")
	plan := h.ok(201, "POST /usageplans", `{"name": "p"}`).text("id")
	const reserved = "Invalid tag key. Tag keys cannot start with 'aws:' (case insensitive)"
	for _, test := range []struct{ what, body, want string }{
		{"POST /apikeys?mode=import&format=csv", "name\nx\n", "Missing required column 'Key'"},
		{"POST /apikeys?mode=import&format=csv&failonwarnings=true", "key\nx\n", "Missing required column 'Name'"},
		{"POST /apikeys?mode=import&format=csv", "description\nx\n", "Missing required column 'Name'"},
		{"POST /apikeys?mode=import&format=csv", "", "Missing required column 'Name'"},
		{"POST /apikeys", `{"tags": {"aws:x": ""}}`, reserved},
		{"POST /apikeys", `{"tags": {"AWS:x": "", "good": ""}}`, reserved},
		{"POST /usageplans", `{"name": "x", "tags": {"Aws:": ""}}`, reserved},
		{"PUT /tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2Fapikeys%2F" + key, `{"tags": {"aws:x": "x"}}`, reserved},
		{"PUT /tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2Fusageplans%2F" + plan, `{"tags": {"aws:x": "x"}}`, reserved},
	} {
		a := h.ok(400, test.what, test.body)
		require.Equal(t, "BadRequestException", a.header.Get("X-Amzn-Errortype"))
		require.Equal(t, test.want, a.text("message"), "%s %s", test.what, test.body)
	}
}

// TestEnabled checks that only the word "true", in any case, enables a key.
func TestEnabled(t *testing.T) {
	h := newHarness(t)
	id := h.ok(201, "POST /apikeys", `{"enabled": true}`).text("id")
	for value, want := range map[string]bool{"true": true, "TRUE": true, "True": true, "1": false, "t": false, "yes": false, "false": false, "": false} {
		require.Equal(t, want, h.ok(200, "PATCH /apikeys/"+id, patch("replace /enabled "+value)).body["enabled"], value)
	}
}

// TestStageKeys checks that stage keys are stored and returned, and have no effect. Only
// plans decide on which stages a key counts.
func TestStageKeys(t *testing.T) {
	h := newHarness(t)
	a := h.ok(201, "POST /apikeys", `{"name": "k", "stageKeys": [{"restApiId": "pets", "stageName": "prod"}, {"restApiId": "cats", "stageName": "dev"}, {"restApiId": "pets", "stageName": "prod"}]}`)
	require.Equal(t, []any{"pets/prod", "cats/dev"}, a.body["stageKeys"])
	id := a.text("id")
	require.Equal(t, a.body["stageKeys"], h.ok(200, "GET /apikeys/"+id, "").body["stageKeys"])
	require.Equal(t, a.body["stageKeys"], h.ok(200, "GET /apikeys", "").body["item"].([]any)[0].(map[string]any)["stageKeys"])

	patched := h.ok(200, "PATCH /apikeys/"+id, patch("add /stages dogs/test", "add /stages dogs/test", "remove /stages pets/prod", "add /labels x"))
	require.Equal(t, []any{"cats/dev", "dogs/test"}, patched.body["stageKeys"])
	require.Equal(t, []any{"cats/dev", "dogs/test"}, h.ok(200, "PATCH /apikeys/"+id, patch("replace /name n", "remove /stages no/such")).body["stageKeys"])
	require.Equal(t, []any{}, h.ok(200, "PATCH /apikeys/"+id, patch("remove /stages cats/dev", "remove /stages dogs/test")).body["stageKeys"])
	for _, body := range []string{`{"stageKeys": [{"restApiId": "pets"}]}`, `{"stageKeys": [{"stageName": "prod"}]}`, `{"stageKeys": [{}]}`} {
		require.Equal(t, "Invalid API Stage specified", h.ok(400, "POST /apikeys", body).text("message"))
	}
	for _, value := range []string{"pets", "/prod", "pets/", ""} {
		require.Equal(t, "Invalid API Stage specified", h.ok(400, "PATCH /apikeys/"+id, patch("add /stages "+value)).text("message"))
	}
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf(`{"restApiId": "pets", "stageName": "s%d"}`, i))
	}
	h.ok(201, "POST /apikeys", `{"stageKeys": [`+strings.Join(many[:100], ",")+`]}`)
	h.ok(400, "POST /apikeys", `{"stageKeys": [`+strings.Join(many, ",")+`]}`)
}

// TestAccount checks that the account shows the throttle that the Gate enforces, or none.
func TestAccount(t *testing.T) {
	h := newHarness(t)
	account := h.ok(200, "GET /account", "")
	require.NotContains(t, account.body, "throttleSettings", "nothing is enforced")
	require.Equal(t, []any{"UsagePlans"}, account.body["features"])
	only := h.ok(201, "POST /usageplans", `{"name": "p", "throttle": {"burstLimit": 5}}`)
	require.Equal(t, map[string]any{"burstLimit": 5.0, "rateLimit": 10000.0}, only.body["throttle"])

	st := memory.New(memory.Config{})
	h = newHarnessOn(t, st, func(cfg *parts) {
		g, err := gate.New(st, st, st, gate.Config{KeyFormat: apikey.Format{AcceptForeign: true}, Account: &limiter.Limit{Rate: 30, Burst: 4}})
		require.NoError(t, err)
		t.Cleanup(func() { _ = g.Close() })
		cfg.Gate = g
	})
	require.Contains(t, h.raw("GET /account", ""), `"throttleSettings":{"burstLimit":4,"rateLimit":30.0}`)
	only = h.ok(201, "POST /usageplans", `{"name": "p", "throttle": {"burstLimit": 5}}`)
	require.Equal(t, map[string]any{"burstLimit": 5.0, "rateLimit": 30.0}, only.body["throttle"])
}
