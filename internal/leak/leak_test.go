package leak

import (
	"fmt"
	"strings"
	"testing"
)

// spy is a testing.TB that records its errors.
type spy struct {
	testing.TB
	errors []string
}

func (s *spy) Helper() {}
func (s *spy) Errorf(format string, args ...any) {
	s.errors = append(s.errors, fmt.Sprintf(format, args...))
}

type open struct{ text string }

type byJSON struct{ text string }

func (b byJSON) MarshalText() ([]byte, error)  { return []byte(b.text), nil }
func (b byJSON) Format(s fmt.State, verb rune) { fmt.Fprint(s, "-") }

// TestCheck finds a secret in each kind of value, and nothing where there is no secret.
func TestCheck(t *testing.T) {
	const secret = "hunter2pass"
	for name, test := range map[string]struct {
		value any
		want  string // a way that shows it; empty means none
	}{
		"text":              {secret, "%v"},
		"field":             {open{secret}, "%+v"},
		"pointer":           {&open{secret}, "%#v"},
		"bytes":             {[]byte(secret), "%d"},
		"array":             {[11]byte([]byte(secret)), "%x"},
		"in JSON alone":     {byJSON{secret}, "JSON"},
		"deeper":            {struct{ p *open }{&open{secret}}, "%s"}, // a wrong verb prints one pointer deeper
		"function":          {struct{ f func() string }{func() string { return secret }}, ""},
		"another":           {open{"hunter2"}, ""},
		"within, of a kind": {map[string]any{"a": []any{open{secret}}}, "slog text"},
	} {
		var s spy
		Check(&s, secret, map[string]any{name: test.value})
		all := strings.Join(s.errors, "\n")
		if test.want == "" && all != "" || test.want != "" && !strings.Contains(all, name+": "+test.want+" of") {
			t.Errorf("%s: want %q, got %s", name, test.want, all)
		}
	}
}

// TestComplete reports the exported structs of a package that are missing.
func TestComplete(t *testing.T) {
	t.Chdir("../../store/storetest")
	for values, want := range map[*map[string]any]int{
		{"Harness": 1, "Directory of keys": 1, "Fault": 1, "FaultyCounter of one": 1}: 0,
		{"Harness": 1, "Directory": 1, "Fault of one": 1}:                             1,
		{}: 4,
	} {
		var s spy
		Complete(&s, *values)
		if len(s.errors) != want {
			t.Errorf("%v: %q, want %d", *values, s.errors, want)
		}
	}
}
