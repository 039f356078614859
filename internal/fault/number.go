package fault

import (
	"errors"
	"fmt"
	"strconv"
)

// Number returns the fault of a field whose text strconv could not read as a number. The
// errors of strconv name its own functions, which say nothing to a user.
func Number(field, text, want string, err error) error {
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s: %.40q: value out of range", field, text)
	}
	return fmt.Errorf("%s: %.40q: want %s", field, text, want)
}
