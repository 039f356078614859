package envoy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/envoy/internal/standin"
	"github.com/ration-go/ration/internal/codeblocks"
)

// TestPage compiles the Go blocks of docs/envoy.md, and finds its YAML in a configuration
// that Envoy's protocol buffers accept.
func TestPage(t *testing.T) {
	blocks := codeblocks.Of("envoy", codeblocks.Pages(t, ".."))
	require.NotEmpty(t, blocks)
	codeblocks.Compile(t, blocks)

	page, err := os.ReadFile("../docs/envoy.md")
	require.NoError(t, err)
	example, err := os.ReadFile("example/envoy.yaml")
	require.NoError(t, err)
	_, err = standin.Read(string(example))
	require.NoError(t, err)
	parts := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	require.NotEmpty(t, parts)
	for _, part := range parts {
		require.Contains(t, unindented(string(example)), unindented(string(part[1])))
	}
}

// unindented returns the lines of a text without blanks before them, and without
// comments.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line = strings.TrimLeft(line, " "); !strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	return b.String()
}
