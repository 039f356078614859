package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocs holds each Go block of docs/llm-api.md to the source: its lines stand in one
// file of this package, one after the other. The plans are those of plans.json.
func TestDocs(t *testing.T) {
	var source []string
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		source = append(source, unindented(string(text)))
	}
	text, err := os.ReadFile("../../docs/llm-api.md")
	require.NoError(t, err)
	require.Contains(t, string(text), "```json\n"+string(plansFile)+"```")
	blocks := strings.Split(string(text), "```go\n")[1:]
	require.GreaterOrEqual(t, len(blocks), 9)
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
