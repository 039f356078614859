package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCheckedIn requires the SVG files in docs to be what the command makes of the page.
func TestCheckedIn(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", page))
	require.NoError(t, err)
	for name, colors := range themes {
		want, err := chart(string(text), colors)
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "run: go run ./chart")
		for d := xml.NewDecoder(strings.NewReader(string(got))); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else {
				require.NoError(t, err)
			}
		}
	}
}

func TestTables(t *testing.T) {
	page := "# Title\n\n| a | b |\n| --- | --- |\n| x | 0.5 |\n\n| a | c | d |\n| --- | --- | --- |\n| x | y | 2 |\n| x | z | 4 |\n"

	found, err := find(page, "a", "c")
	require.NoError(t, err)
	n, err := found.number("d", "x", "z")
	require.NoError(t, err)
	require.Equal(t, 4.0, n)

	_, err = found.number("d", "q")
	require.EqualError(t, err, `no figure in the column "d" and the row ["q"]`)
	_, err = found.number("e", "x")
	require.EqualError(t, err, `no figure in the column "e" and the row ["x"]`)
	_, err = find(page, "b")
	require.EqualError(t, err, `no table begins with the columns ["b"]`)
	_, err = chart(page, theme{})
	require.Error(t, err)
}
