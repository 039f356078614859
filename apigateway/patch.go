package apigateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// patchOp is a PatchOperation. AWS sends every value as a JSON string, numbers too.
type patchOp struct{ Op, Path, Value, From string }

// readPatch returns the operations of a request. It refuses an unknown op with the text
// of AWS's model validation.
func readPatch(r *http.Request) ([]patchOp, error) {
	var in struct{ PatchOperations []patchOp }
	if err := read(r, &in); err != nil {
		return nil, err
	}
	known := []string{"add", "remove", "move", "test", "replace", "copy"}
	for i, op := range in.PatchOperations {
		if !slices.Contains(known, op.Op) {
			return nil, &Error{http.StatusBadRequest, "ValidationException", "1 validation error detected: Value '" + op.Op +
				"' at 'patchOperations." + strconv.Itoa(i+1) + ".member.op' failed to satisfy constraint: Member must satisfy enum value set: [" +
				strings.Join(known, ", ") + "]"}
		}
	}
	return in.PatchOperations, nil
}

// patches maps each op to the paths that it supports, in the order in which AWS lists
// them in its error texts. A path with a <…> in it stands for all paths of that form.
type patches map[string][]string

// allow returns an error if op is not supported on its path. form is the path in the form
// that patches has. The two blanks after "path" are AWS's.
func (p patches) allow(op patchOp, form string) error {
	offered, ok := p[op.Op]
	switch {
	case !ok:
		return badRequest("Invalid patch path  '%s' specified for op '%s'. Please choose supported operations", op.Path, op.Op)
	case !slices.Contains(offered, form):
		return badRequest("Invalid patch path  '%s' specified for op '%s'. Must be one of: [%s]", op.Path, op.Op, strings.Join(offered, ", "))
	}
	return nil
}
