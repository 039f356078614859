package rationconnect_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
)

// TestPages compiles the Go blocks of the pages that need this module.
func TestPages(t *testing.T) {
	t.Parallel()
	blocks := codeblocks.Of("rpc/connect", codeblocks.Pages(t, "../.."))
	require.NotEmpty(t, blocks)
	codeblocks.Compile(t, blocks)
}
