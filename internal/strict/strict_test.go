package strict_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ration-go/ration/internal/strict"
)

// limits has a field of each kind that can hold a member.
type limits struct {
	Rate, Burst int
	Routes      map[string]map[string]string
	List        []any
	Any         any
	Zone        *zone
	On          bool
	Named       map[string]struct{ Rate, Burst int }
}

// zone decodes itself from text.
type zone struct{ name string }

func (z *zone) UnmarshalText(text []byte) error {
	z.name = string(text)
	return nil
}

// many returns an object with n members, and one more of that name.
func many(n int, name string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%d":"",`, i)
	}
	return `{"Any":{` + b.String() + `"` + name + `":""}}`
}

var texts = map[string]string{ // the values are the expected errors
	`{"Rate":1,"burst":2,"Routes":{"a":{"rate":"1"},"A":{"rate":"1"}},"List":[1,"2",{},[]],"Any":true}`: "",
	` { "Any" : -1.0e0 , "List" : [ ] } `: "",
	many(100, "100"):                      "",
	`{"Rate":"1"}`:                        "Rate: string: want a whole number",
	`{"Rate":1.5}`:                        "Rate: number 1.5: want a whole number",
	`{"Routes":{"a":{"b":1}}}`:            "Routes: number: want a string",
	`{"Routes":["a"]}`:                    "Routes: array: want an object",
	`{"List":{}}`:                         "List: object: want an array",
	`{"Zone":5}`:                          "Zone: number: want a string",
	`{"On":"yes"}`:                        "On: string: want true or false",
	`{"Named":{"a":{"rate":1,"BURST":2},"A":{"Rate":1}}}`: "",
	`{"Named":{"a":{"Rate":1,"rate":2}}}`:                 "Named.a.rate: there twice",
	`{"named":{"a":{"Bur\u017ft":1,"burst":2}}}`:          "named.a.burst: there twice",
	`{"Named":{"a":{},"b":{},"a":{}}}`:                    "Named.a: there twice",
	`{"Named":{"a":{"Rates":1}}}`:                         `unknown field "Rates"`,
	`{"Named":{"a":{"Rate":null}}}`:                       "Named.a.Rate: null",
	`{"Named":{"a":null}}`:                                "Named.a: null",
	`{"Rates":1}`:                                         `unknown field "Rates"`,
	`{"Rate":1,"Rate":2}`:                                 "Rate: there twice",
	`{"rate":1,"RATE":2}`:                                 "RATE: there twice",
	`{"Bur\u017ft":1,"burst":2}`:                          "burst: there twice",
	`{"R\u0061te":1,"Rate":2}`:                            "Rate: there twice",
	`{"Any":{"a":{"b":1,"b":1}}}`:                         "Any.a.b: there twice",
	`{"Any":{"\"":1,"\u0022":1}}`:                         `Any.": there twice`,
	"{\"Any\":{\"\xfe\":1,\"\xff\":1}}":                   "Any.\ufffd: there twice",
	many(100, "99"):                                       "Any.99: there twice",
	many(16, "15"):                                        "Any.15: there twice",
	many(17, "16"):                                        "Any.16: there twice",
	`null`:                                                "null: want an object",
	`{"Any":[{},[0,null]]}`:                               "Any[1][1]: null",
	`{"Rate":null}`:                                       "Rate: null",
	`{"Rate":1} {}`:                                       "more after the object",
	`{"Rate":1}}`:                                         "more after the object",
	`{"Rate":1`:                                           "unexpected EOF",
	``:                                                    "EOF",
	`[]`:                                                  "array: want an object",
}

func TestUnmarshal(t *testing.T) {
	for text, want := range texts {
		err := strict.Unmarshal([]byte(text), new(limits), "Named")
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorContains(t, err, want, text)
	}
}

// FuzzUnmarshal compares Unmarshal with a walk over the tokens of encoding/json.
func FuzzUnmarshal(f *testing.F) {
	for text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var have, want limits
		err := strict.Unmarshal([]byte(text), &have, "Named")
		dec := json.NewDecoder(strings.NewReader(text))
		dec.DisallowUnknownFields()
		if !json.Valid([]byte(text)) || dec.Decode(&want) != nil || walk(json.NewDecoder(strings.NewReader(text)), "top") != nil {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, want, have)
	})
}

// walk reads a value. It refuses null and duplicate members. The names of members at the
// top and of a "struct" match in any case.
func walk(dec *json.Decoder, kind string) error {
	token, err := dec.Token()
	if err != nil || token == nil {
		return errors.Join(err, errors.New("null"))
	}
	delim, nested := token.(json.Delim)
	var seen []string
	for nested && dec.More() {
		if delim == '{' {
			name, err := dec.Token()
			if err != nil {
				return err
			}
			for _, other := range seen {
				if name == other || kind != "" && kind != "maps" && strings.EqualFold(name.(string), other) {
					return errors.New("twice")
				}
			}
			seen = append(seen, name.(string))
		}
		below := ""
		switch {
		case kind == "maps":
			below = "struct"
		case kind == "top" && delim == '{' && strings.EqualFold(seen[len(seen)-1], "Named"):
			below = "maps"
		}
		if err := walk(dec, below); err != nil {
			return err
		}
	}
	if nested {
		_, err = dec.Token()
	}
	return err
}
