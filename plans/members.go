package plans

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/ration-go/ration/usageplan"
)

// managed lists fields that a service sets. A file cannot have them.
var managed = map[reflect.Type][]string{
	reflect.TypeFor[usageplan.Plan]():  {"created", "updated", "version"},
	reflect.TypeFor[usageplan.Group](): {"created", "updated", "version"},
	reflect.TypeFor[usageplan.Link]():  {"allowance", "created", "version"},
}

// secretNames are names that an author may give to a secret in a key.
var secretNames = []string{"secret", "value", "key", "token", "apiKey", "password"}

// A member is a field of a struct that a file can have.
type member struct {
	name  string
	index int
}

// membersOf returns the members of a struct type, in the order of its fields.
func membersOf(t reflect.Type) (list []member) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "" && name != "-" && !isManaged(t, name) {
			list = append(list, member{name, i})
		}
	}
	return list
}

func isManaged(t reflect.Type, name string) bool {
	for _, m := range managed[t] {
		if m == name {
			return true
		}
	}
	return false
}

// structure sets the fields of a struct.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, at spot) bool {
	members := membersOf(v.Type())
	return d.members(n, at, at.member, func(key, value *yaml.Node, at spot) bool {
		for _, m := range members {
			if m.name == key.Value {
				return d.value(value, v.Field(m.index), at)
			}
		}
		return d.fault(key, at, "%s", unknown(v.Type(), members, key.Value))
	})
}

// unknown returns the rule that a member breaks that a struct does not have.
func unknown(t reflect.Type, members []member, name string) string {
	if isManaged(t, name) {
		return "is set by the service: want no such member"
	}
	if t == reflect.TypeFor[Key]() {
		for _, secret := range secretNames {
			if strings.EqualFold(secret, name) {
				return "unknown member: a file has no secrets: want the digest of the secret"
			}
		}
	}
	best, least := "", 3
	for _, m := range members {
		if n := distance(strings.ToLower(m.name), strings.ToLower(name)); n < least && n < len(m.name) {
			best, least = m.name, n
		}
	}
	if best != "" {
		return "unknown member: did you mean " + best + "?"
	}
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.name
	}
	return "unknown member: want one of " + strings.Join(names, ", ")
}

// distance returns how many bytes must be added, removed or replaced, or neighbours
// swapped, to make b of a. It returns 99 if b is so long that it cannot be near.
func distance(a, b string) int {
	if len(b) > len(a)+3 {
		return 99
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
			case a[i-1] == b[j-1]:
				rows[i][j] = rows[i-1][j-1]
			default:
				rows[i][j] = 1 + min(rows[i-1][j-1], rows[i-1][j], rows[i][j-1])
			}
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
