// Package leak looks for a secret in all that Go makes of a value: what fmt prints, log
// and log/slog write, and encoding/json marshals. Tests use it.
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
// the secret itself, and for its bytes in hexadecimal, in decimals and in base64. A
// pointer to a struct is looked at with the struct, too, unless the pointer alone has a
// Format method: such a struct is not to be copied.
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

// withCopy is v, and what v points to.
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

// Complete fails the test unless values have each exported struct of the package in the
// current directory, which is that of a test's own package. The first word of a value's
// name is that of its struct.
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

// structs are the names of the exported structs of a directory.
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

// spellings are the forms in which text might show up in a text.
func spellings(text string) []string {
	hexed := hex.EncodeToString([]byte(text))
	decimals := strings.Trim(fmt.Sprint([]byte(text)), "[]")
	bytes := fmt.Sprintf("%#v", []byte(text))
	return []string{
		text, hexed, strings.ToUpper(hexed), decimals, bytes[strings.Index(bytes, "{")+1 : len(bytes)-1],
		base64.RawStdEncoding.EncodeToString([]byte(text)), // its last characters depend on what follows
	}
}

// Texts are what is made of v, by the way in which it is made.
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

// written is what packages make of v that write texts of their own.
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
