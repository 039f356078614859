package quota

// MustParse returns what Parse returns, for quotas that are constants of a program. It
// panics if Parse returns an error.
func MustParse(text string) Quota {
	q, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return q
}
