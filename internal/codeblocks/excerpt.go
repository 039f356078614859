package codeblocks

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Excerpts returns the Go blocks of a page. It checks that each of them is an excerpt of
// a program, the Go files of the working directory: its lines stand in one file, one
// after the other. The tabs before a line do not count.
func Excerpts(t testing.TB, page string) []Block {
	var program strings.Builder
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		program.WriteString(unindented(string(text)) + "\x00")
	}

	text, err := os.ReadFile(page)
	require.NoError(t, err)
	blocks := Parse(page, string(text))
	for _, b := range blocks {
		require.Contains(t, program.String(), unindented(b.Code), "%s:%d", b.Page, b.Line)
	}
	return blocks
}

// unindented returns the lines of a text without the tabs before them.
func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t"))
	}
	return b.String()
}
