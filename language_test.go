package ration_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// maxComment is the column at which comments wrap.
const maxComment = 90

// searched are the words of a package's synopsis by which people find it. The first
// sentence of a package's doc is all that a search result shows.
var searched = map[string][]string{
	"ration":     {"API keys", "rate limits", "quotas"},
	"apikey":     {"API keys"},
	"usageplan":  {"usage plans"},
	"gate":       {"API key", "usage plan"},
	"limiter":    {"rate limit", "token bucket"},
	"quota":      {"quota", "calendar"},
	"middleware": {"net/http", "rate limit"},
	"rpc":        {"api keys", "rate limits", "rpc"},
	"client":     {"HTTP client", "rate limit"},
	"store":      {"counter"},
	"batch":      {"batches", "counter stores"},
	"memory":     {"in memory"},
	"redis":      {"Redis"},
	"storetest":  {"test", "store"},
	"admin":      {"admin page", "API keys", "usage plans"},
	"apigateway": {"Amazon API Gateway"},
	"sigv4":      {"AWS Signature Version 4"},
	"keyfile":    {"API key", "CSV"},

	"rationgrpc":    {"API keys", "rate limits", "gRPC"},
	"rationconnect": {"API keys", "rate limits", "Connect"},
}

// sourceFile is one parsed Go file of the repository, the nested modules included.
type sourceFile struct {
	path string
	fset *token.FileSet
	*ast.File
}

func sourceFiles(t *testing.T) (files []sourceFile) {
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.go").Output()
	if err != nil {
		t.Skip("not in a git checkout")
	}
	for path := range strings.Lines(string(out)) {
		path = strings.TrimSpace(path)
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, sourceFile{path, fset, f})
	}
	require.NotEmpty(t, files)
	return files
}

// TestCommentWidth holds comments to maxComment columns. A line without a space, such as
// a long link, and a directive cannot wrap.
func TestCommentWidth(t *testing.T) {
	for _, f := range sourceFiles(t) {
		for _, group := range f.Comments {
			for _, c := range group.List {
				at := f.fset.Position(c.Pos())
				text := strings.TrimPrefix(c.Text, "//")
				if strings.HasPrefix(c.Text, "/*") || !strings.HasPrefix(text, " ") || !strings.Contains(strings.TrimSpace(text), " ") {
					continue
				}
				if at.Column > 60 { // a few words behind a line of code
					assert.LessOrEqual(t, utf8.RuneCountInString(text), maxComment, "%s:%d", f.path, at.Line)
					continue
				}
				width := at.Column - 1 + utf8.RuneCountInString(c.Text)
				assert.LessOrEqual(t, width, maxComment, "%s:%d: a comment of %d columns", f.path, at.Line, width)
			}
		}
	}
}

// verb matches the second word of a function's doc: a verb in the third person.
var verb = regexp.MustCompile(`^[a-z]+s$`)

// TestFunctionDocs holds the doc of each exported function and method to the form
// "Name does ...".
func TestFunctionDocs(t *testing.T) {
	seen := 0
	for _, f := range sourceFiles(t) {
		if strings.HasSuffix(f.path, "_test.go") || f.Name.Name == "main" {
			continue
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || !exportedReceiver(fn) {
				continue
			}
			seen++
			words := strings.Fields(fn.Doc.Text())
			where := f.path + ": " + fn.Name.Name
			if !assert.GreaterOrEqual(t, len(words), 2, where) {
				continue
			}
			assert.Equal(t, fn.Name.Name, words[0], where)
			assert.True(t, verb.MatchString(words[1]) && words[1] != "is" && words[1] != "has", "%s: %q: want a verb after the name", where, words[1])
		}
	}
	assert.Greater(t, seen, 100)
}

func exportedReceiver(fn *ast.FuncDecl) bool {
	if fn.Recv == nil {
		return true
	}
	exported := false
	ast.Inspect(fn.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && !exported {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

// TestSynopses holds each package's synopsis to the words that people search for.
func TestSynopses(t *testing.T) {
	found := map[string]bool{}
	for _, f := range sourceFiles(t) {
		words, ok := searched[f.Name.Name]
		if !ok || f.Doc == nil || strings.HasPrefix(filepath.ToSlash(f.path), "internal/") {
			continue
		}
		found[f.Name.Name] = true
		synopsis, _, _ := strings.Cut(strings.ReplaceAll(f.Doc.Text(), "\n", " "), ". ")
		for _, word := range words {
			assert.Contains(t, strings.ToLower(synopsis), strings.ToLower(word), f.path)
		}
	}
	for name := range searched {
		assert.True(t, found[name], "package %s has no doc", name)
	}
}
