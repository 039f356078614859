package rationfiber

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v3"
)

// errConstraint answers all requests of an app whose routes cannot be told apart. It is
// made once, and names no route, because fiber shows its text to clients.
var errConstraint = fiber.NewError(fiber.StatusInternalServerError,
	"rationfiber: a route has a constraint that fiber does not have: pass it to Middleware")

// ownConstraints are the names of the constraints that fiber has.
var ownConstraints = []string{
	fiber.ConstraintInt, fiber.ConstraintBool, fiber.ConstraintFloat, fiber.ConstraintAlpha, fiber.ConstraintGUID,
	fiber.ConstraintMinLen, fiber.ConstraintMinLenLower, fiber.ConstraintMaxLen, fiber.ConstraintMaxLenLower, fiber.ConstraintLen,
	fiber.ConstraintBetweenLen, fiber.ConstraintBetweenLenLower, fiber.ConstraintMin, fiber.ConstraintMax, fiber.ConstraintRange,
	fiber.ConstraintDatetime, fiber.ConstraintRegex,
}

// constraintFault returns an error if a path has a constraint that is neither fiber's own
// nor one of others. Without it, the route would get requests that it refuses.
//
// Security: such a route may be public, and another route may need a key for the same
// requests.
func constraintFault(path string, others []fiber.CustomConstraint) error {
	for _, name := range constraintsOf(path) {
		isName := func(c fiber.CustomConstraint) bool { return c.Name() == name }
		if !slices.Contains(ownConstraints, name) && !slices.ContainsFunc(others, isName) {
			return errConstraint
		}
	}
	return nil
}

// constraintsOf returns the names of the constraints in a path, such as "int" and "min"
// of "/:id<int;min(3)>".
func constraintsOf(path string) (names []string) {
	for {
		begin := unescaped(path, '<')
		if begin < 0 {
			return names
		}
		path = path[begin+1:]
		end := unescaped(path, '>')
		if end < 0 {
			return names
		}
		names = append(names, namesIn(path[:end])...)
		path = path[end+1:]
	}
}

// namesIn returns the names in a list of constraints.
func namesIn(list string) (names []string) {
	for list != "" {
		one, after := list, ""
		if i := unescaped(list, ';'); i >= 0 {
			one, after = list[:i], list[i+1:]
		}
		if i := unescaped(one, '('); i >= 0 && strings.Contains(one, ")") {
			one = one[:i]
		}
		names, list = append(names, one), after
	}
	return names
}

// unescaped returns the index of the first c in s that has no backslash before it, or -1.
func unescaped(s string, c byte) int {
	for i := range len(s) {
		if s[i] == c && (i == 0 || s[i-1] != '\\') {
			return i
		}
	}
	return -1
}
