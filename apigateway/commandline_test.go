package apigateway_test

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/apigateway"
	"github.com/ration-go/ration/apigateway/sigv4"
	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/gate"
	"github.com/ration-go/ration/internal/awstest"
)

// TestCommandLine checks, with the real command line, the answers that scripts expect
// from AWS.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	verifier, err := sigv4.New(func(_ context.Context, id string) (string, bool, error) { return "test", id == "test", nil }, sigv4.Config{})
	require.NoError(t, err)
	h := newHarness(t, func(cfg *parts) { cfg.Authenticate = apigateway.Signed(verifier) })
	server := httptest.NewServer(h.h)
	defer server.Close()
	run := func(args ...string) map[string]any {
		t.Helper()
		out, err := awstest.Run(t, server.URL, args...)
		require.NoError(t, err)
		return out
	}
	refused := func(want string, args ...string) {
		t.Helper()
		_, err := awstest.Run(t, server.URL, args...)
		require.ErrorContains(t, err, want)
	}

	key := run("create-api-key", "--name", "clé", "--enabled", "--value", "une-clé-de-la-première-époque", "--stage-keys", "restApiId=pets,stageName=prod")
	keyID := key["id"].(string)
	require.Equal(t, []any{"pets/prod"}, run("get-api-key", "--api-key", keyID)["stageKeys"])

	plan := run("create-usage-plan", "--name", "five", "--throttle", "rateLimit=5,burstLimit=0",
		"--query", "{id: id, rate: to_string(throttle.rateLimit), burst: to_string(throttle.burstLimit)}")
	require.Equal(t, "5.0", plan["rate"])
	require.Equal(t, "0", plan["burst"])
	planID := plan["id"].(string)
	run("create-usage-plan-key", "--usage-plan-id", planID, "--key-id", keyID, "--key-type", "API_KEY")
	require.Equal(t, 5, h.admitted(8, gate.Request{Secret: apikey.Secret(key["value"].(string))}))
	second := run("create-usage-plan", "--name", "second")["id"].(string)
	run("create-usage-plan-key", "--usage-plan-id", second, "--key-id", keyID, "--key-type", "API_KEY")

	refused("(NotFoundException) when calling the UpdateUsagePlan operation: API Stage not found: {\"apiId\":\"pets\",\"stage\"",
		"update-usage-plan", "--usage-plan-id", second, "--patch-operations", `[{"op":"add","path":"/apiStages","value":"{\"apiId\":\"pets\",\"stage\":\"prod\"}"}]`)
	run("update-usage-plan", "--usage-plan-id", planID, "--patch-operations", "op=add,path=/apiStages,value=pets:prod")
	refused("Invalid method {resourcePath: /pets,method: get} specified",
		"update-usage-plan", "--usage-plan-id", planID, "--patch-operations", "op=replace,path=/apiStages/pets:prod/throttle//pets/get/rateLimit,value=1")
	refused("(BadRequestException) when calling the TagResource operation: Invalid tag key. Tag keys cannot start with 'aws:' (case insensitive)",
		"tag-resource", "--resource-arn", "arn:aws:apigateway:us-east-1::/apikeys/"+keyID, "--tags", "AWS:x=y")
	file := filepath.Join(t.TempDir(), "keys.csv")
	require.NoError(t, os.WriteFile(file, []byte("Name,Value\nn,v\n"), 0o600))
	refused("(BadRequestException) when calling the ImportApiKeys operation: Missing required column 'Key'",
		"import-api-keys", "--format", "csv", "--body", "fileb://"+file)

	require.Equal(t, false, run("update-api-key", "--api-key", keyID, "--patch-operations", "op=replace,path=/enabled,value=1")["enabled"])
	require.NotContains(t, run("get-account"), "throttleSettings")
}
