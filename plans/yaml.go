package plans

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// YAML returns the text of f, which Parse reads back. Members stand in the order of the
// Go fields, and the keys of maps are sorted, so equal Files have equal texts. An invalid
// limit is an error.
func (f *File) YAML() ([]byte, error) {
	n, err := nodeOf(reflect.ValueOf(*f))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return yaml.Dump(n, yaml.WithIndent(2), yaml.WithCompactSeqIndent(false), yaml.WithLineWidth(-1))
}

// nodeOf returns the node of a value. It mirrors decoder.value.
func nodeOf(v reflect.Value) (*yaml.Node, error) {
	if text, ok := v.Interface().(encoding.TextMarshaler); ok && v.Kind() != reflect.Pointer {
		s, err := text.MarshalText()
		return textNode(string(s)), err
	}
	switch v.Kind() {
	case reflect.Pointer:
		return nodeOf(v.Elem())
	case reflect.Struct:
		return structNode(v)
	case reflect.Map:
		return mapNode(v)
	case reflect.Slice:
		return listNode(v)
	case reflect.String:
		return textNode(v.String()), nil
	case reflect.Bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v.Bool())}, nil
	default:
		n := new(yaml.Node)
		return n, n.Encode(v.Interface())
	}
}

// textNode returns the node of a text. The library adds quotes where the text would be
// read as something else.
func textNode(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s} }

// structNode leaves out fields that are zero, as encoding/json does with omitzero. The ID
// of a record and the state of a key are never zero.
func structNode(v reflect.Value) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, m := range membersOf(v.Type()) {
		field := v.Field(m.index)
		if field.IsZero() {
			continue
		}
		value, err := nodeOf(field)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		n.Content = append(n.Content, textNode(m.name), value)
	}
	return n, nil
}

func mapNode(v reflect.Value) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	names := map[string]reflect.Value{}
	var sorted []string
	for _, key := range v.MapKeys() {
		name, err := nodeOf(key)
		if err != nil {
			return nil, err
		}
		names[name.Value] = key
		sorted = append(sorted, name.Value)
	}
	slices.Sort(sorted)
	for _, name := range sorted {
		value, err := nodeOf(v.MapIndex(names[name]))
		if err != nil {
			return nil, fmt.Errorf("[%q]: %w", name, err)
		}
		n.Content = append(n.Content, textNode(name), value)
	}
	return n, nil
}

// maxFlow is how many characters a list may have to stand on one line.
const maxFlow = 80

func listNode(v reflect.Value) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	width, scalars := 0, true
	for i := range v.Len() {
		element, err := nodeOf(v.Index(i))
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		n.Content = append(n.Content, element)
		width += len(element.Value) + len(", ")
		scalars = scalars && element.Kind == yaml.ScalarNode && !strings.Contains(element.Value, "\n")
	}
	if scalars && width <= maxFlow {
		n.Style = yaml.FlowStyle
	}
	return n, nil
}
