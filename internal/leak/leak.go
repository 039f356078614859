// Package leak helps tests find secrets in everything that Go prints of a value: the
// output of fmt, log and log/slog, templates, and JSON.
package leak

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"log"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"text/template"
)

// Check fails the test for each way in which one of values shows the secret. It looks for
// the secret as text, and for its bytes in hexadecimal, in decimals and in base64. For a
// pointer to a struct, Check looks at the struct as well. The exception is a struct of
// which only the pointer has a Format method: such a struct must not be copied.
func Check(t testing.TB, secret string, values map[string]any) {
	t.Helper()
	hidden := spellings(secret)
	for name, v := range values {
		for _, v := range withCopy(v) {
			for how, text := range Texts(v) {
				for _, spelling := range hidden {
					if strings.Contains(text, spelling) {
						t.Errorf("%s: %s of a %T shows %s", name, how, v, spelling)
					}
				}
			}
		}
	}
}

// withCopy returns v and, if v points to a struct that may be copied, the struct.
func withCopy(v any) []any {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.Elem().Kind() != reflect.Struct {
		return []any{v}
	}
	elem := p.Elem().Interface()
	_, hides := v.(fmt.Formatter)
	if _, copied := elem.(fmt.Formatter); hides && !copied {
		return []any{v}
	}
	return []any{v, elem}
}

// Complete fails the test unless values contain each exported struct of the package in
// the current directory, which for a test is its own package. The first word of a value's
// name must be the name of its struct.
func Complete(t testing.TB, values map[string]any) {
	t.Helper()
	have := map[string]bool{}
	for name := range values {
		word, _, _ := strings.Cut(name, " ")
		have[word] = true
	}
	names, err := structs(".")
	if err != nil || len(names) == 0 {
		t.Fatalf("exported structs: %v: %v", names, err)
	}
	for _, name := range names {
		if !have[name] {
			t.Errorf("%s: want a value of it, to see whether it shows a secret", name)
		}
	}
}

// structs returns the names of the exported structs of a directory.
func structs(dir string) (names []string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, isType := n.(*ast.TypeSpec)
			if isType && spec.Name.IsExported() {
				if _, isStruct := spec.Type.(*ast.StructType); isStruct {
					names = append(names, spec.Name.Name)
				}
			}
			return true
		})
	}
	return names, err
}

// spellings returns the forms in which text may appear in an output.
func spellings(text string) []string {
	hexed := hex.EncodeToString([]byte(text))
	decimals := strings.Trim(fmt.Sprint([]byte(text)), "[]")
	bytes := fmt.Sprintf("%#v", []byte(text))
	return []string{
		text, hexed, strings.ToUpper(hexed), decimals, bytes[strings.Index(bytes, "{")+1 : len(bytes)-1],
		// the last characters of base64 depend on what follows
		base64.RawStdEncoding.EncodeToString([]byte(text)),
	}
}

// Texts yields each output of v with a name of the way in which it was made.
func Texts(v any) iter.Seq2[string, string] {
	return func(yield func(how, text string) bool) {
		for _, verb := range "vsqxXdTobcU" {
			for _, flags := range []string{"", "+", "#", "-", " ", "0", "80", "+#80.300"} {
				format := "%" + flags + string(verb)
				if !yield(format, fmt.Sprintf(format, v)) {
					return
				}
			}
		}
		for how, text := range written(v) {
			if !yield(how, text) {
				return
			}
		}
	}
}

// written returns the output of packages that format values in their own way.
func written(v any) map[string]string {
	var text, structured, lines, page bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).With("with", v).Info("message", "value", v, slog.Group("group", "in", v))
	slog.New(slog.NewJSONHandler(&structured, nil)).With("with", v).Info("message", "value", v, slog.Group("group", "in", v))
	log.New(&lines, "", 0).Print(v)
	texts := map[string]string{"slog text": text.String(), "slog JSON": structured.String(), "log": lines.String()}
	if template.Must(template.New("").Parse(`{{.}} {{printf "%q" .}}`)).Execute(&page, v) == nil {
		texts["template"] = page.String()
	}
	if j, err := json.Marshal(v); err == nil {
		texts["JSON"] = string(j)
	}
	return texts
}
