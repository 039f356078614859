package gate_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVetFindsCopies runs go vet over two programs. It must report every copy of a
// Decision in the first, since each copy could be settled by itself. It must report
// nothing in the second, which passes pointers.
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
