package grpc

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/usageplan"
)

// TestDocs holds each Go block of docs/grpc.md to the source: its lines stand in one file
// of this package, one after the other.
func TestDocs(t *testing.T) {
	var source []string
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		source = append(source, unindented(string(text)))
	}
	text, err := os.ReadFile("../../docs/grpc.md")
	require.NoError(t, err)
	blocks := strings.Split(string(text), "```go\n")[1:]
	require.GreaterOrEqual(t, len(blocks), 4)
	for _, block := range blocks {
		code, _, ended := strings.Cut(block, "```")
		require.True(t, ended)
		require.Contains(t, strings.Join(source, "\x00"), unindented(code))
	}
}

// unindented returns the lines of a text without the tabs before them.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t"))
	}
	return b.String()
}

// TestPlanOfDocs takes the page's plan for one that throttles a method.
func TestPlanOfDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/grpc.md")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "```json\n")
	require.True(t, found)
	plan, _, _ := strings.Cut(after, "```")
	var p usageplan.Plan
	require.NoError(t, json.Unmarshal([]byte(plan), &p))
	require.NoError(t, p.Validate())
	require.Contains(t, p.Routes, watch)
}
