package codeblocks

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Block is a Go block of a page.
type Block struct {
	Page   string // the page's path
	Line   int    // the line of the page on which the code begins
	Module string // the nested module that compiles it; empty: the main one
	Code   string

	signature, imports, declarations string
}

var fence = regexp.MustCompile("(?m)(?:<!-- go:((?s:[^>]*?))-->\\n)?^( *)```go\\n((?s:.*?))^ *```$")

// Parse returns the Go blocks of a page.
func Parse(page, text string) (blocks []Block) {
	for _, m := range fence.FindAllStringSubmatchIndex(text, -1) {
		b := Block{Page: page, Line: 1 + strings.Count(text[:m[6]], "\n"), signature: "func()"}
		if m[2] >= 0 {
			b.mark(text[m[2]:m[3]])
		}
		indent := text[m[4]:m[5]]
		for line := range strings.Lines(text[m[6]:m[7]]) {
			b.Code += strings.TrimPrefix(line, indent)
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// mark reads the comment before the block.
func (b *Block) mark(text string) {
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "func("):
			b.signature = line
		case strings.HasPrefix(line, "import "):
			b.imports += line + "\n"
		case strings.HasPrefix(line, "in "):
			b.Module = strings.TrimPrefix(line, "in ")
		default:
			b.declarations += line + "\n"
		}
	}
}

// files returns the Go files that make the block a package. The key is the file's name.
func (b *Block) files() (map[string]string, error) {
	if strings.HasPrefix(b.Code, "package ") {
		return map[string]string{"block.go": b.origin() + b.Code}, nil
	}
	declarations, err := withImports("", b.declarations+"\nvar ctx = context.Background()\n", "")
	if err != nil {
		return nil, fmt.Errorf("%s:%d: comment before the block: %w", b.Page, b.Line, err)
	}
	code := b.origin() + b.Code
	if _, err := parse("package p\n" + code); err != nil {
		code = b.body()
	}
	block, err := withImports(b.imports, code, b.declarations)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", b.Page, err)
	}
	return map[string]string{"block.go": block, "declarations.go": declarations}, nil
}

// origin makes the compiler report the block's faults under the lines of the page.
func (b *Block) origin() string { return fmt.Sprintf("//line %s:%d\n", b.Page, b.Line) }

// body makes the block the body of a function. The function uses each variable that the
// block declares at its outermost level, and panics at its end, so that it may have
// results.
func (b *Block) body() string {
	head, tail := strings.Replace(b.signature, "func(", "func _(", 1)+" {\n"+b.origin()+b.Code+"//line wrapper:1\n", ""
	if f, err := parse("package p\n" + head + "}"); err == nil {
		function := f.Decls[len(f.Decls)-1].(*ast.FuncDecl)
		for _, name := range slices.Sorted(maps.Keys(variables(function.Body.List))) {
			tail += "_ = " + name + "\n"
		}
	}
	return head + tail + "panic(0)\n}\n"
}

// variables returns the names that statements declare, without those of inner blocks.
func variables(list []ast.Stmt) map[string]bool {
	names := map[string]bool{}
	for _, s := range list {
		switch s := s.(type) {
		case *ast.AssignStmt:
			for _, left := range s.Lhs {
				if name, ok := left.(*ast.Ident); ok && s.Tok == token.DEFINE && name.Name != "_" {
					names[name.Name] = true
				}
			}
		case *ast.DeclStmt:
			for _, spec := range s.Decl.(*ast.GenDecl).Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && s.Decl.(*ast.GenDecl).Tok == token.VAR {
					for _, name := range v.Names {
						names[name.Name] = true
					}
				}
			}
		}
	}
	return names
}

// withImports returns a file of the code. It imports the packages that the code names,
// unless the imports or the declarations have the name.
func withImports(imports, code, declarations string) (string, error) {
	file, err := parse("package p\n" + imports + code)
	if err != nil {
		return "", err
	}
	beside, err := parse("package p\n" + declarations)
	if err != nil {
		return "", err
	}
	head := "package p\n" + imports
	for _, name := range named(file) {
		if known[name] != "" && beside.Scope.Lookup(name) == nil && !imported(file, name) {
			head += fmt.Sprintf("import %s %q\n", name, known[name])
		}
	}
	return head + code, nil
}

// named returns the names that stand before a dot and that the file does not declare.
func named(file *ast.File) []string {
	unresolved, names := map[*ast.Ident]bool{}, map[string]bool{}
	for _, name := range file.Unresolved {
		unresolved[name] = true
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && unresolved[x] {
				names[x.Name] = true
			}
		}
		return true
	})
	return slices.Sorted(maps.Keys(names))
}

// imported reports whether the file imports a package of this name itself.
func imported(file *ast.File, name string) bool {
	return slices.ContainsFunc(file.Imports, func(s *ast.ImportSpec) bool {
		path, err := strconv.Unquote(s.Path.Value)
		if s.Name != nil {
			return s.Name.Name == name
		}
		return err == nil && path[strings.LastIndex(path, "/")+1:] == name
	})
}

func parse(text string) (*ast.File, error) {
	return parser.ParseFile(token.NewFileSet(), "", text, 0)
}
