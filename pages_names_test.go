package ration_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	fence    = regexp.MustCompile("(?s)```.*?```")
	inline   = regexp.MustCompile("`([^`\n]+)`")
	dotted   = regexp.MustCompile(`(?:^|[^\w./-])([A-Za-z]\w*)\.([A-Z]\w*(?:\.[A-Z]\w*)?)`)
	exported = regexp.MustCompile(`^[A-Z]\w+$`)
)

// foreign holds the names on the pages that are not of this module.
var foreign = wordSet(`Authorization Forwarded FUZZTIME ReadTimeout Request.Pattern
	INTERNAL PERMISSION_DENIED RESOURCE_EXHAUSTED UNAUTHENTICATED UNAVAILABLE QuotaFailure RetryInfo NewPetsHandler PetsName
	StripSlashes CleanPath URLFormat GetHead BodyLimit ConnLifetime ConnWriteTimeout
	AllowAtMost Reset KeyByRealIP WithIncrement WithLimitHandler
	BEGIN BLOB COMMIT Commit SELECT UPDATE`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

// declared holds what the packages of the repository and their tests declare.
type declared struct {
	owners map[string]bool // packages and exported types
	names  map[string]bool // "gate.Config.MaxAge", "Config.MaxAge", "MaxAge"
}

func (d *declared) add(parts ...string) {
	for i := range parts {
		d.names[strings.Join(parts[i:], ".")] = true
	}
}

func declarations(t *testing.T) *declared {
	d := &declared{map[string]bool{}, map[string]bool{}}
	for _, f := range sourceFiles(t) {
		pkg := f.Name.Name
		d.owners[pkg] = true
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil {
					d.add(pkg, n.Name.Name)
				} else {
					d.add(pkg, typeName(n.Recv.List[0].Type), n.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range n.Names {
					d.add(pkg, name.Name)
				}
			case *ast.TypeSpec:
				d.add(pkg, n.Name.Name)
				d.owners[n.Name.Name] = n.Name.IsExported()
				for _, member := range members(n.Type) {
					d.add(pkg, n.Name.Name, member)
				}
			}
			return true
		})
	}
	return d
}

// typeName returns the name in T, *T and pkg.T.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// members returns the names of a struct's fields or of an interface's methods.
func members(e ast.Expr) (found []string) {
	var list *ast.FieldList
	switch e := e.(type) {
	case *ast.StructType:
		list = e.Fields
	case *ast.InterfaceType:
		list = e.Methods
	default:
		return nil
	}
	for _, f := range list.List {
		for _, name := range f.Names {
			found = append(found, name.Name)
		}
		if len(f.Names) == 0 {
			found = append(found, typeName(f.Type))
		}
	}
	return found
}

// mentions returns the names of this module that a text between backquotes seems to have,
// such as gate.Config.MaxAge, Config.MaxAge and MaxAge.
func (d *declared) mentions(code string) (found []string) {
	if exported.MatchString(code) {
		found = append(found, code)
	}
	for _, m := range dotted.FindAllStringSubmatch(code, -1) {
		if d.owners[m[1]] {
			found = append(found, m[1]+"."+m[2])
		}
	}
	return found
}

// TestNamesOnPages looks up the names of this module in the text of the pages. Their
// blocks of code are compiled elsewhere.
func TestNamesOnPages(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	d, found := declarations(t), 0
	for _, page := range append(pages, "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md") {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		for _, code := range inline.FindAllStringSubmatch(fence.ReplaceAllString(string(text), ""), -1) {
			for _, name := range d.mentions(code[1]) {
				found++
				assert.True(t, d.names[name] || foreign[name], "%s: `%s`: there is no %s; if it is of another module, list it as foreign", page, code[1], name)
			}
		}
	}
	require.Greater(t, found, 100)
}
