package handlertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
)

// TestDocs checks that the Go blocks of docs/testing.md are excerpts of this package.
func TestDocs(t *testing.T) {
	require.GreaterOrEqual(t, len(codeblocks.Excerpts(t, "../../docs/testing.md")), 4)
}
