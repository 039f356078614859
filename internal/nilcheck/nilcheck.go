// Package nilcheck finds values that are nil although an interface holds them: the usual
// way in which a constructor gets a store that is none. It uses reflect, so it is for
// constructors only.
package nilcheck

import (
	"fmt"
	"reflect"
)

// Required reports that v is nil, as "field: nil: want ...". It returns nil if v is
// there.
func Required(field string, v any, want string) error {
	if v == nil {
		return fmt.Errorf("%s: nil: want %s", field, want)
	}
	return Optional(field, v, want)
}

// Optional is Required for a value that may be left out: only a nil within an interface
// is reported.
func Optional(field string, v any, want string) error {
	if v == nil {
		return nil
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Chan:
		if r.IsNil() {
			return fmt.Errorf("%s: nil %T: want %s", field, v, want)
		}
	}
	return nil
}

// Must panics with a message that begins with the name of the function, if err is not
// nil.
func Must(function string, err error) {
	if err != nil {
		panic(fmt.Sprintf("%s: %v", function, err))
	}
}
