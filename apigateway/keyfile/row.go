package keyfile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ration-go/ration/apikey"
	"github.com/ration-go/ration/internal/fault"
)

// ErrInvalid is wrapped by the error for a file whose header breaks its rules, and for a
// bad argument of Import.
var ErrInvalid = errors.New("keyfile: invalid")

// invalid returns the faults of a call. It returns nil if there are none.
func invalid(faults ...error) error { return fault.Report(ErrInvalid, "", faults...) }

// Row is a key to be imported, with its secret and the plans that it is to be linked to.
type Row struct {
	// Line is the line of the file in which the row begins. The header is in line 1.
	Line int

	// Key holds the name, the description and whether the key is enabled.
	Key apikey.Key

	Secret  apikey.Secret
	PlanIDs []string
}

// RowError says what is wrong with one row. It holds no part of a secret.
type RowError struct {
	Line int
	Err  error
}

// Error returns the line and the fault, as one line of text.
func (e *RowError) Error() string {
	return fmt.Sprintf("line %d: %s", e.Line, strings.ReplaceAll(e.Err.Error(), "\n", "; "))
}

// Unwrap returns the fault.
func (e *RowError) Unwrap() error { return e.Err }

// MissingColumnError reports that the header of a file lacks a required column.
type MissingColumnError struct{ Column string }

// Error returns the text of Amazon API Gateway, which scripts look for.
func (e *MissingColumnError) Error() string { return "Missing required column '" + e.Column + "'" }

// The columns of an API key file, in lower case.
const (
	nameColumn        = "name"
	keyColumn         = "key"
	descriptionColumn = "description"
	enabledColumn     = "enabled"
	plansColumn       = "usageplanids"
)

var known = map[string]bool{
	nameColumn: true, keyColumn: true, descriptionColumn: true, enabledColumn: true, plansColumn: true,
}

// required lists the columns that a file must have, as Amazon API Gateway spells them.
var required = []string{"Name", "Key"}
