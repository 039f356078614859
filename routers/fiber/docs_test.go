package rationfiber_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
)

// TestDocs compiles the blocks of pages that name this module.
func TestDocs(t *testing.T) {
	blocks := codeblocks.Of("routers/fiber", codeblocks.Pages(t, "../.."))
	require.NotEmpty(t, blocks)
	codeblocks.Compile(t, blocks)
}
