package routers

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
)

// TestDocs compiles the blocks of pages that name this module. Each line of a function in
// them is a line of this package, which the other tests run.
func TestDocs(t *testing.T) {
	blocks := codeblocks.Of("examples/routers", codeblocks.Pages(t, "../.."))
	require.NotEmpty(t, blocks)
	codeblocks.Compile(t, blocks)

	lines := map[string]bool{"": true}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			lines[strings.TrimSpace(line)] = true
		}
	}
	for _, b := range blocks {
		for line := range strings.Lines(b.Code) {
			require.True(t, lines[strings.TrimSpace(line)], "%s:%d: %q is in no file here", b.Page, b.Line, line)
		}
	}
}
