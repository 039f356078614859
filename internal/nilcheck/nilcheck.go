// Package nilcheck finds nil values inside interfaces, such as the nil pointer of a store
// that a constructor was given by mistake. It uses reflect, so it is for constructors
// only.
package nilcheck

import (
	"fmt"
	"reflect"
)

// Required returns an error, "field: nil: want ...", if v is nil or holds a nil value.
// Otherwise it returns nil.
func Required(field string, v any, want string) error {
	if v == nil {
		return fmt.Errorf("%s: nil: want %s", field, want)
	}
	return Optional(field, v, want)
}

// Optional returns an error if v holds a nil value. A v that is nil itself was left out,
// and is allowed.
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

// Must panics if err is not nil. The message begins with the name of the function.
func Must(function string, err error) {
	if err != nil {
		panic(fmt.Sprintf("%s: %v", function, err))
	}
}
