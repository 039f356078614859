// Package awstest sends commands to the control plane in tests, by the aws command line
// or directly.
package awstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

const accessKeyID, secret = "test", "test"

// Environ is the environment in which the aws command signs with the access key id "test"
// and the secret "test", and looks for credentials nowhere else.
var Environ = []string{
	"AWS_ACCESS_KEY_ID=" + accessKeyID, "AWS_SECRET_ACCESS_KEY=" + secret, "AWS_MAX_ATTEMPTS=2", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true",
}

// Need returns the path of the aws command. Without the command it skips the test, or
// fails it if RATION_REQUIRE_AWS=1.
func Need(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("aws")
	if err != nil {
		if os.Getenv("RATION_REQUIRE_AWS") == "1" {
			t.Fatalf("RATION_REQUIRE_AWS=1: %v", err)
		}
		t.Skipf("needs the aws command line: %v", err)
	}
	return program
}

// Run runs an "aws apigateway" command against an endpoint. It returns the JSON that the
// command printed, or nil if it printed nothing. If the command fails, the error has its
// message.
func Run(t testing.TB, endpoint string, args ...string) (map[string]any, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Need(t), append([]string{"apigateway", "--endpoint-url", endpoint, "--region", "us-east-1", "--output", "json"}, args...)...)
	cmd.Env = append(cmd.Environ(), Environ...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	var body map[string]any
	if len(bytes.TrimSpace(out)) > 0 {
		if err := json.Unmarshal(out, &body); err != nil {
			return nil, fmt.Errorf("%w: %s", err, out)
		}
	}
	return body, nil
}
