package redis

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the scripts that are made of the fragments in lua/")

// TestScriptsAreUpToDate checks that the scripts in the module are those that the
// fragments make. With -update it writes them.
func TestScriptsAreUpToDate(t *testing.T) {
	for _, name := range []string{"one", "many", "move", "dump", "restore"} {
		var b strings.Builder
		fmt.Fprintf(&b, "-- Code generated from lua/%s.lua by go generate. DO NOT EDIT.\n", name)
		include(t, &b, "", name+".lua")
		path := name + ".gen.lua"
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
		}
		have, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, b.String(), string(have), "go generate ./store/redis")
	}
}

// include writes a fragment without its comments. A line "--> name" stands for another
// fragment.
func include(t *testing.T, b *strings.Builder, indent, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("lua", name))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		code := strings.TrimSpace(line)
		deeper := indent + line[:len(line)-len(strings.TrimLeft(line, " "))]
		switch other, found := strings.CutPrefix(code, "--> "); {
		case found:
			include(t, b, deeper, other)
		case code == "" || strings.HasPrefix(code, "--"):
		default:
			fmt.Fprintf(b, "%s%s\n", deeper, code)
		}
	}
}
