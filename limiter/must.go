package limiter

// MustParse returns what Parse returns, for limits that are constants of a program. It
// panics if Parse returns an error.
func MustParse(text string) Limit {
	l, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return l
}
