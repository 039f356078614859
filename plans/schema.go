package plans

import (
	"encoding"
	"encoding/json"
	"net/netip"
	"reflect"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/limiter"
	"github.com/ration-go/ration/quota"
	"github.com/ration-go/ration/usageplan"
)

// Schema returns the JSON Schema of a file, by which editors complete and check it. It is
// the text of schema.json. It accepts every file that Parse accepts. Parse finds more
// faults: those of limits, names and IDs that are there twice.
func Schema() []byte {
	s := schemaOf(reflect.TypeFor[File]())
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "Plans, groups, keys and links of Ration"
	// A map of strings, maps and lists always has a JSON form.
	text, _ := json.MarshalIndent(s, "", "  ")
	return append(text, '\n')
}

// A schema is a JSON Schema.
type schema = map[string]any

// textForms has the descriptions of types that have a text form.
var textForms = map[reflect.Type]schema{
	reflect.TypeFor[limiter.Limit]():      {"description": "a rate and a burst", "examples": []string{"5/s burst 10", "100/minute", "unlimited", "blocked"}},
	reflect.TypeFor[usageplan.Throttle](): {"description": "a token bucket, of requests or of a unit", "examples": []string{"100000 input_tokens/minute burst 20000", "5000/hour as hourly", "10/s soft"}},
	reflect.TypeFor[quota.Quota]():        {"description": "an allowance for a calendar period", "examples": []string{"1000/day", "500/week start Monday", "1000000 input_tokens/month", "1000/day soft"}},
	reflect.TypeFor[usageplan.Stage]():    {"description": "an API and its stage", "examples": []string{"orders:prod"}},
	reflect.TypeFor[apikey.Digest]():      {"description": "the SHA-256 of a secret", "pattern": "^[0-9A-Fa-f]{64}$"},
	reflect.TypeFor[netip.Prefix]():       {"description": "a prefix of addresses", "examples": []string{"192.0.2.0/24", "2001:db8::/32"}},
	reflect.TypeFor[Expiry]():             {"description": "a time, or never", "examples": []string{"2030-01-31T00:00:00Z", never}},
}

// requiredMembers lists the members without which a record is refused.
var requiredMembers = map[reflect.Type][]string{
	reflect.TypeFor[usageplan.Plan]():  {"id"},
	reflect.TypeFor[usageplan.Group](): {"id"},
	reflect.TypeFor[Key]():             {"id"},
	reflect.TypeFor[usageplan.Link]():  {"planId", "keyId"},
}

var unmarshalsText = reflect.TypeFor[encoding.TextUnmarshaler]()

// schemaOf returns the schema of what decoder.value accepts for a type.
func schemaOf(t reflect.Type) schema {
	if t.Kind() == reflect.Pointer {
		return schemaOf(t.Elem())
	}
	if reflect.PointerTo(t).Implements(unmarshalsText) {
		s := schema{"type": "string"}
		for name, value := range textForms[t] {
			s[name] = value
		}
		return s
	}
	switch t.Kind() {
	case reflect.Struct:
		return structSchema(t)
	case reflect.Map:
		return schema{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Slice:
		return schema{"type": "array", "items": schemaOf(t.Elem())}
	case reflect.String:
		return schema{"type": "string"}
	case reflect.Bool:
		return schema{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return schema{"type": "number"}
	default:
		return schema{"type": "integer"}
	}
}

func structSchema(t reflect.Type) schema {
	properties := schema{}
	for _, m := range membersOf(t) {
		properties[m.name] = schemaOf(t.Field(m.index).Type)
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if required := requiredMembers[t]; required != nil {
		s["required"] = required
	}
	return s
}
