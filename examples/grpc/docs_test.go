package grpc

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/usageplan"
)

// TestDocs holds each Go block of docs/grpc.md to the source: its lines stand in one file
// of this package, one after the other. TestPasted covers the block of imports.
func TestDocs(t *testing.T) {
	var source []string
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		source = append(source, unindented(string(text)))
	}
	blocks := goBlocks(t)
	for _, code := range blocks {
		if strings.HasPrefix(code, "import (") {
			continue
		}
		require.Contains(t, strings.Join(source, "\x00"), unindented(code))
	}
}

// goBlocks returns the Go blocks of docs/grpc.md.
func goBlocks(t *testing.T) (blocks []string) {
	text, err := os.ReadFile("../../docs/grpc.md")
	require.NoError(t, err)
	for _, rest := range strings.Split(string(text), "```go\n")[1:] {
		code, _, ended := strings.Cut(rest, "```")
		require.True(t, ended)
		blocks = append(blocks, code)
	}
	require.GreaterOrEqual(t, len(blocks), 4)
	return blocks
}

// TestPasted compiles all Go blocks of the page, pasted into one file.
func TestPasted(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "pasted.go")
	require.NoError(t, os.WriteFile(file, []byte("package pasted\n\n"+strings.Join(goBlocks(t), "\n")), 0o600))
	overlay, err := json.Marshal(map[string]any{
		"Replace": map[string]string{filepath.Join(here, "pasted.generated", "pasted.go"): file},
	})
	require.NoError(t, err)
	replace := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(replace, overlay, 0o600))

	out, err := exec.Command("go", "build", "-overlay", replace, "./pasted.generated").CombinedOutput()

	require.NoError(t, err, "%s", out)
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
