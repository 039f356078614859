package ration_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRights requires the rights of a Redis user to be the same on the page for operators
// and in the doc of package redis.
func TestRights(t *testing.T) {
	rights := func(file string) []string {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		_, after, found := strings.Cut(string(text), "ACL SETUSER service ")
		require.True(t, found, file)
		words, _, found := strings.Cut(strings.ReplaceAll(after, "//", ""), "+info")
		require.True(t, found, file)
		return strings.Fields(words)
	}

	require.Equal(t, rights("store/redis/doc.go"), rights("docs/redis-in-production.md"))
}
