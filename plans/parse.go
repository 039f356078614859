package plans

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	// MaxSize is the most bytes of a file. It has room for more than 100,000 keys.
	MaxSize = 8 << 20

	// MaxValues is the most values of a file. A value that has an alias counts at each use.
	MaxValues = 1_000_000
)

// ReadFile reads and parses a file. If the file cannot be read, the File is nil.
// Otherwise the result is that of Parse.
func ReadFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("plans: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("plans: %w", err)
	}
	return Parse(path, text)
}

// Parse parses a file in YAML or JSON. The name is for faults, which begin with it.
//
// Parse checks all that the file alone can tell: the form, names of members, types,
// limits, bounds, and IDs that are there twice. It refuses members that it does not know,
// null, tags, merge keys, a second document, and a file without content, so that an
// accident does not look like a declaration. Aliases are allowed.
//
// The error is Faults with every fault, and then the File is not nil: Diff reports these
// faults together with those that only the store can tell.
func Parse(name string, text []byte) (*File, error) {
	f := &File{source: source{name: name, places: map[string]place{}}}
	if root := f.source.load(text); root != nil {
		d := decoder{source: &f.source, left: MaxValues}
		if d.decode(root, f) {
			f.check()
		}
	}
	return f, f.source.err()
}

// load returns the root of the only document, or adds a fault and returns nil.
func (s *source) load(text []byte) *yaml.Node {
	whole := place{line: 1, column: 1}
	switch {
	case len(text) > MaxSize:
		s.addAt(whole, "", fmt.Sprintf("more than %d bytes: want at most that", MaxSize))
		return nil
	case !utf8.Valid(text):
		s.addAt(whole, "", "want UTF-8")
		return nil
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	loader, err := yaml.NewLoader(bytes.NewReader(yamlOf(text)))
	if err != nil {
		s.addAt(whole, "", err.Error())
		return nil
	}
	var document, second yaml.Node
	switch err := loader.Load(&document); {
	case err != nil && !errors.Is(err, io.EOF):
		s.addSyntax(err)
		return nil
	case err != nil || isEmpty(&document):
		s.addAt(whole, "", "empty: want plans, groups, keys or links")
		return nil
	}
	switch err := loader.Load(&second); {
	case err == nil:
		s.addAt(place{line: max(second.Line, 1), column: max(second.Column, 1)}, "", "a second document: want one")
	case !errors.Is(err, io.EOF):
		s.addSyntax(err)
	}
	return document.Content[0]
}

// isEmpty reports whether a document has no content, such as one of comments only.
func isEmpty(document *yaml.Node) bool {
	return len(document.Content) == 0 || document.Content[0].Tag == "!!null" && document.Content[0].Value == ""
}

// addSyntax adds an error of the YAML library.
func (s *source) addSyntax(err error) {
	at := place{line: 1, column: 1}
	rule := err.Error()
	if e, ok := errors.AsType[*yaml.LoadError](err); ok {
		if e.Mark.Line > 0 {
			at = place{line: e.Mark.Line, column: e.Mark.Column}
		}
		rule = e.Message
		if e.ContextMsg != "" {
			rule = e.ContextMsg + ": " + rule
		}
	}
	s.addAt(at, "", "YAML: "+rule)
}

// surrogates finds a character outside the basic plane as JSON escapes it. YAML has
// another escape for it.
var surrogates = regexp.MustCompile(`\\*\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)

// yamlOf returns the text as YAML. JSON is YAML, except for the escapes of some
// characters.
func yamlOf(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\u`)) || !json.Valid(text) {
		return text
	}
	return surrogates.ReplaceAllFunc(text, func(escape []byte) []byte {
		backslashes := len(escape) - len(bytes.TrimLeft(escape, `\`))
		if backslashes%2 == 0 { // the last one is escaped itself
			return escape
		}
		// The pattern has only hexadecimal digits here.
		high, _ := strconv.ParseUint(string(escape[backslashes+1:backslashes+5]), 16, 16)
		low, _ := strconv.ParseUint(string(escape[backslashes+7:]), 16, 16)
		r := utf16.DecodeRune(rune(high), rune(low))
		return utf8.AppendRune(bytes.Clone(escape[:backslashes-1]), r)
	})
}
