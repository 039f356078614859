// Package strict decodes JSON in which a mistake must not pass for something that was
// left out. encoding/json ignores a member that it has no field for: a limit whose name
// has a typing error would be no limit.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Unmarshal decodes one JSON object into v, which points to a struct that has no
// UnmarshalJSON. As encoding/json does, it leaves alone the fields that the object does
// not name. It refuses a member that has no field, a member that is there twice, and
// null, in all depths. The names of fields match in upper or lower case, as they do in
// encoding/json, so that "Rate" and "rate" are one member.
func Unmarshal(text []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	s := scanner{text: string(text)}
	if f := s.value(true); f != nil {
		return f
	}
	if s.blanks(); s.at < len(text) {
		return errors.New("more after the object")
	}
	return nil
}
