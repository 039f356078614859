package codeblocks

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/ration-go/ration"

// known are the packages that blocks need not import, by name.
var known = map[string]string{
	"ration":     module,
	"alert":      module + "/alert",
	"admin":      module + "/admin",
	"apigateway": module + "/apigateway",
	"sigv4":      module + "/apigateway/sigv4",
	"apikey":     module + "/apikey",
	"leak":       module + "/apikey/leak",
	"client":     module + "/client",
	"gate":       module + "/gate",
	"limiter":    module + "/limiter",
	"middleware": module + "/middleware",
	"observe":    module + "/observe",
	"quota":      module + "/quota",
	"rpc":        module + "/rpc",
	"store":      module + "/store",
	"memory":     module + "/store/memory",
	"redis":      module + "/store/redis",
	"batch":      module + "/store/batch",
	"lease":      module + "/store/lease",
	"storetest":  module + "/store/storetest",
	"usageplan":  module + "/usageplan",

	"bytes": "bytes", "cmp": "cmp", "context": "context", "errors": "errors", "filepath": "path/filepath", "fmt": "fmt", "http": "net/http",
	"httptest": "net/http/httptest", "io": "io", "json": "encoding/json", "log": "log", "netip": "net/netip", "os": "os",
	"require": "github.com/stretchr/testify/require", "signal": "os/signal", "slog": "log/slog", "sql": "database/sql", "strconv": "strconv",
	"strings": "strings", "sync": "sync", "synctest": "testing/synctest", "syscall": "syscall", "testing": "testing",
	"time": "time",
}

// Pages returns all blocks of the Markdown pages below root that users read.
func Pages(t testing.TB, root string) (blocks []Block) {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "benchmarks/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		require.NoError(t, err)
		pages = append(pages, found...)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		page, err = filepath.Abs(page)
		require.NoError(t, err)
		blocks = append(blocks, Parse(page, string(text))...)
	}
	return blocks
}

// Compile compiles the blocks in the module of the working directory, all in one go
// build. It writes no files into the module.
func Compile(t testing.TB, blocks []Block) {
	t.Helper()
	out, err := build(t, blocks)
	require.NoError(t, err, "%s", out)
}

func build(t testing.TB, blocks []Block) ([]byte, error) {
	here, err := os.Getwd()
	require.NoError(t, err)
	packages := filepath.Join(here, "codeblocks.generated")
	replace := map[string]string{}
	for i, b := range blocks {
		files, err := b.files()
		require.NoError(t, err)
		for name, text := range files {
			file := filepath.Join(t.TempDir(), name)
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			replace[filepath.Join(packages, fmt.Sprint("block", i), name)] = file
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "overlay.json")
	require.NoError(t, os.WriteFile(file, overlay, 0o600))
	cmd := exec.Command("go", "build", "-o", os.DevNull, "-overlay", file, "./codeblocks.generated/...")
	return cmd.CombinedOutput()
}

// Of returns the blocks that the nested module in a directory compiles. The directory of
// the main module is "".
func Of(module string, blocks []Block) []Block {
	return slices.DeleteFunc(slices.Clone(blocks), func(b Block) bool { return b.Module != module })
}
