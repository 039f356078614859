package codeblocks

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// page returns a page with one block and the comment before it.
func page(comment, code string) string {
	return "# Title\n\n" + comment + "```go\n" + code + "\n```\n\nText.\n"
}

func TestCompile(t *testing.T) {
	var blocks []Block
	var faults []string
	for name, c := range map[string]struct{ comment, code, fault string }{
		"file":                         {"", "package main\n\nfunc main() {}", ""},
		"file with a fault":            {"", "package main\n\nfunc main() { x }", "6: undefined: x"},
		"declarations":                 {"", "func f() { fmt.Println(time.Second) }", ""},
		"declarations with a fault":    {"", "func f() { fmt.Print() }\n\nvar x int = 2.5", "6: cannot use 2.5"},
		"statements":                   {"", `lim, err := limiter.Parse("1/s")`, ""},
		"statements with a fault":      {"", "x := 1\nx = true", "5: cannot use true"},
		"ctx":                          {"", "<-ctx.Done()", ""},
		"var":                          {"", "var x, y int", ""},
		"constant":                     {"", "const x = 1", ""},
		"nothing that the page names":  {"", "unknown.Do()", "4: undefined: unknown"},
		"a variable like a package":    {"", `store := "x"` + "\nstore = store.Name", "5: store.Name undefined"},
		"signature":                    {"<!-- go: func(w http.ResponseWriter) error -->\n", "w.WriteHeader(200)\nreturn nil", ""},
		"signature and declarations":   {"<!-- go: func() int\nvar d time.Duration -->\n", "if d > 0 {\n\treturn 1\n}", ""},
		"declared beside":              {"<!-- go: var mine struct{ New func() int } -->\n", "_ = mine.New()", ""},
		"declared beside as a package": {"<!-- go: var store struct{ New func() int } -->\n", "_ = store.New()", ""},
		"import":                       {"<!-- go: import \"math\" -->\n", "_ = math.Pi", ""},
		"import in the place of known": {"<!-- go: import json \"math\" -->\n", "_ = json.Pi", ""},
	} {
		found := Parse(name, page(c.comment, c.code))
		require.Len(t, found, 1)
		found[0].Line -= strings.Count(c.comment, "\n")
		blocks = append(blocks, found...)
		if c.fault != "" {
			faults = append(faults, name+":"+c.fault)
		}
	}
	t.Chdir("../..")

	out, err := build(t, blocks)

	require.Error(t, err)
	for line := range strings.Lines(string(out)) {
		if !strings.HasPrefix(line, "#") {
			i := slices.IndexFunc(faults, func(fault string) bool { return strings.HasPrefix(strings.TrimPrefix(line, "./"), fault) })
			require.GreaterOrEqual(t, i, 0, line)
			faults = slices.Delete(faults, i, i+1)
		}
	}
	require.Empty(t, faults, "%s", out)
}

func TestParse(t *testing.T) {
	text := "```go\none\n```\n" +
		"<!-- go: in benchmarks -->\n   ```go\n   two\n\n   \tthree\n   ```\n" +
		"```sh\nfour\n```\n<!-- a comment -->\n```go\nfive\n```\n"

	blocks := Parse("page.md", text)

	require.Len(t, blocks, 3)
	require.Equal(t, "one\n", blocks[0].Code)
	require.Equal(t, 2, blocks[0].Line)
	require.Equal(t, "two\n\n\tthree\n", blocks[1].Code)
	require.Equal(t, 6, blocks[1].Line)
	require.Equal(t, "benchmarks", blocks[1].Module)
	require.Equal(t, "five\n", blocks[2].Code)
	require.Len(t, Of("", blocks), 2)
	require.Len(t, Of("benchmarks", blocks), 1)
}
