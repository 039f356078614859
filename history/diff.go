package history

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// A Field is one field that a change has changed.
type Field struct {
	// Name is the name of the field, such as "enabled". The name of a member of a nested
	// object is a path, such as "tags.team".
	Name string `json:"name"`

	// Before and After are the values. A nil is that of a field that was not there.
	Before json.RawMessage `json:"before,omitzero"`
	After  json.RawMessage `json:"after,omitzero"`
}

// String returns the name and both values, such as "enabled: true -> false". A field that
// was not there has "(none)".
func (f Field) String() string {
	return f.Name + ": " + valueText(f.Before) + " -> " + valueText(f.After)
}

func valueText(value json.RawMessage) string {
	if value == nil {
		return "(none)"
	}
	return string(value)
}

// Diff returns the fields that differ between Before and After, ordered by name. Those of
// a thing that was created or deleted are all its fields. Diff leaves out the version,
// because every change changes it. Lists are compared as a whole.
func (e *Entry) Diff() []Field {
	before, after := members(e.Before), members(e.After)
	delete(before, "version")
	delete(after, "version")
	return diff(nil, "", before, after)
}

// diff appends the fields that differ between two objects. prefix begins their names.
func diff(fields []Field, prefix string, before, after map[string]json.RawMessage) []Field {
	names := maps.Clone(before)
	if names == nil {
		names = map[string]json.RawMessage{}
	}
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := before[name], after[name]
		if bytes.Equal(was, is) {
			continue
		}
		if a, b := members(was), members(is); a != nil && b != nil {
			fields = diff(fields, prefix+name+".", a, b)
			continue
		}
		fields = append(fields, Field{prefix + name, was, is})
	}
	return fields
}

// members returns the members of an object, or nil for any other value.
func members(value json.RawMessage) (m map[string]json.RawMessage) {
	if len(value) == 0 || value[0] != '{' {
		return nil
	}
	if json.Unmarshal(value, &m) != nil {
		return nil
	}
	return m
}
