package plans

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/usageplan"
)

// A Field is a field that a change sets. Before and After are texts, and empty for a
// field that is not set. A text that is set and empty is "" with the quotes.
type Field struct {
	Path          string // such as throttle or routes["GET /pets"]
	Before, After string
}

// planFields returns the fields in which two plans differ. An empty collection is the
// same as none.
func planFields(before, after *usageplan.Plan) []Field {
	return differences(object(before, true), object(after, true), "")
}

// groupFields returns the fields in which two groups differ. No throttles are another
// override than none.
func groupFields(before, after *usageplan.Group) []Field {
	return differences(object(before, false), object(after, false), "")
}

// linkFields returns the overrides in which two links differ.
func linkFields(before, after *usageplan.Link) []Field {
	return differences(object(before, false, "planId", "keyId"), object(after, false, "planId", "keyId"), "")
}

// keyFields returns the fields in which two keys differ, as far as a file can have them
// and without the group.
func keyFields(before, after *apikey.Key) []Field {
	never := []string{"id", "groupId", "digest", "hint", "retiring", "retiringUntil", "rotated", "sealed"}
	return differences(object(inUTC(before), true, never...), object(inUTC(after), true, never...), "")
}

func inUTC(k *apikey.Key) *apikey.Key {
	if k == nil {
		return nil
	}
	utc := *k
	utc.Expires = k.Expires.UTC().Truncate(time.Microsecond)
	return &utc
}

// object returns the JSON object of a record without the fields that its service sets,
// and without those in drop. With noEmpty it has no empty collections. A record that is
// nil or invalid has no fields.
func object[T any](record *T, noEmpty bool, drop ...string) map[string]any {
	text, err := json.Marshal(record)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var fields map[string]any
	if err != nil || dec.Decode(&fields) != nil {
		return nil
	}
	for _, name := range append(drop, "created", "updated", "version", "allowance") {
		delete(fields, name)
	}
	if noEmpty {
		removeEmpty(fields)
	}
	return fields
}

// removeEmpty removes collections that are empty. No alerts are not the same as those by
// default.
func removeEmpty(fields map[string]any) {
	for name, value := range fields {
		switch value := value.(type) {
		case []any:
			if len(value) == 0 && name != "alerts" {
				delete(fields, name)
			}
		case map[string]any:
			if removeEmpty(value); len(value) == 0 {
				delete(fields, name)
			}
		}
	}
}

// differences returns the fields in which two objects differ, sorted by path.
func differences(before, after map[string]any, path string) (list []Field) {
	names := map[string]bool{}
	for _, side := range []map[string]any{before, after} {
		for name := range side {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		at := name
		if path != "" {
			at = spot{path: path}.key(name).path
		}
		a, aIsObject := before[name].(map[string]any)
		b, bIsObject := after[name].(map[string]any)
		if aIsObject || bIsObject {
			list = append(list, differences(a, b, at)...)
			continue
		}
		if !reflect.DeepEqual(before[name], after[name]) { // other values may look the same
			list = append(list, Field{at, shown(before[name]), shown(after[name])})
		}
	}
	return list
}

// shown returns a value as text: a string as it is, and a list in brackets. Strings that
// could be taken for something else are in quotes.
func shown(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		if isPlain(value) {
			return value
		}
		return strconv.Quote(value)
	case []any:
		texts := make([]string, len(value))
		for i, v := range value {
			texts[i] = shown(v)
			if s, ok := v.(string); ok && strings.Contains(s, ", ") {
				texts[i] = strconv.Quote(s)
			}
		}
		return "[" + strings.Join(texts, ", ") + "]"
	}
	// A number or a bool, of which encoding/json has made the value.
	text, _ := json.Marshal(value)
	return string(text)
}

// isPlain reports whether a string is shown without quotes. A line break, for example,
// could make a value look like another change.
func isPlain(s string) bool {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) }
	return s != "" && s != none && s[0] != '"' && s[0] != '[' && !strings.ContainsFunc(s, hidden)
}
