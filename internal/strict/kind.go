package strict

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

var unmarshalsText = reflect.TypeFor[encoding.TextUnmarshaler]()

// plain returns err without the names of Go types if a value is of the wrong kind. The
// types of encoding/json's own error say nothing to the author of the JSON.
func plain(err error) error {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	rule := fmt.Sprintf("%s: want %s", wrong.Value, kind(wrong.Type))
	if wrong.Field == "" {
		return errors.New(rule)
	}
	return fmt.Errorf("%s: %s", wrong.Field, rule)
}

// kind returns the kind of JSON value that a Go type is decoded from.
func kind(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(unmarshalsText) {
		return "a string"
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	default:
		return "a whole number"
	}
}
