// Package strict decodes JSON in which a mistake must not be taken for an omission.
// encoding/json ignores a member that it has no field for: a limit with a typing error in
// its name would be no limit.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Unmarshal decodes one JSON object into v, which points to a struct without an
// UnmarshalJSON method. Like encoding/json, it leaves fields alone that the object does
// not name. It refuses, at any depth, a member that has no field, a member that appears
// twice, and null. Names of fields match in any case, as in encoding/json, so "Rate" and
// "rate" are the same member.
//
// structs names the members that have objects for structs in an object for a map. Names
// of fields match in any case in these structs, too.
func Unmarshal(text []byte, v any, structs ...string) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return plain(err)
	}
	s := scanner{text: string(text), structs: structs}
	if f := s.value(top); f != nil {
		return f
	}
	if s.blanks(); s.at < len(text) {
		return errors.New("more after the object")
	}
	return nil
}
