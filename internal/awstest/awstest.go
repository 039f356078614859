// Package awstest runs the real aws command line in tests.
package awstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Environ is what the aws command needs to sign as a "test" whose secret is "test", and
// to ask nobody else.
var Environ = []string{
	"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_MAX_ATTEMPTS=2", "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true",
}

// Need skips a test if there is no aws command, and fails it if RATION_REQUIRE_AWS=1 says
// that there must be one. It returns where the command is.
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

// Run is an "aws apigateway" command against an endpoint: what it printed, nil if that
// was nothing. The error has what it said instead.
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
