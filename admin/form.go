package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ration-go/ration/apikey"
)

// A form is an action, and the fields that its form sends beside the token.
type form struct {
	do     page
	fields []string
}

// send carries out the action if each field is there once.
//
// A missing field is no empty field. A form whose networks were lost on the way must not
// open a key to all networks. Of two values nobody knows which one counts.
func (f form) send(r *http.Request) (*answer, error) {
	for _, name := range append([]string{tokenField}, f.fields...) {
		if text := fieldFault(r.PostForm, name); text != "" {
			return nil, &problem{http.StatusBadRequest, text + " Nothing was changed. Load the form again."}
		}
	}
	return f.do(r)
}

// fieldFault says what is wrong with a field of a form, or returns "".
func fieldFault(values url.Values, name string) string {
	switch n := len(values[name]); n {
	case 0:
		return fmt.Sprintf("The form has no field %q.", name)
	case 1:
		return ""
	default:
		return fmt.Sprintf("The form has the field %q %d times.", name, n)
	}
}

// A formFault is a fault of what a person has typed.
type formFault string

// Error implements error.
func (f formFault) Error() string { return string(f) }

// isFault reports whether an error tells what is wrong with a form. Others are failures.
func isFault(err error) bool {
	_, typed := errors.AsType[formFault](err)
	return typed || errors.Is(err, apikey.ErrInvalid)
}

// joinFaults returns all faults of a form as one error, a line for each. If one of the
// errors is a failure, it returns that one.
func joinFaults(errs ...error) error {
	for _, err := range errs {
		if err != nil && !isFault(err) {
			return err
		}
	}
	return errors.Join(errs...)
}
