package limiter

// MustParse returns what ParseLimit returns, for limits that are constants of a program.
// It panics where ParseLimit returns an error.
func MustParse(text string) Limit {
	l, err := ParseLimit(text)
	if err != nil {
		panic(err)
	}
	return l
}
