package gate_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVetFindsCopies has go vet find every copy of a Decision, each of which could be
// settled by itself, and nothing in a program that hands out pointers.
func TestVetFindsCopies(t *testing.T) {
	if testing.Short() {
		t.Skip("runs go vet")
	}
	program, err := exec.LookPath("go")
	if err != nil {
		t.Skip("there is no go command")
	}
	out, err := exec.Command(program, "vet", "./testdata/copies").CombinedOutput()
	require.Error(t, err, "go vet finds nothing")
	source, err := os.ReadFile("testdata/copies/copies.go")
	require.NoError(t, err)
	line := 0
	for text := range strings.Lines(string(source)) {
		line++
		place := "copies.go:" + strconv.Itoa(line) + ":"
		require.Equal(t, strings.Contains(text, "// want"), strings.Contains(string(out), place), "%s%s\n%s", place, text, out)
	}
	out, err = exec.Command(program, "vet", "./testdata/pointers").CombinedOutput()
	require.NoError(t, err, "%s", out)
}
