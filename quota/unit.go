package quota

import "strings"

// requests is the unit of a quota without a Unit.
const requests = "requests"

// UnitRule says in an error what IsUnit accepts.
const UnitRule = "want 1 to 32 lower-case ASCII letters, digits and '_', with a letter first"

// IsUnit reports whether s can be the Unit of a Quota. It may be empty.
func IsUnit(s string) bool {
	if s == "" {
		return true
	}
	return len(s) <= 32 && s[0] >= 'a' && s[0] <= 'z' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
