package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
)

// TestDocs checks that the Go blocks of docs/llm-api.md are excerpts of this program, and
// that its plans are those of plans.json.
func TestDocs(t *testing.T) {
	const page = "../../docs/llm-api.md"
	require.GreaterOrEqual(t, len(codeblocks.Excerpts(t, page)), 9)
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Contains(t, string(text), "```json\n"+string(plansFile)+"```")
}
