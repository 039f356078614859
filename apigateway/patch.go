package apigateway

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// patchOp is a PatchOperation: its value is always text.
type patchOp struct{ Op, Path, Value, From string }

// readPatch is the operations of a request.
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

// patches is which paths each operation can have; those with a <…> in them stand for a
// form.
type patches map[string][]string

// allow refuses an operation that is not offered on a path; form is the path as patches
// has it.
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
