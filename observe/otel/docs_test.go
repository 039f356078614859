package otel_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/codeblocks"
)

// TestPages compiles the Go blocks of the pages that need this module.
func TestPages(t *testing.T) {
	blocks := codeblocks.Of("observe/otel", codeblocks.Pages(t, "../.."))
	require.NotEmpty(t, blocks)
	codeblocks.Compile(t, blocks)
}
