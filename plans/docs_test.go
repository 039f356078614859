package plans_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
	"github.com/ration-go/ration/plans"
)

// TestPage compiles the Go blocks of the page about this package, and applies the file.
func TestPage(t *testing.T) {
	t.Parallel()
	blocks := codeblocks.Of("plans", codeblocks.Pages(t, ".."))
	require.NotEmpty(t, blocks)
	codeblocks.Compile(t, blocks)

	page, err := os.ReadFile("../docs/declared-plans.md")
	require.NoError(t, err)
	file := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, file)
	_, s := inMemory(t)
	apply(t, s, string(file[1]), plans.Config{Prune: true})
}
