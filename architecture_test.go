package ration_test

import (
	"cmp"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestArchitecture checks that ARCHITECTURE.md names every package of every module here,
// and every module that one of them requires. It names none that is gone.
func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	require.NoError(t, err)
	packages, modules := inTree(t)

	_, rows, _ := strings.Cut(string(text), "\n## The packages\n")
	rows, _, _ = strings.Cut(rows, "\n## ")
	named := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\|").FindAllStringSubmatch(rows, -1) {
		for _, name := range regexp.MustCompile("`(.*?)`").FindAllStringSubmatch(row[1], -1) {
			named[name[1]] = true
		}
	}
	assert.Equal(t, slices.Sorted(maps.Keys(packages)), slices.Sorted(maps.Keys(named)))

	_, dependencies, _ := strings.Cut(string(text), "\n## Dependencies\n")
	words := regexp.MustCompile(`[\w-]+\.[\w.]+/[\w./-]+`).FindAllString(dependencies, -1)
	for _, module := range modules {
		assert.True(t, slices.ContainsFunc(words, func(w string) bool { return within(module, w) }), "%s has no row", module)
	}
	for _, w := range words {
		assert.True(t, slices.ContainsFunc(modules, func(module string) bool { return within(module, w) }), "%s is required by no module", w)
	}
}

// inTree returns the packages below this directory, and the modules that the modules of
// this project require beside one another.
func inTree(t *testing.T) (packages map[string]bool, modules []string) {
	packages = map[string]bool{}
	required := regexp.MustCompile(`(?m)^(?:require )?\t?(\S+\.\S+/\S+) v\S+$`) // not "// indirect"
	require.NoError(t, filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		switch dir, name := path.Split(filepath.ToSlash(file)); {
		case err != nil:
			return err
		case name == "testdata" || name == ".git":
			return fs.SkipDir
		case name == "go.mod":
			text, err := os.ReadFile(file)
			for _, m := range required.FindAllStringSubmatch(string(text), -1) {
				if !within(m[1], module) {
					modules = append(modules, m[1])
				}
			}
			return err
		case strings.HasSuffix(name, ".go"):
			packages[cmp.Or(strings.TrimSuffix(dir, "/"), "ration")] = true
		}
		return nil
	}))
	return packages, modules
}

// within reports whether a path is another one or below it.
func within(path, other string) bool { return path == other || strings.HasPrefix(path, other+"/") }
