package plans

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/usageplan"
)

// A decoder sets the fields of a File from the nodes of its text. It goes by the Go types
// of the fields and their names in JSON. So a field that a plan gets is a member of the
// file, too. encoding/json is of no use here: its errors have no positions, and it stops
// at the first one.
type decoder struct {
	*source
	left int // how many values are still accepted
}

// A spot is where a value belongs: its path in the File, and its path in the text.
type spot struct{ path, shown string }

func (s spot) member(name string) spot {
	if s.path == "" {
		return spot{name, name}
	}
	return spot{s.path + "." + name, s.shown + "." + name}
}

func (s spot) key(key string) spot {
	in := fmt.Sprintf("[%.200q]", key) // as package usageplan writes it
	return spot{s.path + in, s.shown + in}
}

func (s spot) element(kept, index int) spot {
	return spot{s.path + "[" + strconv.Itoa(kept) + "]", s.shown + "[" + strconv.Itoa(index) + "]"}
}

// decode sets f from the root of a document. It reports whether there were not too many
// values.
func (d *decoder) decode(root *yaml.Node, f *File) bool {
	d.value(root, reflect.ValueOf(f).Elem(), spot{})
	if d.left >= 0 {
		return true
	}
	d.faults = nil // what was left out is no fault
	return d.fault(root, spot{}, "more than %d values, each use of an alias included: want at most that", MaxValues)
}

// fault adds a fault of a node. It returns false, for its callers to return.
func (d *decoder) fault(n *yaml.Node, at spot, format string, args ...any) bool {
	d.addAt(place{line: n.Line, column: n.Column}, at.shown, fmt.Sprintf(format, args...))
	return false
}

// value sets v from a node. It reports whether all of it could be set.
func (d *decoder) value(n *yaml.Node, v reflect.Value, at spot) bool {
	if d.left--; d.left < 0 {
		return false
	}
	d.places[at.path] = place{line: n.Line, column: n.Column, path: at.shown}
	if n.Kind == yaml.AliasNode {
		return d.value(n.Alias, v, at) // ends, because no Go type here contains itself
	}
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		return d.fault(n, at, "tag %.40s: want none", n.Tag)
	case n.Tag == "!!null":
		return d.fault(n, at, "null: want a value, or no such member")
	}
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return d.text(n, text, at)
	}
	return d.kind(n, v, at)
}

// kind sets v, whose type has no text form.
func (d *decoder) kind(n *yaml.Node, v reflect.Value, at spot) bool {
	switch v.Kind() {
	case reflect.Pointer:
		set := reflect.New(v.Type().Elem())
		ok := d.value(n, set.Elem(), at)
		if ok {
			v.Set(set)
		}
		return ok
	case reflect.Struct:
		return d.structure(n, v, at)
	case reflect.Map:
		return d.mapping(n, v, at)
	case reflect.Slice:
		return d.list(n, v, at)
	default:
		return d.scalar(n, v, at)
	}
}

// text sets a value from its text form. YAML reads some texts as a time, so that is a
// text, too.
func (d *decoder) text(n *yaml.Node, v encoding.TextUnmarshaler, at spot) bool {
	if !isText(n) && !(isNumber(n) && wrongInQuotes(n, v)) {
		return d.fault(n, at, "%s: want %s", kindOf(n), wantText(n))
	}
	err := v.UnmarshalText([]byte(n.Value))
	if err == nil {
		return true
	}
	if _, ok := v.(*limiter.Limit); ok {
		if _, other := usageplan.ParseThrottle(n.Value); other == nil {
			return d.fault(n, at, `%.100q: a unit, a name and "soft" belong in throttles`, n.Value)
		}
	}
	for _, line := range lines(err) {
		d.fault(n, at, "%s", strings.TrimPrefix(line, "digest: ")) // the path says so
	}
	return false
}

// wrongInQuotes reports whether a number would be refused as a text as well, such as 1000
// for a quota. It does not set v.
func wrongInQuotes(n *yaml.Node, v encoding.TextUnmarshaler) bool {
	trial := reflect.New(reflect.TypeOf(v).Elem()).Interface().(encoding.TextUnmarshaler)
	return trial.UnmarshalText([]byte(n.Value)) != nil
}

// list sets a slice. It leaves out elements that could not be set, unless they are
// records, whose other fields can still be checked.
func (d *decoder) list(n *yaml.Node, v reflect.Value, at spot) bool {
	if n.Kind != yaml.SequenceNode {
		return d.fault(n, at, "%s: want a list", kindOf(n))
	}
	list := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	all := true
	for i, element := range n.Content {
		if d.left < 0 {
			return false
		}
		set := reflect.New(v.Type().Elem()).Elem()
		ok := d.value(element, set, at.element(list.Len(), i))
		if ok || set.Kind() == reflect.Struct && resolved(element).Kind == yaml.MappingNode {
			list = reflect.Append(list, set)
		}
		all = all && ok
	}
	v.Set(list)
	return all
}

// mapping sets a map. It leaves out members whose value could not be set.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, at spot) bool {
	v.Set(reflect.MakeMap(v.Type()))
	return d.members(n, at, at.key, func(key, value *yaml.Node, at spot) bool {
		name := reflect.New(v.Type().Key()).Elem()
		if text, ok := name.Addr().Interface().(encoding.TextUnmarshaler); ok {
			if !d.text(key, text, at) {
				return false
			}
		} else {
			name.SetString(key.Value)
		}
		set := reflect.New(v.Type().Elem()).Elem()
		if !d.value(value, set, at) {
			return false
		}
		v.SetMapIndex(name, set)
		return true
	})
}

// members calls visit for each member of a mapping, and adds faults of their names. It
// reports whether there is no fault.
func (d *decoder) members(n *yaml.Node, at spot, below func(string) spot, visit func(key, value *yaml.Node, at spot) bool) bool {
	if n.Kind != yaml.MappingNode {
		return d.fault(n, at, "%s: want a mapping", kindOf(n))
	}
	all := true
	lineOf := map[string]int{}
	for i := 0; i+1 < len(n.Content) && d.left >= 0; i += 2 {
		key, value := resolved(n.Content[i]), n.Content[i+1]
		line, twice := lineOf[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!null":
			all = d.fault(n.Content[i], at, "%s as a name: want a text", kindOf(key))
		case key.Tag == "!!merge":
			all = d.fault(key, at, `"<<": want no merge key: give the value of a whole member an alias`)
		case twice:
			all = d.fault(key, below(key.Value), "there twice, first in line %d: want it once", line)
		default:
			lineOf[key.Value] = key.Line
			all = visit(key, value, below(key.Value)) && all
		}
	}
	return all
}

// scalar sets a string, a bool or a number.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, at spot) bool {
	want := ""
	switch v.Kind() {
	case reflect.String:
		if isText(n) {
			v.SetString(n.Value)
			return true
		}
		want = wantText(n)
	case reflect.Bool:
		if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
			v.SetBool(n.Value[0] == 't' || n.Value[0] == 'T')
			return true
		}
		want = "true or false"
	default:
		if isNumber(n) && n.Decode(v.Addr().Interface()) == nil {
			return true
		}
		if want = "a whole number"; v.CanFloat() {
			want = "a number"
		}
	}
	return d.fault(n, at, "%s: want %s", kindOf(n), want)
}

func wantText(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode {
		return "a text: put it in quotes"
	}
	return "a text"
}

// isText reports whether a node is a text. A time without quotes is one, too.
func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!str" || n.Tag == "!!timestamp")
}

func isNumber(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || n.Tag == "!!float")
}

// resolved returns the node that an alias stands for, or n.
func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// kindOf returns the kind of a value, for faults. They do not show values of a wrong
// kind.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.SequenceNode:
		return "list"
	case n.Kind == yaml.MappingNode:
		return "mapping"
	case n.Tag == "!!null":
		return "null"
	case n.Tag == "!!bool":
		return "true or false"
	case n.Tag == "!!int" || n.Tag == "!!float":
		return "number"
	}
	return "text"
}
