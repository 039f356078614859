package ration_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/ration-go/ration"

// mayImport lists which packages of this module each package may import. A new entry
// needs a reason, which belongs in ARCHITECTURE.md.
var mayImport = map[string][]string{
	"":                         {"/apikey", "/gate", "/history", "/internal/nilcheck", "/middleware", "/store", "/store/lease", "/usageplan"},
	"/admin":                   {"/apikey", "/gate", "/history", "/internal/nilcheck", "/internal/outage", "/internal/refusal", "/limiter", "/observe", "/quota", "/store", "/usageplan"},
	"/alert":                   {"/gate", "/internal/fault", "/quota", "/usageplan"},
	"/apigateway":              {"/apigateway/keyfile", "/apigateway/sigv4", "/apikey", "/gate", "/history", "/internal/nilcheck", "/internal/refusal", "/limiter", "/quota", "/usageplan"},
	"/apigateway/keyfile":      {"/apikey", "/internal/fault", "/internal/nilcheck", "/usageplan"},
	"/apigateway/sigv4":        {},
	"/apikey":                  {"/history", "/internal/fault", "/internal/nilcheck", "/internal/retry", "/internal/strict"},
	"/apikey/leak":             {"/apikey", "/history", "/internal/fault", "/internal/nilcheck", "/internal/outage", "/internal/refusal"},
	"/client":                  {"/internal/fault", "/internal/nilcheck"},
	"/gate":                    {"/apikey", "/history", "/internal/fault", "/internal/metername", "/internal/nilcheck", "/internal/outage", "/internal/pages", "/limiter", "/quota", "/store", "/store/lease", "/usageplan"},
	"/history":                 {"/internal/cursor", "/internal/fault", "/internal/nilcheck"},
	"/internal/awstest":        {},
	"/internal/codeblocks":     {},
	"/internal/cursor":         {},
	"/internal/fault":          {},
	"/internal/fronttest":      {"/apikey", "/gate", "/limiter", "/middleware", "/quota", "/store", "/store/memory", "/usageplan"},
	"/internal/guess":          {},
	"/internal/leak":           {},
	"/internal/longtest":       {},
	"/internal/metername":      {"/store"},
	"/internal/nilcheck":       {},
	"/internal/outage":         {},
	"/internal/pages":          {},
	"/internal/pgtest":         {},
	"/internal/pipeserver":     {},
	"/internal/redistest":      {},
	"/internal/refusal":        {},
	"/internal/retry":          {},
	"/internal/routename":      {},
	"/internal/sampledata":     {"/apikey", "/limiter", "/quota", "/store", "/usageplan"},
	"/internal/strict":         {},
	"/limiter":                 {"/internal/fault", "/internal/nilcheck", "/store"},
	"/middleware":              {"/apikey", "/gate", "/history", "/internal/fault", "/internal/guess", "/internal/nilcheck", "/internal/outage", "/internal/refusal", "/internal/routename", "/limiter", "/quota", "/store", "/usageplan"},
	"/observe":                 {"/gate", "/store", "/usageplan"},
	"/observe/internal/series": {"/alert", "/gate", "/internal/fault", "/internal/nilcheck", "/observe", "/store/lease", "/usageplan"},
	"/quota":                   {"/internal/fault", "/internal/nilcheck", "/store"},
	"/rpc":                     {"/apikey", "/gate", "/internal/fault", "/internal/outage", "/middleware", "/store", "/usageplan"},
	"/store":                   {},
	"/store/batch":             {"/store"},
	"/store/lease":             {"/internal/fault", "/internal/nilcheck", "/internal/outage", "/store"},
	"/store/memory":            {"/apikey", "/internal/cursor", "/store", "/usageplan"},
	"/store/redis":             {"/apikey", "/history", "/internal/cursor", "/internal/nilcheck", "/store", "/store/batch", "/usageplan"},
	"/store/storetest":         {"/apikey", "/history", "/limiter", "/quota", "/store", "/usageplan"},
	"/store/transfer":          {"/apikey", "/store", "/usageplan"},
	"/usageplan":               {"/apikey", "/history", "/internal/fault", "/internal/metername", "/internal/nilcheck", "/internal/pages", "/internal/retry", "/internal/routename", "/internal/strict", "/limiter", "/quota", "/store"},
}

// thirdParty lists the packages that may import modules beyond the standard library and
// golang.org/x, and which ones.
var thirdParty = map[string][]string{
	"/gate":               {"github.com/dchest/siphash"},
	"/store/redis":        {"github.com/redis/rueidis"},
	"/internal/redistest": {"github.com/redis/rueidis"},

	"/internal/codeblocks": {"github.com/stretchr/testify/require"},
	"/internal/fronttest":  {"github.com/stretchr/testify/require"},
	"/internal/pipeserver": {"github.com/stretchr/testify/require"},
}

type pkg struct {
	ImportPath, Name, Doc string
	Imports               []string
	Standard              bool
}

func packages(t *testing.T) []pkg {
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var list []pkg
	for dec := json.NewDecoder(out); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
		list = append(list, p)
	}
	require.NoError(t, cmd.Wait())
	return list
}

// TestImports holds every package to mayImport and to thirdParty.
func TestImports(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(path, "/examples/") {
			continue
		}
		allowed, known := mayImport[path]
		require.True(t, known, "package %s is unknown: add what it may import to mayImport", p.ImportPath)
		seen++
		for _, imp := range p.Imports {
			switch ours, ok := strings.CutPrefix(imp, module); {
			case ok:
				require.Contains(t, allowed, ours, "%s imports %s", p.ImportPath, imp)
			case strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") && !strings.HasPrefix(imp, "golang.org/x/"):
				require.True(t, slices.Contains(thirdParty[path], imp), "%s imports %s", p.ImportPath, imp)
			}
		}
	}
	require.Equal(t, len(mayImport), seen, "a package of the house is gone: take it out of the mayImport")
}

// TestDocs expects one package comment for each package.
func TestDocs(t *testing.T) {
	for _, p := range packages(t) {
		if p.Name == "main" {
			continue
		}
		require.True(t, strings.HasPrefix(p.Doc, "Package "+p.Name+" "), "package %s: doc %q", p.ImportPath, p.Doc)
	}
}

// TestModule checks which modules go.mod may require, and that it replaces none.
func TestModule(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	require.NotContains(t, string(text), "replace")
	allowed := []string{
		"github.com/alicebob/miniredis/v2", "github.com/dchest/siphash", "github.com/redis/rueidis", "github.com/stretchr/testify",
		"golang.org/x/time", "go.uber.org/goleak",
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) == 2 && strings.HasPrefix(fields[1], "v") {
			require.Contains(t, allowed, fields[0])
		}
	}
}

// TestNoSleep checks that no test sleeps outside a synctest bubble, where time is real.
func TestNoSleep(t *testing.T) {
	out, err := exec.Command("git", "grep", "-l", "time.Sleep(", "--", "*_test.go").Output()
	if err != nil {
		t.Skip("not in a git checkout")
	}
	for file := range strings.Lines(string(out)) {
		file = strings.TrimSpace(file)
		if file == "house_test.go" {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Contains(t, string(text), "testing/synctest", "%s sleeps outside a bubble", file)
	}
}
