package rationgrpc_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
	"github.com/ration-go/ration/usageplan"
)

// TestPages compiles the Go blocks of the pages that need this module.
func TestPages(t *testing.T) {
	t.Parallel()
	blocks := codeblocks.Of("rpc/grpc", codeblocks.Pages(t, "../.."))
	require.NotEmpty(t, blocks)
	codeblocks.Compile(t, blocks)
}

// TestPlanOfPage takes the page's plan for one that throttles a method.
func TestPlanOfPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/grpc.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "```json\n")
	require.True(t, found)
	plan, _, _ := strings.Cut(after, "```")
	var p usageplan.Plan
	require.NoError(t, json.Unmarshal([]byte(plan), &p))
	require.NoError(t, p.Validate())
	require.Contains(t, p.Routes, "/grpc.health.v1.Health/Watch")
}
